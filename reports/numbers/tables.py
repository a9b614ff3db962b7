"""CSV files: of a run's metrics, and of any rows."""

import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
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
        path = folder / f"{quote(family, safe='')}.csv"
        write_rows(path, rows, ["step", "update", *names.values()])
        paths.append(path)
    return paths


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows to a CSV file; a column that a row lacks stays empty.

    Raises:
        ReportError: the file cannot be written.
    """
    try:
        with open(fresh(path), "w", newline="", encoding="utf-8", errors="replace") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
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
