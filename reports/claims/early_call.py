"""How soon each outcome could have been called: what the same rules would have said earlier on."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goalscope.reports.claims.assessment import Assessment, judge_links
from goalscope.reports.claims.chain import chain_links
from goalscope.reports.claims.deciding import NETWORKS, compared_quantities
from goalscope.reports.claims.links import Link
from goalscope.reports.claims.quantities import LinkName, Quantity
from goalscope.reports.numbers.changes import is_control
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.numbers.windows import Axis, Window
from goalscope.reports.statistics.outcomes import Outcome


@dataclass(frozen=True)
class EarlyCall:
    """The outcome of a link at a series of cut-offs, as if training had ended there.

    Attributes:
        link: C1 to C4 of the baseline, or C5.
        network: critic or actor.
        arm: whose.
        axis: what cut-offs are counted in, as the evaluation's windows are.
        outcomes: cut-off -> outcome in words. The last cut-off is the end of the late window.
        settled: the first cut-off from which on the outcome stayed what it is at the end; None
            where the link is undecided or not tested at the end.
    """

    link: LinkName
    network: str
    arm: str
    axis: Axis
    outcomes: Mapping[int, str]
    settled: int | None


def early_calls(arms: Arms, assessment: Assessment) -> list[EarlyCall]:
    """Return the early call of C1 to C4 of the baseline, and of C5 of every arm meant to fix it.

    At each cut-off 1, 3, 10, 30, ... the window is the last tenth before it, and reaches back at
    least to the last measurement of every quantity: what was known then. It is judged in the place
    of the late one, among all else that the page tests: the last call is the page's own outcome.

    Args:
        arms: arm -> its runs, the baseline first.
        assessment: of these arms.
    """
    late = assessment.times.windows["late"]
    if late is None:
        return []
    thresholds = assessment.thresholds
    every_arm = arms
    arms = {
        arm: group
        for arm, group in arms.items()
        if arm == assessment.baseline or not is_control(arms, arm)
    }
    runs = [run for group in arms.values() for run in group]
    quantities = [q for n in NETWORKS for q in compared_quantities(assessment.study, n, thresholds)]
    measured = _measured(runs, quantities, late.axis)
    outcomes: dict[tuple[LinkName, str, str], dict[int, str]] = {}
    for cut in _cut_offs(late.last):
        window = late
        if cut < late.last:
            first = max(1, cut - int(cut * thresholds.late_part))
            window = Window("late", min(first, _last_known(measured, cut)), cut, late.axis)
        links = chain_links(arms, "late", window, assessment.study, thresholds, shown=False)
        named = {_name(link) for link in links}
        rest = [k for k in assessment.links if k.time != "late" or _name(k) not in named]
        for link in judge_links([*links, *rest], every_arm, thresholds)[: len(links)]:
            own = link.arm == assessment.baseline or link.name == "C5"
            if own and link.network is not None:
                series = outcomes.setdefault((link.name, link.network, link.arm), {})
                series[cut] = str(link.verdict)
    return [
        EarlyCall(link, network, arm, late.axis, series, _settled(series))
        for (link, network, arm), series in outcomes.items()
    ]


def _name(link: Link) -> tuple[LinkName, str, str | None]:
    return link.name, link.arm, link.network


def _cut_offs(last: int) -> list[int]:
    """Return 1, 3, 10, 30, ... below the last, and the last."""
    powers = range(math.ceil(math.log10(last)) + 1)
    return [cut for power in powers for cut in (10**power, 3 * 10**power) if cut < last] + [last]


def _measured(
    runs: Iterable[Run], quantities: Iterable[Quantity], axis: Axis
) -> list[NDArray[np.int64]]:
    """Return where each run measured each quantity, after the first update."""
    keys = [quantity.key for quantity in quantities]
    columns = [c for run in runs for key in keys if (c := run.column(key)) is not None]
    places = [c.updates if axis == "update" else c.steps for c in columns]
    return [at[column.updates > 0] for at, column in zip(places, columns, strict=True)]


def _last_known(measured: Iterable[NDArray[np.int64]], cut: int) -> int:
    """Return the earliest of the last places up to a cut-off at which something was measured."""
    ends = [places[: np.searchsorted(places, cut, side="right")] for places in measured]
    return min((int(places[-1]) for places in ends if len(places)), default=cut)


def _settled(outcomes: Mapping[int, str]) -> int | None:
    cuts = list(outcomes)
    last = outcomes[cuts[-1]]
    if last in (Outcome.UNDECIDED.value, Outcome.NOT_TESTED.value):
        return None
    changed = [index for index, cut in enumerate(cuts) if outcomes[cut] != last]
    return cuts[changed[-1] + 1] if changed else cuts[0]
