"""C1 to C5: an arm's quantities against their thresholds, and two arms against each other."""

from collections.abc import Sequence
from dataclasses import replace

from goalscope.reports.claims.links import JudgedQuantity, Link
from goalscope.reports.claims.quantities import LinkName, Quantity, quantity_number
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.numbers.windows import Time, Window
from goalscope.reports.statistics.combining import conjunction
from goalscope.reports.statistics.equivalence import equivalent
from goalscope.reports.statistics.intervals import t_interval
from goalscope.reports.statistics.multiplicity import holm
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

CHAIN: tuple[LinkName, ...] = ("C1", "C2", "C4")  # together: the goal is drowned


def chain_links(
    arms: Arms,
    time: Time,
    window: Window | None,
    quantities: Sequence[Quantity],
    thresholds: Thresholds,
) -> list[Link]:
    """Return C1, C2 and C4 of each arm, then C5 of each arm but the baseline.

    Args:
        arms: arm -> its runs, the baseline first.
        time: that the window is of.
        window: None where the shortest run never reached it.
        quantities: that decide (`tested_quantities`).
        thresholds: that decide.
    """
    links = {
        arm: threshold_links(runs, time, arm, window, quantities, thresholds)
        for arm, runs in arms.items()
    }
    judged = {arm: [q for link in own for q in link.quantities] for arm, own in links.items()}
    baseline, *others = arms
    return [
        *(link for own in links.values() for link in own),
        *(_fix(time, judged[baseline], judged[arm], thresholds) for arm in others),
    ]


def threshold_links(
    runs: Sequence[Run],
    time: Time,
    arm: str,
    window: Window | None,
    quantities: Sequence[Quantity],
    thresholds: Thresholds,
) -> list[Link]:
    """Return an arm's verdict on each link of the quantities, in their order.

    Args:
        runs: of the arm.
        time: that the window is of.
        arm: its name.
        window: None where the shortest run never reached it.
        quantities: that decide, with a threshold each.
        thresholds: that decide.
    """
    links = []
    for link in dict.fromkeys(quantity.link for quantity in quantities):
        own = [
            judge_quantity(quantity, time, arm, runs, window, thresholds)
            for quantity in quantities
            if quantity.link == link
        ]
        links.append(Link(link, time, arm, _together(own), tuple(own)))
    return links


def judge_quantity(
    quantity: Quantity,
    time: Time,
    arm: str,
    runs: Sequence[Run],
    window: Window | None,
    thresholds: Thresholds,
) -> JudgedQuantity:
    """Return a quantity over an arm's seeds, judged where it has a threshold."""
    sample = sort_sample(
        {run.label: quantity_number(run, quantity, window) for run in runs}, quantity.scale
    )
    if quantity.threshold is None:
        values = list(sample.numbers.values())
        interval = t_interval(values, quantity.scale, thresholds.confidence) if values else None
        return JudgedQuantity(quantity, time, arm, sample, interval)
    if window is None:
        verdict = Verdict(Outcome.NOT_TESTED, f"the shortest run has no updates for {time!r}")
        return JudgedQuantity(quantity, time, arm, sample, None, verdict)
    judge = judge_above if quantity.above else judge_below
    verdict, interval = judge(sample, quantity.scale, quantity.threshold, thresholds)
    if not sample.numbers and not sample.failed:
        verdict = Verdict(Outcome.NOT_TESTED, _why_absent(quantity, runs, window))
    return JudgedQuantity(quantity, time, arm, sample, interval, verdict)


def _why_absent(quantity: Quantity, runs: Sequence[Run], window: Window) -> str:
    for key in quantity.keys:
        if not any(key in run.metrics for run in runs):
            return f"{key} is not in the record"
    return f"no measurement {window}"


def _together(quantities: Sequence[JudgedQuantity]) -> Verdict:
    return conjunction([(q.quantity.short, q.verdict) for q in quantities if q.verdict])


def _fix(
    time: Time,
    baseline: Sequence[JudgedQuantity],
    other: Sequence[JudgedQuantity],
    thresholds: Thresholds,
) -> Link:
    compared = [
        _compared(before, after, thresholds) for before, after in zip(baseline, other, strict=True)
    ]
    adjusted = iter(holm([q.difference.p_value for q in compared if q.difference]))
    compared = [replace(q, holm_p=next(adjusted)) if q.difference else q for q in compared]
    return Link("C5", time, other[0].arm, _together(compared), tuple(compared))


def _compared(
    before: JudgedQuantity, after: JudgedQuantity, thresholds: Thresholds
) -> JudgedQuantity:
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


def _unpaired(before: JudgedQuantity, after: JudgedQuantity) -> Unpaired | None:
    first, second = before.sample.numbers, after.sample.numbers
    if first.keys() == second.keys() or min(len(first), len(second)) < 2:
        return None
    return unpaired_comparison(list(first.values()), list(second.values()), after.quantity.scale)
