"""The five outcomes, and the rules by which numbers over seeds become one of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from goalscope.reports.statistics.intervals import Interval, t_interval, threshold_p
from goalscope.reports.statistics.paired import PairedDifference, paired_difference
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

Way = Literal["for", "against"]


class Outcome(Enum):
    """What a study can say of a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    LEANING = "leaning"
    UNDECIDED = "undecided"
    NOT_TESTED = "not tested"


OPPOSITE = {
    Outcome.SUPPORTED: Outcome.CONTRADICTED,
    Outcome.CONTRADICTED: Outcome.SUPPORTED,
}
OTHER_WAY: dict[Way, Way] = {"for": "against", "against": "for"}


@dataclass(frozen=True)
class Verdict:
    """An outcome with its reason.

    Attributes:
        outcome: one of the five.
        reason: why, in words.
        way: which way it leans; None unless it does.
        p_value: of the test behind it, two-sided; None where seeds were too few for a test.
    """

    outcome: Outcome
    reason: str
    way: Way | None = None
    p_value: float | None = None

    def __str__(self) -> str:
        return f"leaning {self.way}" if self.way else self.outcome.value


@dataclass(frozen=True)
class Sample:
    """A quantity's number for each seed of an arm, sorted by what can be used of it.

    Attributes:
        numbers: seed label -> finite number.
        failed: labels of the seeds whose number is NaN, infinite or impossible.
        missing: labels of the seeds without a measurement.
    """

    numbers: Mapping[str, float]
    failed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Every seed, with or without a number."""
        return (*self.numbers, *self.failed, *self.missing)

    @property
    def whole(self) -> bool:
        """Whether every seed has a number."""
        return not self.failed and not self.missing

    @property
    def gaps(self) -> str:
        """Which seeds count for nothing, in words; empty if none."""
        clauses = []
        if self.failed:
            clauses.append(f"failed with NaN or impossible values: {', '.join(self.failed)}")
        if self.missing:
            clauses.append(f"without a measurement: {', '.join(self.missing)}")
        return "; ".join(clauses)


def sort_sample(values: Mapping[str, float | None], scale: Scale) -> Sample:
    """Return the numbers of an arm's seeds, the unusable ones set apart by name."""
    numbers: dict[str, float] = {}
    failed, missing = [], []
    for label, value in values.items():
        if value is None:
            missing.append(label)
        elif not math.isfinite(value) or not scale.contains(value):
            failed.append(label)
        else:
            numbers[label] = value
    return Sample(numbers, tuple(failed), tuple(missing))


def judge_below(
    sample: Sample, scale: Scale, threshold: float, thresholds: Thresholds
) -> tuple[Verdict, Interval | None]:
    """Return whether a quantity lies below its threshold, and its interval over seeds.

    Supported or contradicted takes at least five seeds, all of them with a number, and an interval
    wholly on one side.
    """
    values = list(sample.numbers.values())
    if not values:
        return Verdict(Outcome.NOT_TESTED, sample.gaps or "no run measured it"), None
    interval = t_interval(values, scale, thresholds.confidence)
    side: Way | None = None
    if all(value < threshold for value in values):
        side = "for"
    elif all(value >= threshold for value in values):
        side = "against"
    decided: Outcome | None = None
    if interval.high < threshold:
        decided = Outcome.SUPPORTED
    elif interval.low >= threshold:
        decided = Outcome.CONTRADICTED
    where: dict[Way, str] = {"for": f"below {threshold:g}", "against": f"at or above {threshold:g}"}
    p_value = threshold_p(values, scale, threshold)
    return _decide(sample, "seed", side, where, decided, p_value, thresholds), interval


def judge_above(
    sample: Sample, scale: Scale, threshold: float, thresholds: Thresholds
) -> tuple[Verdict, Interval | None]:
    """Return whether a quantity lies at or above its threshold, and its interval over seeds.

    By the rules of `judge_below`, whose "for" is this one's "against".
    """
    verdict, interval = judge_below(sample, scale, threshold, thresholds)
    outcome = OPPOSITE.get(verdict.outcome, verdict.outcome)
    way = verdict.way and OTHER_WAY[verdict.way]
    return replace(verdict, outcome=outcome, way=way), interval


def judge_raised(
    baseline: Sample, other: Sample, scale: Scale, thresholds: Thresholds
) -> tuple[Verdict, PairedDifference | None]:
    """Return whether a quantity is higher in the other arm, paired by seed, and the difference.

    A seed takes part where both arms have a number for it. One that failed in either arm keeps the
    outcome at "leaning"; one that only one of the arms ran is left out.
    """
    pairs = [label for label in baseline.numbers if label in other.numbers]
    in_both = {*baseline.labels} & {*other.labels}
    sample = Sample(
        {label: other.numbers[label] for label in pairs},
        tuple(dict.fromkeys(n for n in (*baseline.failed, *other.failed) if n in in_both)),
        tuple(dict.fromkeys(n for n in (*baseline.missing, *other.missing) if n in in_both)),
    )
    if not pairs:
        gaps = f" ({sample.gaps})" if sample.gaps else ""
        return Verdict(Outcome.NOT_TESTED, f"no seed with a number in both arms{gaps}"), None
    difference = paired_difference(
        [baseline.numbers[label] for label in pairs],
        list(sample.numbers.values()),
        scale,
        thresholds.confidence,
    )
    rises = [other.numbers[label] - baseline.numbers[label] for label in pairs]
    side: Way | None = None
    if all(rise > 0 for rise in rises):
        side = "for"
    elif all(rise <= 0 for rise in rises):
        side = "against"
    decided: Outcome | None = None
    if difference.low > 0:
        decided = Outcome.SUPPORTED
    elif difference.high < 0:
        decided = Outcome.CONTRADICTED
    where: dict[Way, str] = {
        "for": "higher than the baseline",
        "against": "not higher than the baseline",
    }
    return _decide(
        sample, "pair", side, where, decided, difference.t_test_p, thresholds
    ), difference


def _decide(
    sample: Sample,
    unit: str,
    side: Way | None,
    where: Mapping[Way, str],
    decided: Outcome | None,
    p_value: float,
    thresholds: Thresholds,
) -> Verdict:
    count = len(sample.numbers)
    gaps = f"; {sample.gaps}" if sample.gaps else ""
    if count < thresholds.seeds_to_lean:
        return Verdict(Outcome.NOT_TESTED, f"{count} {unit} is no test{gaps}")
    if count < thresholds.seeds_to_test or not sample.whole:
        why = (
            f"a test needs {thresholds.seeds_to_test}"
            if count < thresholds.seeds_to_test
            else f"a test needs every {unit}"
        )
        if side is None:
            return Verdict(Outcome.UNDECIDED, f"{count} {unit}s on both sides; {why}{gaps}")
        return Verdict(Outcome.LEANING, f"all {count} {unit}s {where[side]}; {why}{gaps}", side)
    if decided is None:
        reason = f"the interval over {count} {unit}s holds both sides"
        return Verdict(Outcome.UNDECIDED, reason, p_value=p_value)
    way: Way = "for" if decided is Outcome.SUPPORTED else "against"
    reason = f"the interval over {count} {unit}s lies {where[way]}"
    return Verdict(decided, reason, p_value=p_value)
