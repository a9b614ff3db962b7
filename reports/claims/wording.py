"""Numbers of a quantity in words: in its unit, with their interval."""

import math

from goalscope.reports.claims.links import JudgedQuantity
from goalscope.reports.claims.quantities import Quantity
from goalscope.reports.statistics.formatting import percent, plain
from goalscope.reports.statistics.paired import PairedDifference
from goalscope.reports.statistics.scales import Scale


def value_of(quantity: Quantity, value: float) -> str:
    """Return a number of a quantity, without its unit unless that is percent."""
    return percent(value) if quantity.unit == "share" else plain(value)


def with_interval(judged: JudgedQuantity) -> str:
    """Return "mean [low to high]", or why there is none.

    The mean alone for one seed, and where all three read alike, as in "above 99.99 %"; none of a
    seed that is left over where all others have no share to judge.
    """
    quantity, interval = judged.quantity, judged.interval
    if judged.sample.silent:
        return "no share to judge"
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


def difference_in_words(quantity: Quantity, difference: PairedDifference | None) -> str:
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
