"""C1 to C5 of a network: its quantities against their thresholds, and two arms compared."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from goalscope.reports.claims.deciding import (
    NETWORKS,
    Study,
    compared_quantities,
    quantities_beside,
    tested_quantities,
)
from goalscope.reports.claims.links import JudgedQuantity, Link
from goalscope.reports.claims.quantities import LinkName, Quantity, quantity_number
from goalscope.reports.claims.shares import without_share
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.numbers.windows import Time, Window
from goalscope.reports.statistics.equivalence import equivalent
from goalscope.reports.statistics.intervals import t_interval
from goalscope.reports.statistics.outcomes import not_tested
from goalscope.reports.statistics.samples import sort_sample
from goalscope.reports.statistics.seed_tests import (
    SeedTest,
    above_threshold,
    all_of,
    below_threshold,
    raised,
    untested,
)
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.statistics.unpaired import Unpaired, unpaired_comparison

GRADED: tuple[LinkName, ...] = ("C1", "C2")
CHAIN: tuple[LinkName, ...] = ("C1", "C2", "C4")
_WAITING = not_tested("")  # until all links of the page are judged together


def chain_links(
    arms: Arms,
    time: Time,
    window: Window | None,
    study: Study,
    thresholds: Thresholds,
    *,
    shown: bool = True,
) -> list[Link]:
    """Return C1 to C4 of each arm and network, then C5 of each arm but the baseline.

    Args:
        arms: arm -> its runs, the baseline first.
        time: that the window is of.
        window: None where no run that counts has reached it.
        study: what the runs measured alike.
        thresholds: that decide.
        shown: whether what decides nothing is wanted, too: quantities beside, C3 of other arms.
    """
    baseline = next(iter(arms))
    found = []
    for network in NETWORKS:
        own = {}
        for arm, runs in arms.items():
            of_arm = replace(study, image=runs[0].image_block())
            wanted = tested_quantities if shown or arm == baseline else compared_quantities
            quantities = wanted(of_arm, network, thresholds)
            if shown:
                quantities += quantities_beside(of_arm, network)
            own[arm] = _arm_links(runs, time, arm, window, of_arm, network, quantities, thresholds)
            found += own[arm]
        found += [
            _fix(time, network, own[baseline], own[arm], study, thresholds)
            for arm in arms
            if arm != baseline
        ]
    return found


def _arm_links(
    runs: Sequence[Run],
    time: Time,
    arm: str,
    window: Window | None,
    study: Study,
    network: str,
    quantities: Sequence[Quantity],
    thresholds: Thresholds,
) -> list[Link]:
    """Return a link of one arm and network for each that has quantities, by its test alone."""
    silent = without_share(runs, network, window, study, thresholds)
    found = []
    for name in sorted({quantity.link for quantity in quantities}):
        excluded = silent if name in GRADED else {}
        judged = [
            judge_quantity(quantity, time, arm, runs, window, thresholds, excluded)
            for quantity in quantities
            if quantity.link == name
        ]
        parts = tuple(one for one in judged if one.test is not None)
        beside = tuple(one for one in judged if one.test is None)
        drowned = _drowned(parts[0], thresholds) if name in GRADED else None
        found.append(
            Link(name, network, time, arm, _together(parts), _WAITING, parts, beside, drowned)
        )
    return found


def judge_quantity(
    quantity: Quantity,
    time: Time,
    arm: str,
    runs: Sequence[Run],
    window: Window | None,
    thresholds: Thresholds,
    excluded: Mapping[str, str] | None = None,
) -> JudgedQuantity:
    """Return a quantity over an arm's seeds, tested where it has a threshold."""
    numbers = {run.label: quantity_number(run, quantity, window) for run in runs}
    sample = sort_sample(numbers, quantity.scale, excluded)
    values = list(sample.numbers.values())
    interval = t_interval(values, quantity.scale, thresholds.confidence) if values else None
    judged = JudgedQuantity(quantity, time, arm, sample, interval)
    if quantity.threshold is None:
        return judged
    test = above_threshold if quantity.above else below_threshold
    tested = test(sample, quantity.scale, quantity.threshold, thresholds)
    if window is None:
        tested = untested(f"no run reached {time!r}")
    elif not values and not sample.failed and not sample.excluded:
        tested = untested(_why_absent(quantity, runs, window))
    return replace(judged, test=tested)


def _why_absent(quantity: Quantity, runs: Sequence[Run], window: Window) -> str:
    if any(all(key not in run.metrics for run in runs) for key in quantity.keys):
        return f"{quantity.label} is not in the record"
    return f"no measurement {window}"


def _together(quantities: Sequence[JudgedQuantity]) -> SeedTest:
    return all_of([(q.quantity.short, q.test) for q in quantities if q.test])


def _drowned(judged: JudgedQuantity, thresholds: Thresholds) -> SeedTest | None:
    """Return the test against the lower grade; None where the mean lies above it."""
    scale, limit = judged.quantity.scale, thresholds.drowned_share
    test = below_threshold(judged.sample, scale, limit, thresholds)
    return test if test.p_value is not None and test.side == "for" else None


def _fix(
    time: Time,
    network: str,
    baseline: Sequence[Link],
    other: Sequence[Link],
    study: Study,
    thresholds: Thresholds,
) -> Link:
    """Return C5: whether an arm raises all that C1, C2 and C4 of a network are decided by."""
    before, after = ({link.name: link.quantities[0] for link in own} for own in (baseline, other))
    compared = tuple(
        _compared(before[quantity.link], after[quantity.link], thresholds)
        for quantity in compared_quantities(study, network, thresholds)
    )
    shares = [q for q in compared if q.quantity.link in GRADED]
    lost = any(_below(before[q.quantity.link], thresholds.goal_share) for q in shares)
    restores = not any(q.interval is None or _below(q, thresholds.goal_share) for q in shares)
    test, arm = _together(compared), compared[0].arm
    return Link("C5", network, time, arm, test, _WAITING, compared, lost=lost, restores=restores)


def _below(share: JudgedQuantity, threshold: float) -> bool:
    """Whether a share's mean over the seeds is known to lie below a threshold."""
    return share.interval is not None and share.interval.mean < threshold


def _compared(
    before: JudgedQuantity, after: JudgedQuantity, thresholds: Thresholds
) -> JudgedQuantity:
    """Return a quantity of an arm tested against the same one of the baseline."""
    scale = after.quantity.scale
    test, difference = raised(before.sample, after.sample, scale, thresholds)
    equivalence = None
    if difference is not None and test.seeds >= thresholds.seeds_to_test and test.whole:
        margin = thresholds.equivalence_margin(scale)
        equivalence = equivalent(difference.each, margin, thresholds.confidence)
    return replace(
        after,
        test=test,
        difference=difference,
        equivalence=equivalence,
        unpaired=_unpaired(before, after),
    )


def _unpaired(before: JudgedQuantity, after: JudgedQuantity) -> Unpaired | None:
    first, second = before.sample.numbers, after.sample.numbers
    if first.keys() == second.keys() or min(len(first), len(second)) < 2:
        return None
    return unpaired_comparison(list(first.values()), list(second.values()), after.quantity.scale)
