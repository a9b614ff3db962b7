"""The four times, and one number per run, metric and time.

A verdict that averages over time is wrong: the balance at initialisation and after some hundred
updates can differ in sign. Each window is the same range of updates for all runs compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from goalscope.diagnostics.record import FINISHED, Column
from goalscope.diagnostics.record.keys import Family, parse
from goalscope.reports.numbers.runs import Run

Time = Literal["initialisation", "early", "middle", "late"]
Axis = Literal["update", "step"]
TIMES: tuple[Time, ...] = ("initialisation", "early", "middle", "late")
EARLY_UPDATES = 1_000
LATE_PART = 0.1
COMPARABLE = 0.5  # of the longest run: a shorter one sets no window for the others


@dataclass(frozen=True)
class Window:
    """A range of updates, or of steps.

    Attributes:
        time: which of the four.
        first: its first update or step.
        last: its last, included.
        axis: in what it is counted.
    """

    time: Time
    first: int
    last: int
    axis: Axis = "update"

    def reaches(self, run: Run) -> bool:
        """Whether a run has come to its end: one that has not is left out of it."""
        return _length(run, self.axis) >= self.last

    def means(
        self, places: NDArray[np.int64], values: NDArray[np.float64]
    ) -> Sequence[float | None]:
        """Return the means of what was measured in it, over updates (or steps).

        Early, over their logarithm (du/u): else the end of it would hide its start.

        Args:
            places: inside the window.
            values: (metrics, places), measured there.

        Returns:
            A mean for each metric, NaN where any value is NaN or infinite; None without places.
        """
        if not len(places):
            return [None] * len(values)
        early = self.time == "early"
        return list(map(float, weighted_means(np.log(places) if early else places, values)))

    def __str__(self) -> str:
        if self.time == "initialisation":
            return "before the first update, gradients of the first"
        if self.first == self.last:
            return f"{self.axis} {self.first:,}"
        return f"{self.axis}s {self.first:,} to {self.last:,}"


@dataclass(frozen=True)
class Times:
    """The four windows of a page.

    Attributes:
        windows: time -> its window, None where no run that counts has reached it.
        shortest: title of the run that sets the late window.
        late_is_early: whether "late" still lies inside what counts as early.
        early_end: the update, or step, at which early ends if late does not begin before.
        left_out: titles of the runs that are left out of a window they did not reach -> the first
            such time.
    """

    windows: dict[Time, Window | None]
    shortest: str
    late_is_early: bool
    early_end: int
    left_out: dict[str, Time]


def four_times(
    runs: Sequence[Run], early_updates: int = EARLY_UPDATES, late_part: float = LATE_PART
) -> Times:
    """Return the windows in updates, the same for all the runs.

    Initialisation is the state at update 0 (for gradients: update 1); early the updates 1 to 1,000;
    late the last tenth of the shortest run that counts (`comparable`), and of what was measured
    before it alone the last measurement; middle all between. Where late begins inside the early
    window, early ends just before it, and there is no middle.
    """
    shortest = min(comparable(runs), key=lambda run: run.updates)
    return _times(runs, shortest, early_updates, shortest.updates, late_part, "update")


def four_times_by_step(
    runs: Sequence[Run], early_updates: int = EARLY_UPDATES, late_part: float = LATE_PART
) -> Times:
    """Return the windows in environment steps, for arms with other updates per step.

    Early ends at the step by which the first of the runs has made 1,000 updates; late is the last
    tenth of the run with the fewest steps.
    """
    counting = comparable(runs, "step")
    shortest = min(counting, key=lambda run: run.steps)
    early_end = min(_step_of_update(run, early_updates) for run in counting)
    return _times(runs, shortest, early_end, shortest.steps, late_part, "step")


def comparable(runs: Sequence[Run], axis: Axis = "update") -> list[Run]:
    """Return the runs that set the windows, or in steps the evaluations, common to all.

    Those that finished, or all where none has; and of these, what is at least half as long as the
    longest, in updates, or where steps are asked for in either. A run that crashed or was cut short
    is left out where it did not come to.
    """
    finished = [run for run in runs if has_finished(run)]
    axes: tuple[Axis, ...] = ("update",) if axis == "update" else ("update", "step")
    longest = {one: max(_length(run, one) for run in finished or runs) for one in axes}
    return [
        run
        for run in finished or runs
        if any(_length(run, one) >= COMPARABLE * longest[one] for one in axes)
    ]


def has_finished(run: Run) -> bool:
    """Whether a run came to the end that was planned."""
    end = run.record.end
    return end is not None and end.details.get("reason") == FINISHED


def _length(run: Run, axis: Axis) -> int:
    return run.updates if axis == "update" else run.steps


def _times(
    runs: Sequence[Run], shortest: Run, early_end: int, total: int, late_part: float, axis: Axis
) -> Times:
    windows: dict[Time, Window | None] = dict.fromkeys(TIMES)
    windows["initialisation"] = Window("initialisation", 0, 0)
    late_first = max(1, total - int(total * late_part))
    if total >= 1:
        windows["late"] = Window("late", late_first, total, axis)
    early_last = min(early_end, late_first - 1)
    if early_last >= 1:
        windows["early"] = Window("early", 1, early_last, axis)
        if late_first - 1 > early_last:
            windows["middle"] = Window("middle", early_last + 1, late_first - 1, axis)
    left_out: dict[str, Time] = {}
    for time, window in windows.items():
        for run in runs:
            if window is not None and not window.reaches(run):
                left_out.setdefault(run.title, time)
    late_is_early = total >= 1 and late_first <= early_end
    return Times(windows, shortest.title, late_is_early, early_end, left_out)


def _step_of_update(run: Run, update: int) -> int:
    """Return the step of the last line up to an update."""
    lines = run.record.lines
    return int(lines.steps[lines.updates <= max(update, 0)].max())


def updates_per_step(run: Run) -> float:
    """Return updates made per environment transition once learning had begun, NaN for no update."""
    lines = run.record.lines
    begun = np.flatnonzero(lines.updates > 0)
    if not len(begun):
        return float("nan")
    (first, last), (start, end) = lines.updates[begun[[0, -1]]], lines.steps[begun[[0, -1]]]
    if end == start:
        return float(last / end) if end else float("nan")
    return float((last - first) / (end - start))


def steps_of(runs: Sequence[Run], window: Window | None) -> str:
    """Return the environment steps that a window's measurements span in these runs, in words."""
    if window is None:
        return "not reached"
    last = 0 if window.time == "initialisation" else window.last
    places: list[int] = []
    for run in runs:
        lines = run.record.lines
        at = lines.updates if window.axis == "update" else lines.steps
        inside = (at >= window.first) & (at <= last)
        inside[[*lines.events]] = False
        places += lines.steps[inside].tolist()
    if not places:
        return "no measurement"
    first, end = min(places), max(places)
    return f"{first:,}" if first == end else f"{first:,} to {end:,}"


