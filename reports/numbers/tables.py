"""CSV files: of a run's metrics, and of any rows."""

import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goalscope.diagnostics.record import Line
from goalscope.diagnostics.record.keys import parse
from goalscope.reports.errors import ReportError
from goalscope.reports.numbers.runs import Run


def write_family_tables(run: Run, folder: Path) -> list[Path]:
    """Write one CSV per metric family and return their paths.

    One row per line of the record, one column per metric. An empty cell was not measured; a
    measured NaN or infinity is written as such.
    """
    families: dict[str, list[Line]] = defaultdict(list)
    for line in run.record.measurements:
        for family in dict.fromkeys(parse(key).family for key in line.values):
            families[family].append(line)
    paths = []
    for family, lines in families.items():
        names = {
            key: key.removeprefix(f"{family}/")
            for line in lines
            for key in line.values
            if parse(key).family == family
        }
        rows = [
            {
                "step": line.step,
                "update": line.update,
                **{names[k]: number(v) for k, v in line.values.items() if k in names},
            }
            for line in lines
        ]
        path = folder / f"{family}.csv"
        write_rows(path, rows, ["step", "update", *names.values()])
        paths.append(path)
    return paths


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows to a CSV file; a column that a row lacks stays empty.

    Raises:
        ReportError: the file cannot be written.
    """
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise ReportError(
            f"cannot write {path}: {error.strerror or error}; free the disk or choose another "
            "folder"
        ) from error


def number(value: float) -> str:
    """Return a number for a table: seven significant digits, NaN and infinities as words."""
    if math.isfinite(value):
        return f"{value:.7g}"
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
