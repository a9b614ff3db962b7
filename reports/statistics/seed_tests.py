"""Tests over seeds: a two-sided p-value and a side each, before they are judged together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from goalscope.reports.statistics.formatting import count, listed
from goalscope.reports.statistics.intervals import threshold_p
from goalscope.reports.statistics.paired import PairedDifference, paired_difference
from goalscope.reports.statistics.samples import Sample, both
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

Way = Literal["for", "against"]
OTHER_WAY: dict[Way, Way] = {"for": "against", "against": "for"}


@dataclass(frozen=True)
class SeedTest:
    """A claim tested over seeds, by itself.

    Attributes:
        side: where the mean lies; says nothing without a p-value.
        p_value: two-sided, that the mean lies on neither side; None where nothing was tested.
        seeds: how many have a number.
        whole: whether every seed has one.
        reason: what was compared, or why nothing was.
    """

    side: Way
    p_value: float | None
    seeds: int
    whole: bool
    reason: str

    @property
    def flipped(self) -> "SeedTest":
        """The test of the opposite claim."""
        return replace(self, side=OTHER_WAY[self.side])


def untested(reason: str, seeds: int = 0) -> SeedTest:
    """Return that nothing was tested, and why."""
    return SeedTest("against", None, seeds, False, reason)


def below_threshold(
    sample: Sample, scale: Scale, threshold: float, thresholds: Thresholds
) -> SeedTest:
    """Return the t-test of whether a quantity lies below its threshold, on its scale.

    The distance of a seed to the threshold counts up to a factor of a thousand either way
    (`intervals.threshold_p`): an exact zero is as far below as it gets.
    """
    values = list(sample.numbers.values())
    gaps = f"; {sample.gaps}" if sample.gaps else ""
    if not values:
        return untested(sample.gaps or "no run measured it")
    if len(values) < thresholds.seeds_to_lean:
        return untested(f"{count(len(values), 'seed')} is no test{gaps}", len(values))
    mean, p_value = threshold_p(values, scale, threshold)
    side: Way = "for" if mean < 0 else "against"
    where = "below" if side == "for" else "at or above"
    reason = f"mean of {count(len(values), 'seed')} {where} {threshold:g}{gaps}"
    return SeedTest(side, p_value, len(values), sample.whole, reason)


def above_threshold(
    sample: Sample, scale: Scale, threshold: float, thresholds: Thresholds
) -> SeedTest:
    """Return the t-test of whether a quantity lies at or above its threshold, on its scale."""
    return below_threshold(sample, scale, threshold, thresholds).flipped


def raised(
    baseline: Sample, other: Sample, scale: Scale, thresholds: Thresholds
) -> tuple[SeedTest, PairedDifference | None]:
    """Return the test of whether a quantity is higher in the other arm, and the difference.

    Paired by seed; a seed takes part where both arms have a number for it.
    """
    before, after, sample = both(baseline, other)
    gaps = f" ({sample.gaps})" if sample.gaps else ""
    if not before:
        return untested(f"no seed with a number in both arms{gaps}"), None
    difference = paired_difference(before, after, scale, thresholds.confidence)
    pairs = count(len(before), "pair")
    if len(before) < thresholds.seeds_to_lean:
        return untested(f"{pairs} is no test{gaps}", len(before)), difference
    # The mean that the p-value is of: an exact 0 moves the other one by as much as all seeds else.
    side: Way = "for" if difference.t_test_mean > 0 else "against"
    where = "higher" if side == "for" else "not higher"
    reason = f"mean of {pairs} of seeds {where} than the baseline{gaps}"
    test = SeedTest(side, difference.t_test_p, len(before), sample.whole, reason)
    return test, difference


def all_of(parts: Sequence[tuple[str, SeedTest]]) -> SeedTest:
    """Return the test of a claim that needs all its parts.

    It is for where every part is, and its p is the largest (all of them must hold:
    intersection-union). Where any part is against, it is against, and its p is the smallest of
    those times the number of parts (one of them is enough: Bonferroni). A part without a test
    leaves "for" out of reach.

    Args:
        parts: name and test of each; at least one.
    """
    if len(parts) == 1:
        return parts[0][1]
    against = [(n, t) for n, t in parts if t.side == "against" and t.p_value is not None]
    if against:
        name, first = min(against, key=lambda part: part[1].p_value or 0.0)
        p_value = min(1.0, (first.p_value or 0.0) * len(parts))
        return replace(first, p_value=p_value, reason=f"{name}: {first.reason}")
    missing = [(n, t) for n, t in parts if t.p_value is None]
    if missing:
        reasons = dict.fromkeys(test.reason for _, test in missing)
        names = listed([name for name, _ in missing])
        return untested(f"{names}: {'; '.join(reasons)}", min(t.seeds for _, t in missing))
    name, last = max(parts, key=lambda part: part[1].p_value or 0.0)
    return SeedTest(
        "for",
        last.p_value,
        min(test.seeds for _, test in parts),
        all(test.whole for _, test in parts),
        f"all parts, the least clear: {name}, {last.reason}",
    )


def any_of(parts: Sequence[tuple[str, SeedTest]]) -> SeedTest:
    """Return the test of a claim of which one part is enough: what is left when none holds."""
    return all_of([(name, test.flipped) for name, test in parts]).flipped
