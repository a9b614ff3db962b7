"""Which record keys the reports ask a run for, whether it has them or not."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from goalscope.diagnostics.record import Line, RunRecord
from goalscope.reports.figures.plot import Plot, SavedPlot
from goalscope.reports.numbers import runs
from goalscope.reports.pages import comparison, probes, run


class _Noting(dict[str, Any]):
    """A mapping that notes what it is asked for."""

    def __init__(self, content: Mapping[str, Any], asked: set[str]) -> None:
        super().__init__(content)
        self._asked = asked

    def __getitem__(self, key: str) -> Any:
        self._asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._asked.add(str(key))
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._asked.add(key)
        return super().get(key, default)


def _unsaved(plots: Sequence[Plot], folder: Path) -> list[SavedPlot]:
    for plot in plots:  # a figure may ask as it is made
        plot.make()
    return [SavedPlot(plot, "", False) for plot in plots]


@contextmanager
def keys_asked() -> Iterator[set[str]]:
    """Note the keys that pages made inside this context ask their runs for; no figure is saved."""
    asked: set[str] = set()
    read, tables = runs.read_run, runs._by_metric

    def noting(lines: list[Line]) -> list[Line]:
        return [replace(line, values=_Noting(line.values, asked)) for line in lines]

    def read_run(folder: Path | str) -> RunRecord:
        record = read(folder)
        return replace(record, lines=noting(record.lines), probes=noting(record.probes))

    with (
        patch.object(runs, "read_run", read_run),
        patch.object(runs, "_by_metric", lambda lines: _Noting(tables(lines), asked)),
        patch.object(comparison, "save", _unsaved),
        patch.object(run, "save", _unsaved),
        patch.object(probes, "save", _unsaved),
    ):
        yield asked
