"""Which record keys the reports ask a run for, whether it has them or not."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from goalscope.diagnostics.record import Line, Lines, RunRecord
from goalscope.reports.figures.plot import DrawnPlot, Plot
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


def _undrawn(plots: Sequence[Plot], folder: Path, kinds: Collection[str]) -> list[DrawnPlot]:
    for plot in plots:  # a figure may ask as it is made
        plot.make()
    return [DrawnPlot(plot, "", "", {}) for plot in plots]


@contextmanager
def keys_asked() -> Iterator[set[str]]:
    """Note the keys that pages made inside this context ask their runs for; no figure is drawn."""
    asked: set[str] = set()
    read, by_metric, with_metric = runs.read_run, Lines.by_metric, Lines.with_metric

    def noting(lines: list[Line]) -> list[Line]:
        return [replace(line, values=_Noting(line.values, asked)) for line in lines]

    def read_run(folder: Path | str) -> RunRecord:
        record = read(folder)
        return replace(record, probes=noting(record.probes))

    def lines_with(lines: Lines, key: str) -> list[Line]:
        asked.add(key)
        return noting(with_metric(lines, key))

    with (
        patch.object(runs, "read_run", read_run),
        patch.object(Lines, "by_metric", lambda lines: _Noting(by_metric(lines), asked)),
        patch.object(Lines, "with_metric", lines_with),
        patch.object(comparison, "draw", _undrawn),
        patch.object(run, "draw", _undrawn),
        patch.object(probes, "draw", _undrawn),
    ):
        yield asked
