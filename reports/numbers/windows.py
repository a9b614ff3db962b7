"""The three times, and one number per run, metric and time.

A verdict that averages over time is wrong: the balance at initialisation and after some hundred
updates can differ in sign. Each window is the same range of updates for all runs compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from goalscope.diagnostics.record.keys import Family, parse
from goalscope.reports.numbers.runs import Run

Time = Literal["initialisation", "early", "late"]
Axis = Literal["update", "step"]
TIMES: tuple[Time, ...] = ("initialisation", "early", "late")
EARLY_UPDATES = 1_000
LATE_PART = 0.1


@dataclass(frozen=True)
class Window:
    """A range of updates, or of steps.

    Attributes:
        time: which of the three.
        first: its first update or step.
        last: its last, included.
        axis: in what it is counted.
    """

    time: Time
    first: int
    last: int
    axis: Axis = "update"

    def __str__(self) -> str:
        if self.time == "initialisation":
            return "before the first update, gradients of the first"
        if self.first == self.last:
            return f"{self.axis} {self.first:,}"
        return f"{self.axis}s {self.first:,} to {self.last:,}"


@dataclass(frozen=True)
class Times:
    """The three windows of a page.

    Attributes:
        windows: time -> its window, None where the shortest run never reached it.
        shortest: title of the run that sets the late window.
        late_is_early: whether "late" still lies inside the first 1,000 updates.
    """

    windows: dict[Time, Window | None]
    shortest: str
    late_is_early: bool


def three_times(
    runs: Sequence[Run], early_updates: int = EARLY_UPDATES, late_part: float = LATE_PART
) -> Times:
    """Return the windows in updates, the same for all the runs.

    Initialisation is the state at update 0 (for gradients: update 1); early the updates 1 to 1,000;
    late the last tenth of the shortest run. Where late begins inside the early window, early ends
    just before it.
    """
    shortest = min(runs, key=lambda run: run.updates)
    early, late = _early_and_late(1, early_updates, shortest.updates, late_part, "update")
    return Times(
        {"initialisation": Window("initialisation", 0, 0), "early": early, "late": late},
        shortest.title,
        late is not None and late.first <= early_updates,
    )


def three_times_by_step(
    runs: Sequence[Run], early_updates: int = EARLY_UPDATES, late_part: float = LATE_PART
) -> Times:
    """Return the windows in environment steps, for arms with other updates per step.

    Early ends at the step by which the first of the runs has made 1,000 updates; late is the last
    tenth of the run with the fewest steps.
    """
    shortest = min(runs, key=lambda run: run.steps)
    ends = [_step_of_update(run, early_updates) for run in runs]
    early, late = _early_and_late(1, min(ends), shortest.steps, late_part, "step")
    return Times(
        {"initialisation": Window("initialisation", 0, 0), "early": early, "late": late},
        shortest.title,
        late is not None and late.first <= min(ends),
    )


def _early_and_late(
    first: int, early_end: int, total: int, late_part: float, axis: Axis
) -> tuple[Window | None, Window | None]:
    if total < 1:
        return None, None
    late = Window("late", max(1, total - int(total * late_part)), total, axis)
    last = min(early_end, late.first - 1)
    return (Window("early", first, last, axis) if last >= first else None), late


def _step_of_update(run: Run, update: int) -> int:
    """Return the step of the last line up to an update."""
    return max(line.step for line in run.record.lines if line.update <= max(update, 0))


def updates_per_step(run: Run) -> float:
    """Return updates made per environment transition once learning had begun, NaN for no update."""
    lines = [line for line in run.record.lines if line.update > 0]
    if not lines:
        return float("nan")
    first, last = lines[0], lines[-1]
    if last.step == first.step:
        return last.update / last.step if last.step else float("nan")
    return (last.update - first.update) / (last.step - first.step)


def steps_of(runs: Sequence[Run], window: Window | None) -> str:
    """Return the environment steps that a window's measurements span in these runs, in words."""
    if window is None:
        return "not reached"
    last = 0 if window.time == "initialisation" else window.last
    places = [
        line.step
        for run in runs
        for line in run.record.measurements
        if window.first <= (line.update if window.axis == "update" else line.step) <= last
    ]
    if not places:
        return "no measurement"
    first, end = min(places), max(places)
    return f"{first:,}" if first == end else f"{first:,} to {end:,}"


def window_number(run: Run, key: str, window: Window | None) -> float | None:
    """Return a metric's update-weighted mean in a window, by the trapezoid rule.

    Measurements lie denser at the start, so that a plain mean would be one of the first updates
    alone. Several measurements at one update count as their mean; a single one is itself.

    Returns:
        None where nothing was measured; NaN where any of the measurements is NaN or infinite.
    """
    table = run.metrics.get(key)
    if table is None or window is None:
        return None
    updates = table["update"].to_numpy()
    places = table[window.axis].to_numpy()
    if window.time == "initialisation":
        # A gradient exists from the first update on; a state exists before it.
        inside = updates == (1 if parse(key).family == Family.GRADIENT else 0)
    else:
        inside = (places >= window.first) & (places <= window.last) & (updates > 0)
    if not inside.any():
        return None
    values = table["value"].to_numpy(dtype=float)[inside]
    if not np.isfinite(values).all():
        return float("nan")
    x, group, counts = np.unique(places[inside], return_inverse=True, return_counts=True)
    y = np.bincount(group, weights=values) / counts
    if len(x) == 1:
        return float(y[0])
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))
