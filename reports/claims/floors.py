"""Floors: what an agent without any skill succeeds in, as runs recorded it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from goalscope.reports.numbers.runs import Run

_FLOORS = {"noop": "does nothing", "random": "acts at random"}


@dataclass(frozen=True)
class RecordedFloor:
    """The success of an agent without any skill.

    Attributes:
        label: what it does.
        rate: of success, 0..1.
        low: lower end of its 95 % Wilson interval.
        high: upper end.
        episodes: it was measured over.
    """

    label: str
    rate: float
    low: float
    high: float
    episodes: int


def recorded_floors(runs: Sequence[Run]) -> tuple[RecordedFloor, ...]:
    """Return the floors that all the runs recorded alike; empty where they did not."""
    found = {tuple(_floors(run)) for run in runs}
    return found.pop() if len(found) == 1 else ()


def highest_floor(runs: Sequence[Run]) -> RecordedFloor | None:
    """Return the floor that success has to pass: the higher one of those recorded alike."""
    return max(recorded_floors(runs), key=lambda floor: floor.high, default=None)


def _floors(run: Run) -> list[RecordedFloor]:
    floors = []
    for policy, label in _FLOORS.items():
        names = [f"floor.{policy}.{name}" for name in ("success_rate", "low", "high")]
        values: list[Any] = [run.settings.get(name) for name in (*names, "floor.episodes")]
        if all(isinstance(value, int | float) and math.isfinite(value) for value in values):
            rate, low, high, episodes = map(float, values)
            floors.append(RecordedFloor(label, rate, low, high, int(episodes)))
    return floors
