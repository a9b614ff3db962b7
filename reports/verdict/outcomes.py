"""The five outcomes, and the rules by which numbers over seeds become one of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from goalscope.reports.verdict.statistics import (
    Difference,
    Interval,
    Scale,
    paired_difference,
    t_interval,
)

Way = Literal["for", "against"]
_NAMED_PARTS = 2  # more would drown the reason
_RANGES = (
    ("goal_share", 0, 1),
    ("q_goal_swap", 0, math.inf),
    ("q_goal_distance", -1, 1),
    ("early_updates", 0, math.inf),
    ("late_part", 0, 1),
    ("seeds_to_lean", 1, math.inf),
    ("seeds_to_test", 4, math.inf),
    ("confidence", 0.5, 1),
)


class Outcome(Enum):
    """What a study can say of a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    LEANING = "leaning"
    UNDECIDED = "undecided"
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Thresholds:
    """What decides, fixed before anyone looks; a study may set others and its page prints them.

    Attributes:
        goal_share: a goal's share of signal or gradient below this is "drowned" (C1, C2).
        q_goal_swap: below this the critic is deaf to an exchanged goal, in standard deviations of
            Q (C4).
        q_goal_distance: below this Q does not follow the distance to the goal (C4).
        early_updates: the last update that counts as early.
        late_part: the last part of the shortest run that counts as late, above 0 and below 1.
        seeds_to_lean: fewer seeds are no test at all.
        seeds_to_test: fewer seeds can at most lean.
        confidence: of the intervals, above 0.5 and below 1.

    Raises:
        ValueError: a value that makes no sense.
    """

    goal_share: float = 0.10
    q_goal_swap: float = 0.10
    q_goal_distance: float = 0.2
    early_updates: int = 1_000
    late_part: float = 0.1
    seeds_to_lean: int = 2
    seeds_to_test: int = 5
    confidence: float = 0.95

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} = {value!r} is not a number")
            if not low < value < high:
                raise ValueError(
                    f"{name} = {value:g} makes no sense; it must lie between {low:g} and {high:g}"
                )


@dataclass(frozen=True)
class Verdict:
    """An outcome with its reason.

    Attributes:
        outcome: one of the five.
        reason: why, in words.
        way: which way it leans; None unless it does.
    """

    outcome: Outcome
    reason: str
    way: Way | None = None

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
        parts = []
        if self.failed:
            parts.append(f"failed with NaN or impossible values: {', '.join(self.failed)}")
        if self.missing:
            parts.append(f"without a measurement: {', '.join(self.missing)}")
        return "; ".join(parts)


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
    sample: Sample, scale: Scale, threshold: float, rules: Thresholds
) -> tuple[Verdict, Interval | None]:
    """Return whether a quantity lies below its threshold, and its interval over seeds.

    Supported or contradicted takes at least five seeds, all of them with a number, and an interval
    wholly on one side.
    """
    values = list(sample.numbers.values())
    if not values:
        return Verdict(Outcome.NOT_TESTED, sample.gaps or "no run measured it"), None
    interval = t_interval(values, scale, rules.confidence)
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
    verdict = _decide(sample, "seed", side, where, decided, rules)
    return verdict, interval


def judge_raised(
    baseline: Sample, other: Sample, scale: Scale, rules: Thresholds
) -> tuple[Verdict, Difference | None]:
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
        rules.confidence,
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
    return _decide(sample, "pair", side, where, decided, rules), difference


def _decide(
    sample: Sample,
    unit: str,
    side: Way | None,
    where: Mapping[Way, str],
    decided: Outcome | None,
    rules: Thresholds,
) -> Verdict:
    count = len(sample.numbers)
    gaps = f"; {sample.gaps}" if sample.gaps else ""
    if count < rules.seeds_to_lean:
        return Verdict(Outcome.NOT_TESTED, f"{count} {unit} is no test{gaps}")
    if count < rules.seeds_to_test or not sample.whole:
        why = (
            f"a test needs {rules.seeds_to_test}"
            if count < rules.seeds_to_test
            else f"a test needs every {unit}"
        )
        if side is None:
            return Verdict(Outcome.UNDECIDED, f"{count} {unit}s on both sides; {why}{gaps}")
        return Verdict(Outcome.LEANING, f"all {count} {unit}s {where[side]}; {why}{gaps}", side)
    if decided is None:
        return Verdict(Outcome.UNDECIDED, f"the interval over {count} {unit}s holds both sides")
    way: Way = "for" if decided is Outcome.SUPPORTED else "against"
    return Verdict(decided, f"the interval over {count} {unit}s lies {where[way]}")


def conjunction(parts: Sequence[tuple[str, Verdict]]) -> Verdict:
    """Return the outcome of a claim that needs all its parts.

    Contradicted when any part is; supported when all are. Else a part that leans against decides
    (the claim then leans against, whatever the others say), and after it the weakest part: not
    tested, undecided, leaning for.

    Args:
        parts: name and verdict of each; at least one.
    """
    ranking: tuple[tuple[Outcome, Way | None], ...] = (
        (Outcome.CONTRADICTED, None),
        (Outcome.LEANING, "against"),
        (Outcome.NOT_TESTED, None),
        (Outcome.UNDECIDED, None),
        (Outcome.LEANING, "for"),
    )
    for outcome, way in ranking:
        named = [(n, v) for n, v in parts if v.outcome is outcome and v.way == way]
        if named:
            return Verdict(outcome, _joint_reason(named, len(parts)), way)
    return Verdict(Outcome.SUPPORTED, _joint_reason(parts, len(parts)))


def _joint_reason(named: Sequence[tuple[str, Verdict]], count: int) -> str:
    reasons = list(dict.fromkeys(verdict.reason for _, verdict in named))
    if len(named) <= _NAMED_PARTS and (len(reasons) > 1 or len(named) < count):
        return "; ".join(f"{name}: {verdict.reason}" for name, verdict in named)
    which = "all parts" if len(named) == count else f"{len(named)} of {count} parts"
    return f"{which}: {'; '.join(reasons)}"
