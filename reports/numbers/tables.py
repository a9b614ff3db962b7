"""CSV files: of a run's metrics, and of any rows."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

import msgspec
import numpy as np
from numpy.typing import NDArray

from goalscope.diagnostics.record import Lines
from goalscope.diagnostics.record.keys import parse
from goalscope.reports.files import whole
from goalscope.reports.numbers.runs import Run

_DIGITS = 7  # significant, of a number in a table
_EXACT_TENS = 10.0 ** np.arange(23)  # a larger power of ten is no float
_LINES = 1024  # written at a time


def write_family_tables(run: Run, folder: Path) -> list[Path]:
    """Write one CSV per metric family and return their paths.

    One row per line of the record, one column per metric. An empty cell was not measured; a
    measured NaN or infinity is written as such.
    """
    lines = run.record.lines
    families = np.array([parse(key).family for key in lines.names])
    measured = np.bincount(lines.keys, minlength=len(families)) > 0
    paths = []
    for family in dict.fromkeys(families[measured].tolist()):
        own = measured & (families == family)
        path = folder / f"{quote(family, safe='')}.csv"
        with _table_file(path) as file:
            names = (key.removeprefix(f"{family}/") for key in compress(lines.names, own))
            csv.writer(file).writerow(["step", "update", *names])
            for first in range(0, len(lines), _LINES):
                file.write(_rows(lines, first, own))
        paths.append(path)
    return paths


def _rows(lines: Lines, first: int, own: NDArray[np.bool_]) -> str:
    """Return a table's rows of some lines.

    Args:
        lines: of the record.
        first: of these lines.
        own: bool (names,), whether a metric stands in the table.
    """
    starts = lines.starts[first : first + _LINES + 1]
    part = slice(starts[0], starts[-1])
    held = own[lines.keys[part]]
    of_line = np.repeat(np.arange(len(starts) - 1), np.diff(starts))[held]
    if not len(of_line):
        return ""
    some, rows = np.unique(of_line, return_inverse=True)
    columns = (1 + np.cumsum(own))[lines.keys[part][held]]
    cells = np.full((len(some), 2 + np.count_nonzero(own)), None, object)
    cells[:, 0], cells[:, 1] = lines.steps[first + some], lines.updates[first + some]
    cells[rows, columns] = _cells(lines.values[part][held])
    return _csv(cells)


def _cells(values: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return numbers as a table holds them: rounded, and what is not finite in words.

    The tiniest and the largest keep all their digits.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        decimals = _DIGITS - 1 - np.floor(np.log10(np.abs(values)))
        apt = np.abs(decimals) < len(_EXACT_TENS)
        tens = _EXACT_TENS[np.where(apt, np.abs(decimals), 0).astype(np.int64)]
        small, large = np.round(values * tens) / tens, np.round(values / tens) * tens
    cells = np.where(apt, np.where(decimals >= 0, small, large), values).astype(object)
    broken = ~np.isfinite(values)
    cells[broken] = [number(value) for value in values[broken].tolist()]
    return cells


def _csv(cells: NDArray[np.object_]) -> str:
    """Return rows of numbers, words without quotes and None as CSV: as JSON, without its marks.

    Python's own way takes several times as long, and a long run has millions of numbers.
    """
    rows = msgspec.json.encode(cells.tolist()).decode()[2:-2].replace("],[", "\r\n")
    return rows.replace("null", "").replace('"', "") + "\r\n"


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows to a CSV file; a column that a row lacks stays empty.

    Raises:
        ReportError: the file cannot be written.
    """
    with _table_file(path) as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


@contextmanager
def _table_file(path: Path) -> Iterator[TextIO]:
    with (
        whole(path) as draft,
        open(draft, "w", newline="", encoding="utf-8", errors="replace") as file,
    ):
        yield file


def number(value: float) -> str:
    """Return a number for a table: seven significant digits, NaN and infinities as words."""
    if math.isfinite(value):
        return f"{value:.{_DIGITS}g}"
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
