"""CSV files: of a run's metrics, and of any rows."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from goalscope.diagnostics.record import Line
from goalscope.diagnostics.record.keys import parse
from goalscope.reports.errors import ReportError
from goalscope.reports.numbers.runs import Run


def write_family_tables(run: Run, folder: Path) -> list[Path]:
    """Write one CSV per metric family and return their paths.

    One row per line of the record, one column per metric. An empty cell was not measured; a
    measured NaN or infinity is written as such.
    """
    lines = run.record.measurements
    kinds = dict.fromkeys(tuple(line.values) for line in lines)
    paths = []
    for family in dict.fromkeys(parse(key).family for kind in kinds for key in kind):
        keys = dict.fromkeys(k for kind in kinds for k in kind if parse(k).family == family)
        forms = {kind: _form(kind, keys) for kind in kinds if not keys.keys().isdisjoint(kind)}
        path = folder / f"{quote(family, safe='')}.csv"
        with _table_file(path) as file:
            names = (key.removeprefix(f"{family}/") for key in keys)
            csv.writer(file).writerow(["step", "update", *names])
            file.writelines(
                _row(line, *forms[kind]) for line in lines if (kind := tuple(line.values)) in forms
            )
        paths.append(path)
    return paths


def _form(kind: Sequence[str], keys: Iterable[str]) -> tuple[list[str], str]:
    """Return which keys a kind of line has of a table's, and the form of its row."""
    held = {*kind}
    cells = ["%s" if key in held else "" for key in keys]
    return [key for key in keys if key in held], ",".join(["%d", "%d", *cells]) + "\r\n"


def _row(line: Line, keys: Sequence[str], form: str) -> str:
    values = [line.values[key] for key in keys]
    if math.isfinite(sum(map(abs, values))):  # nearly always: all at once is several times faster
        return form.replace("%s", "%.7g") % (line.step, line.update, *values)
    return form % (line.step, line.update, *map(number, values))


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
    try:
        with open(fresh(path), "w", newline="", encoding="utf-8", errors="replace") as file:
            yield file
    except OSError as error:
        raise ReportError(
            f"cannot write {path}: {error.strerror or error}; "
            "free the disk or choose another folder"
        ) from error


def folder_for(out: Path, name: str) -> Path:
    """Return a folder beside a page for files that belong to it, made if missing.

    Raises:
        ReportError: it cannot be made, or is a link that leads elsewhere.
    """
    folder = out / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        elsewhere = folder.resolve() != out.resolve() / name
    except OSError as error:
        raise ReportError(
            f"cannot write a page to {out}: {error.strerror or error}; choose another folder"
        ) from error
    if elsewhere:
        raise ReportError(f"{folder} is a link that leads elsewhere; remove it")
    return folder


def fresh(path: Path) -> Path:
    """Return a path at which nothing lies any more: a link that lay there would be followed."""
    path.unlink(missing_ok=True)
    return path


def number(value: float) -> str:
    """Return a number for a table: seven significant digits, NaN and infinities as words."""
    if math.isfinite(value):
        return f"{value:.7g}"
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
