"""The figures of a run's probes: drawn or absent, and which checkpoints and states they show."""

from collections.abc import Sequence
from dataclasses import dataclass

from goalscope.reports.figures.curves import Reference
from goalscope.reports.figures.plot import Plot
from goalscope.reports.numbers.probes import ProbedCheckpoint, Probes


@dataclass(frozen=True)
class Absent:
    """A figure that cannot be drawn of this run: what it would have been called, and why."""

    name: str
    title: str
    reason: str


Section = Plot | Absent


def tolerance_lines(probes: Probes) -> list[Reference]:
    """Return the distance that counts as success, as a line; none where it is not known."""
    task = probes.run.task
    if task.tolerance is None:
        return []
    return [Reference(task.shown(task.tolerance), f"tolerance {task.in_words(task.tolerance)}")]


def side_by_side(checkpoints: Sequence[ProbedCheckpoint]) -> list[ProbedCheckpoint]:
    """Return the first checkpoint, an early one and the last; fewer where there are fewer.

    Early: of those in between, the one nearest to a quarter of the updates.
    """
    if len(checkpoints) < 3:
        return list(checkpoints)
    quarter = checkpoints[-1].update / 4
    early = min(checkpoints[1:-1], key=lambda c: abs(c.update - quarter))
    return [checkpoints[0], early, checkpoints[-1]]


def spread_places(total: int, most: int) -> list[int]:
    """Return at most so many places of 0..total-1, evenly spread, both ends among them."""
    if total <= most:
        return list(range(total))
    return [round(i * (total - 1) / (most - 1)) for i in range(most)]


def evenly(checkpoints: Sequence[ProbedCheckpoint], most: int) -> list[ProbedCheckpoint]:
    """Return at most so many checkpoints, evenly spread, the first and the last among them."""
    return [checkpoints[place] for place in spread_places(len(checkpoints), most)]
