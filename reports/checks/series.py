"""A number over a run: its mean in a window, and how long it lies where it should not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goalscope.reports.numbers.windows import Window

IN_A_ROW = 3  # one measurement, or two, can be chance
SPAN = 100  # updates; the first ten are measured one by one, and are a moment of the run
PART = 0.1  # of the run: what passes sooner has not shaped it


@dataclass(frozen=True, eq=False)
class Series:
    """A number over a run.

    Attributes:
        updates: at which it was measured, ascending, each once.
        values: the mean of what was measured there; NaN and infinities included.
    """

    updates: NDArray[np.int64]
    values: NDArray[np.float64]

    def map(self, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> "Series":
        """Return the series of changed values."""
        return Series(self.updates, change(self.values))

    def is_same(self, other: "Series") -> bool:
        """Whether both hold the same values at the same updates."""
        return np.array_equal(self.updates, other.updates) and np.array_equal(
            self.values, other.values, equal_nan=True
        )

    def finite(self) -> "Series":
        """Return it without NaN and infinities."""
        kept = np.isfinite(self.values)
        return Series(self.updates[kept], self.values[kept])

    def mean(self, window: Window) -> float | None:
        """Return its update-weighted mean in a window of updates (`Window.means`).

        Returns:
            None where nothing was measured; NaN where any of it is NaN or infinite.
        """
        if window.time == "initialisation":
            first = min(self.updates[:1], default=0)  # a gradient exists from the first update on
            inside = (self.updates == first) & (self.updates <= 1)
        else:
            inside = (self.updates >= window.first) & (self.updates <= window.last)
            inside &= self.updates > 0
        return window.means(self.updates[inside], self.values[None, inside])[0]


@dataclass(frozen=True)
class Spell:
    """A part of a run in which a number lies on the speaking side of its threshold.

    Attributes:
        since: the first update of it.
        until: the last one; None where it lasts to the run's end.
        first: the number at its first update.
        last: at its last.
        from_first: whether it begins where the number was first measured; what was before is open.
    """

    since: int
    until: int | None
    first: float
    last: float
    from_first: bool = False


def series_of(updates: NDArray[np.int64], values: NDArray[np.float64]) -> Series:
    """Return a series, its updates sorted."""
    if (updates[1:] > updates[:-1]).all():
        return Series(updates, values)
    places, group, counts = np.unique(updates, return_inverse=True, return_counts=True)
    return Series(places, np.bincount(group, weights=values, minlength=len(places)) / counts)


def together(
    series: Sequence[Series | None],
    combine: Callable[[list[NDArray[np.float64]]], NDArray[np.float64]],
) -> Series | None:
    """Return one number made of several, at the updates at which all were measured.

    Args:
        series: of the numbers; None for one that was not measured, and then there is none at all.
        combine: what makes one array of theirs.
    """
    known = [one for one in series if one is not None]
    if len(known) < len(series) or not known:
        return None
    updates = known[0].updates
    for one in known[1:]:
        if one.updates is not updates:  # metrics that the same lines hold have the same ones
            updates = np.intersect1d(updates, one.updates)
    if not len(updates):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        values = combine(
            [
                one.values if one.updates is updates else one.values[np.isin(one.updates, updates)]
                for one in known
            ]
        )
    return Series(updates, values)


def find_spell(
    series: Series,
    speaks: Callable[[NDArray[np.float64]], NDArray[np.bool_]],
    *,
    updates: int,
    patient: bool = True,
    to_the_end: bool = False,
) -> Spell | None:
    """Return the part of a run in which a number speaks and goes on speaking; None without one.

    It lasts at least 3 measurements in a row over at least 100 updates, and to the run's end or for
    a tenth of the run. Of several such parts the one that lasts to the end, else the longest.

    Args:
        series: the number.
        speaks: which values are on the speaking side.
        updates: of the run.
        patient: False where one measurement is enough.
        to_the_end: only what lasts to the last measurement counts.
    """
    series = series.finite()
    spoken = np.concatenate([[False], speaks(series.values), [False]]).astype(int)
    begins, ends = np.flatnonzero(np.diff(spoken) == 1), np.flatnonzero(np.diff(spoken) == -1) - 1
    last = len(series.updates) - 1
    found = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        length = int(series.updates[end] - series.updates[begin])
        lasting = end == last
        if patient and (end - begin + 1 < IN_A_ROW or length < SPAN):
            continue
        if lasting or (not to_the_end and length >= PART * updates):
            found.append((lasting, length, begin, end))
    if not found:
        return None
    lasting, _, begin, end = max(found)
    return Spell(
        int(series.updates[begin]),
        None if lasting else int(series.updates[end]),
        float(series.values[begin]),
        float(series.values[end]),
        begin == 0,
    )
