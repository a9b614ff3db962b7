"""The links C1, C2, C4 and C5 of the claim, judged at the three times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from goalscope.reports.records.tables import Run
from goalscope.reports.records.windows import TIMES, Time, Times, Window, window_number
from goalscope.reports.verdict.outcomes import (
    Outcome,
    Sample,
    Thresholds,
    Verdict,
    conjunction,
    judge_below,
    judge_raised,
    sort_sample,
)
from goalscope.reports.verdict.quantities import (
    LINKS,
    Link,
    Quantity,
    quantities_beside,
    sensitivity_family,
    tested_quantities,
)
from goalscope.reports.verdict.statistics import Difference, Interval, holm, t_interval

CHAIN: tuple[Link, ...] = ("C1", "C2", "C4")  # together: the goal is drowned


@dataclass(frozen=True)
class Part:
    """One quantity of one arm at one time.

    Attributes:
        quantity: what.
        time: when.
        arm: whose.
        sample: its number for each seed.
        interval: mean and interval over the seeds, None without any number.
        verdict: against the quantity's threshold; None for a quantity without one, and for C5.
        difference: to the baseline, paired by seed; only for C5.
        holm_p: the difference's p-value adjusted over the quantities of its comparison and time.
    """

    quantity: Quantity
    time: Time
    arm: str
    sample: Sample
    interval: Interval | None
    verdict: Verdict | None = None
    difference: Difference | None = None
    holm_p: float | None = None


@dataclass(frozen=True)
class Claim:
    """A link of the claim at one time, for one arm.

    Attributes:
        link: C1, C2, C4 or C5.
        time: when.
        arm: whose; for C5 the arm that is compared with the baseline.
        verdict: the outcome of all its parts together.
        parts: the quantities it was judged by.
        beside: the quantities shown with it.
    """

    link: Link
    time: Time
    arm: str
    verdict: Verdict
    parts: tuple[Part, ...]
    beside: tuple[Part, ...] = ()

    @property
    def deciding(self) -> list[str]:
        """The parts whose outcome became the claim's, where they are not all of them."""
        names = [p.quantity.short for p in self.parts if str(p.verdict) == str(self.verdict)]
        return names if len(names) < len(self.parts) else []

    @property
    def title(self) -> str:
        """The link in words."""
        return LINKS[self.link]


@dataclass(frozen=True)
class Evaluation:
    """All that a comparison, or a single run, says of the claim.

    Attributes:
        claims: by time, then arm, then link.
        baseline: the arm the claim is about.
        arms: every arm, the baseline first.
        times: the windows.
        rules: the thresholds used.
        family: record family of goal sensitivity; None where it was not measured in all runs.
    """

    claims: tuple[Claim, ...]
    baseline: str
    arms: tuple[str, ...]
    times: Times
    rules: Thresholds
    family: str | None

    def find(self, link: Link, time: Time, arm: str) -> Claim:
        """Return a claim.

        Raises:
            KeyError: there is none.
        """
        for claim in self.claims:
            if (claim.link, claim.time, claim.arm) == (link, time, arm):
                return claim
        raise KeyError((link, time, arm))

    def chain(self, time: Time) -> Verdict:
        """Return whether the goal is drowned at a time: C1, C2 and C4 of the baseline together."""
        return conjunction([(link, self.find(link, time, self.baseline).verdict) for link in CHAIN])


def evaluate(arms: Mapping[str, Sequence[Run]], times: Times, rules: Thresholds) -> Evaluation:
    """Return every link at every time.

    Args:
        arms: arm -> its runs, the baseline first.
        times: the windows, the same for all runs.
        rules: the thresholds.
    """
    runs = [run for group in arms.values() for run in group]
    family = sensitivity_family(runs)
    tested = tested_quantities(family, rules)
    baseline = next(iter(arms))
    claims: list[Claim] = []
    for time in TIMES:
        window = times.windows[time]
        parts = {
            arm: [_part(quantity, time, arm, group, window, rules) for quantity in tested]
            for arm, group in arms.items()
        }
        for arm, group in arms.items():
            beside = [
                _part(quantity, time, arm, group, window, rules)
                for quantity in quantities_beside(family, group[0].image_block())
            ]
            claims += _thresholds(time, arm, parts[arm], beside)
        for arm in list(arms)[1:]:
            claims.append(_fix(time, parts[baseline], parts[arm], rules))
    return Evaluation(tuple(claims), baseline, tuple(arms), times, rules, family)


def quantity_number(run: Run, quantity: Quantity, window: Window | None) -> float | None:
    """Return a quantity's number for a run and window; None if it was not measured."""
    value = window_number(run, quantity.key, window)
    if quantity.over is None or value is None:
        return value
    divisor = window_number(run, quantity.over, window)
    if divisor is None:
        return None
    return value / divisor if divisor else float("nan")


def _part(
    quantity: Quantity,
    time: Time,
    arm: str,
    runs: Sequence[Run],
    window: Window | None,
    rules: Thresholds,
) -> Part:
    sample = sort_sample(
        {run.label: quantity_number(run, quantity, window) for run in runs}, quantity.scale
    )
    if quantity.threshold is None:
        values = list(sample.numbers.values())
        interval = t_interval(values, quantity.scale, rules.confidence) if values else None
        return Part(quantity, time, arm, sample, interval)
    if window is None:
        verdict = Verdict(Outcome.NOT_TESTED, f"the shortest run has no updates for {time!r}")
        return Part(quantity, time, arm, sample, None, verdict)
    verdict, interval = judge_below(sample, quantity.scale, quantity.threshold, rules)
    if not sample.numbers and not sample.failed:
        reason = _why_absent(quantity, runs, window)
        verdict = Verdict(Outcome.NOT_TESTED, reason)
    return Part(quantity, time, arm, sample, interval, verdict)


def _why_absent(quantity: Quantity, runs: Sequence[Run], window: Window) -> str:
    if not any(quantity.key in run.metrics for run in runs):
        return f"{quantity.key} is not in the record"
    return f"no measurement {window}"


def _thresholds(time: Time, arm: str, parts: Sequence[Part], beside: Sequence[Part]) -> list[Claim]:
    found = []
    for link in CHAIN:
        own = [part for part in parts if part.quantity.link == link]
        verdict = conjunction([(p.quantity.short, p.verdict) for p in own if p.verdict])
        shown = tuple(part for part in beside if part.quantity.link == link)
        found.append(Claim(link, time, arm, verdict, tuple(own), shown))
    return found


def _fix(time: Time, baseline: Sequence[Part], other: Sequence[Part], rules: Thresholds) -> Claim:
    parts = []
    for before, after in zip(baseline, other, strict=True):
        verdict, difference = judge_raised(before.sample, after.sample, after.quantity.scale, rules)
        parts.append(replace(after, verdict=verdict, difference=difference))
    tested = [part.difference.p_value for part in parts if part.difference]
    adjusted = iter(holm(tested))
    parts = [replace(p, holm_p=next(adjusted)) if p.difference else p for p in parts]
    verdict = conjunction([(p.quantity.short, p.verdict) for p in parts if p.verdict])
    return Claim("C5", time, other[0].arm, verdict, tuple(parts))
