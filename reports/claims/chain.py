"""C1 to C5: an arm's quantities against their thresholds, and two arms against each other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from goalscope.reports.claims.parts import Claim, Part
from goalscope.reports.claims.quantities import Link, Quantity, quantity_number
from goalscope.reports.numbers.tables import Run
from goalscope.reports.numbers.windows import Time, Window
from goalscope.reports.statistics.combining import conjunction
from goalscope.reports.statistics.equivalence import equivalent
from goalscope.reports.statistics.intervals import holm, t_interval
from goalscope.reports.statistics.outcomes import (
    Outcome,
    Verdict,
    judge_above,
    judge_below,
    judge_raised,
    sort_sample,
)
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.statistics.unpaired import Unpaired, unpaired_comparison

CHAIN: tuple[Link, ...] = ("C1", "C2", "C4")  # together: the goal is drowned


def chain_claims(
    arms: Mapping[str, Sequence[Run]],
    time: Time,
    window: Window | None,
    quantities: Sequence[Quantity],
    thresholds: Thresholds,
) -> list[Claim]:
    """Return C1, C2 and C4 of each arm, then C5 of each arm but the baseline.

    Args:
        arms: arm -> its runs, the baseline first.
        time: that the window is of.
        window: None where the shortest run never reached it.
        quantities: that decide (`tested_quantities`).
        thresholds: that decide.
    """
    claims = {
        arm: threshold_claims(runs, time, arm, window, quantities, thresholds)
        for arm, runs in arms.items()
    }
    parts = {arm: [part for claim in own for part in claim.parts] for arm, own in claims.items()}
    baseline, *others = arms
    return [
        *(claim for own in claims.values() for claim in own),
        *(_fix(time, parts[baseline], parts[arm], thresholds) for arm in others),
    ]


def threshold_claims(
    runs: Sequence[Run],
    time: Time,
    arm: str,
    window: Window | None,
    quantities: Sequence[Quantity],
    thresholds: Thresholds,
) -> list[Claim]:
    """Return an arm's claim for each link of the quantities, in their order.

    Args:
        runs: of the arm.
        time: that the window is of.
        arm: its name.
        window: None where the shortest run never reached it.
        quantities: that decide, with a threshold each.
        thresholds: that decide.
    """
    claims = []
    for link in dict.fromkeys(quantity.link for quantity in quantities):
        own = [
            quantity_part(quantity, time, arm, runs, window, thresholds)
            for quantity in quantities
            if quantity.link == link
        ]
        claims.append(Claim(link, time, arm, _together(own), tuple(own)))
    return claims


def quantity_part(
    quantity: Quantity,
    time: Time,
    arm: str,
    runs: Sequence[Run],
    window: Window | None,
    thresholds: Thresholds,
) -> Part:
    """Return a quantity over an arm's seeds, judged where it has a threshold."""
    sample = sort_sample(
        {run.label: quantity_number(run, quantity, window) for run in runs}, quantity.scale
    )
    if quantity.threshold is None:
        values = list(sample.numbers.values())
        interval = t_interval(values, quantity.scale, thresholds.confidence) if values else None
        return Part(quantity, time, arm, sample, interval)
    if window is None:
        verdict = Verdict(Outcome.NOT_TESTED, f"the shortest run has no updates for {time!r}")
        return Part(quantity, time, arm, sample, None, verdict)
    judge = judge_above if quantity.above else judge_below
    verdict, interval = judge(sample, quantity.scale, quantity.threshold, thresholds)
    if not sample.numbers and not sample.failed:
        verdict = Verdict(Outcome.NOT_TESTED, _why_absent(quantity, runs, window))
    return Part(quantity, time, arm, sample, interval, verdict)


def _why_absent(quantity: Quantity, runs: Sequence[Run], window: Window) -> str:
    for key in quantity.keys:
        if not any(key in run.metrics for run in runs):
            return f"{key} is not in the record"
    return f"no measurement {window}"


def _together(parts: Sequence[Part]) -> Verdict:
    return conjunction([(part.quantity.short, part.verdict) for part in parts if part.verdict])


def _fix(
    time: Time, baseline: Sequence[Part], other: Sequence[Part], thresholds: Thresholds
) -> Claim:
    parts = [
        _compared(before, after, thresholds) for before, after in zip(baseline, other, strict=True)
    ]
    adjusted = iter(holm([part.difference.p_value for part in parts if part.difference]))
    parts = [replace(p, holm_p=next(adjusted)) if p.difference else p for p in parts]
    return Claim("C5", time, other[0].arm, _together(parts), tuple(parts))


def _compared(before: Part, after: Part, thresholds: Thresholds) -> Part:
    """Return a quantity of an arm judged against the baseline's.

    Args:
        before: of the baseline.
        after: the same quantity of the arm.
        thresholds: that decide.
    """
    scale = after.quantity.scale
    verdict, difference = judge_raised(before.sample, after.sample, scale, thresholds)
    equivalence = None
    if difference is not None and verdict.p_value is not None:
        margin = thresholds.equivalence_margin(scale)
        equivalence = equivalent(difference.each, margin, thresholds.confidence)
    return replace(
        after,
        verdict=verdict,
        difference=difference,
        equivalence=equivalence,
        unpaired=_unpaired(before, after),
    )


def _unpaired(before: Part, after: Part) -> Unpaired | None:
    first, second = before.sample.numbers, after.sample.numbers
    if first.keys() == second.keys() or min(len(first), len(second)) < 2:
        return None
    return unpaired_comparison(list(first.values()), list(second.values()), after.quantity.scale)
