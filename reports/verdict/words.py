"""Numbers in words: percentages, intervals, and the unit each quantity is read in."""

import math

from goalscope.reports.verdict.quantities import Quantity
from goalscope.reports.verdict.statistics import Difference, Interval, Scale


def plain(value: float) -> str:
    """Return a number with two significant digits, in full between 0.001 and a million."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite"
    if value == 0:
        return "0"
    if 0.001 <= abs(value) < 1e6:
        digits = max(0, 1 - math.floor(math.log10(abs(value))))
        return f"{value:,.{digits}f}"
    return f"{value:.1e}"


def percent(share: float) -> str:
    """Return a share of 0..1 in percent, small ones told from nothing and large ones from all."""
    if not math.isfinite(share):
        return "NaN"
    if 0 < share < 0.0001:
        return "below 0.01 %"
    if 0.9999 < share < 1:
        return "above 99.99 %"
    points = 100 * share
    near = min(points, 100 - points)
    digits = 0 if near >= 9.95 or near == 0 else 1 if near >= 0.095 else 2
    return f"{points:.{digits}f} %"


def value_of(quantity: Quantity, value: float) -> str:
    """Return a number of a quantity, without its unit unless that is percent."""
    return percent(value) if quantity.unit == "share" else plain(value)


def with_interval(quantity: Quantity, interval: Interval | None) -> str:
    """Return "mean [low to high]", or "not measured".

    The mean alone for one seed, and where all three read alike, as in "above 99.99 %".
    """
    if interval is None:
        return "not measured"
    mean = value_of(quantity, interval.mean)
    if math.isnan(interval.low):
        return mean
    low, high = value_of(quantity, interval.low), value_of(quantity, interval.high)
    if low == mean == high:
        return mean
    if quantity.unit == "share":
        low = low.removesuffix(" %")
    return f"{mean} [{low} to {high}]"


def difference_in_words(quantity: Quantity, difference: Difference | None) -> str:
    """Return a paired difference with its interval: a factor (of odds, for shares), or of z."""
    if difference is None:
        return "not measured"
    numbers = (difference.mean, difference.low, difference.high)
    if quantity.scale in (Scale.LOGIT, Scale.LOG):
        numbers = tuple(map(_exponential, numbers))  # type: ignore[assignment]
    mean, low, high = map(plain, numbers)
    interval = "" if math.isnan(difference.low) else f" [{low} to {high}]"
    if quantity.scale in (Scale.LOGIT, Scale.LOG):
        return f"x {mean}{interval}"
    return f"{'+' if difference.mean > 0 else ''}{mean}{interval} (Fisher's z)"


def _exponential(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def count(number: int, word: str) -> str:
    """Return "1 seed", "3 seeds"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