def window_number(run: Run, key: str, window: Window | None) -> float | None:
    """Return a metric's mean in a window, weighted by update (or step); early by its logarithm.

    Measurements lie denser at the start: a plain mean would be one of the first updates alone.

    Returns:
        None where nothing was measured, or the run did not come to the window's end; NaN where any
        of the measurements is NaN or infinite.
    """
    return window_numbers(run, [key], window)[0]


def window_numbers(run: Run, keys: Sequence[str], window: Window | None) -> list[float | None]:
    """Return the mean of each of several metrics in a window (`window_number`), all at once."""
    known = run.numbers.setdefault(window, {})
    unknown = [key for key in keys if key not in known]
    if unknown:
        columns = {key: column for key in unknown if (column := run.column(key)) is not None}
        known |= dict.fromkeys(unknown) | means_in(window, run, columns)
    return [known[key] for key in keys]


def means_in(
    window: Window | None, run: Run, columns: Mapping[str, Column]
) -> dict[str, float | None]:
    """Return the mean in a window of each of a run's columns, by record key (`window_number`)."""
    found: dict[str, float | None] = dict.fromkeys(columns)
    if window is None or not window.reaches(run):
        return found
    together: dict[tuple[int, bool], dict[str, Column]] = {}
    for key, column in columns.items():
        kind = id(column.updates), parse(key).family == Family.GRADIENT
        together.setdefault(kind, {})[key] = column
    for (_, gradients), alike in together.items():
        one = next(iter(alike.values()))
        places = one.updates if window.axis == "update" else one.steps
        if window.time == "initialisation":
            # A gradient exists from the first update on; a state exists before it.
            inside = one.updates == (1 if gradients else 0)
        else:
            inside = _inside(window, places) & (one.updates > 0)
        values = np.stack([column.values for column in alike.values()])
        means = window.means(places[inside], values.compress(inside, axis=1))
        found.update(zip(alike, means, strict=True))
    return found


def _inside(window: Window, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which places lie in a window.

    Of what was not measured in the last tenth at all, late is its last measurement before, in the
    second half of training: in a short run a tenth is less than the cadence.
    """
    first = window.first
    if window.time == "late" and not ((places >= first) & (places <= window.last)).any():
        second_half = places[(places < first) & (places >= window.last / 2)]
        first = int(second_half.max(initial=0)) or first
    return np.asarray((places >= first) & (places <= window.last))


def weighted_means(
    places: NDArray[np.int64] | NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the means of values over places in training, by the trapezoid rule.

    Several values at one place count as their mean; a single one is itself.

    Args:
        places: at least one.
        values: (metrics, places).

    Returns:
        A mean for each metric; NaN where any of its values is NaN or infinite.
    """
    finite = np.isfinite(values).all(axis=1, keepdims=True)
    values = np.where(finite, values, np.nan)
    x = places.astype(np.float64)
    if not (x[1:] > x[:-1]).all():
        order = np.argsort(x, kind="stable")
        x, first, counts = np.unique(x[order], return_index=True, return_counts=True)
        values = np.add.reduceat(values.take(order, axis=1), first, axis=1) / counts
    if len(x) == 1:
        return values[:, 0]
    halves = np.diff(x) * (values[:, 1:] + values[:, :-1]) / 2
    return np.asarray(halves.sum(axis=1) / (x[-1] - x[0]))
