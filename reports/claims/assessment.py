"""The links C1 to C7 of the claim, judged at the three times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from goalscope.diagnostics.record.keys import Family
from goalscope.diagnostics.record.metrics import CONTENT_R2
from goalscope.reports.claims.cause import cause_link
from goalscope.reports.claims.chain import (
    CHAIN,
    chain_links,
    judge_quantity,
    threshold_links,
)
from goalscope.reports.claims.learnt import success_links
from goalscope.reports.claims.links import Link
from goalscope.reports.claims.quantities import (
    LinkName,
    noise_quantities,
    quantities_beside,
    sensitivity_family,
    tested_quantities,
)
from goalscope.reports.claims.success import mean_success
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.numbers.windows import TIMES, Time, Times
from goalscope.reports.statistics.combining import conjunction
from goalscope.reports.statistics.multiplicity import after_holm
from goalscope.reports.statistics.outcomes import Verdict
from goalscope.reports.statistics.thresholds import Thresholds

_OF_EACH_ARM: tuple[LinkName, ...] = ("C5", "C6")  # the other links are of the baseline


@dataclass(frozen=True)
class Assessment:
    """All that a comparison, or a single run, says of the claim.

    Attributes:
        links: by time: C1, C2 and C4 of each arm, C5 of each but the baseline, C3 of each arm, C7,
            and late C6 of each arm.
        baseline: the arm the claim is about.
        arms: every arm, the baseline first.
        times: the windows.
        thresholds: the thresholds used.
        family: record family of goal sensitivity; None where it was not measured in all runs.
    """

    links: tuple[Link, ...]
    baseline: str
    arms: tuple[str, ...]
    times: Times
    thresholds: Thresholds
    family: Family | None

    def find(self, name: LinkName, time: Time, arm: str) -> Link:
        """Return a link.

        Raises:
            KeyError: there is none.
        """
        for link in self.links:
            if (link.name, link.time, link.arm) == (name, time, arm):
                return link
        raise KeyError((name, time, arm))

    def chain(self, time: Time) -> Verdict:
        """Return whether the goal is drowned at a time: C1, C2 and C4 of the baseline together."""
        return conjunction([(name, self.find(name, time, self.baseline).verdict) for name in CHAIN])


def assess(arms: Arms, times: Times, thresholds: Thresholds) -> Assessment:
    """Return every link at every time.

    Args:
        arms: arm -> its runs, the baseline first.
        times: the windows, the same for all runs.
        thresholds: that decide.
    """
    runs = [run for group in arms.values() for run in group]
    family, target = sensitivity_family(runs), _target(runs)
    success = mean_success(arms)
    baseline = next(iter(arms))
    links: list[Link] = []
    for time in TIMES:
        window = times.windows[time]
        own = chain_links(arms, time, window, tested_quantities(family, thresholds), thresholds)
        found = [_with_beside(link, arms, family, times, thresholds) for link in own]
        for arm, group in arms.items():
            noise = noise_quantities(group[0].image_block(), target, thresholds)
            found += threshold_links(group, time, arm, window, noise, thresholds)
        found.append(cause_link(arms, time, window, family, success, thresholds))
        if time == "late":
            found += success_links(arms, thresholds)
        links += _tested_together(found, baseline, thresholds)
    return Assessment(tuple(links), baseline, tuple(arms), times, thresholds, family)


def _with_beside(
    link: Link,
    arms: Arms,
    family: Family | None,
    times: Times,
    thresholds: Thresholds,
) -> Link:
    runs, window = arms[link.arm], times.windows[link.time]
    beside = [
        judge_quantity(quantity, link.time, link.arm, runs, window, thresholds)
        for quantity in quantities_beside(family, runs[0].image_block())
        if quantity.link == link.name
    ]
    return replace(link, beside=tuple(beside))


def _tested_together(links: Sequence[Link], baseline: str, thresholds: Thresholds) -> list[Link]:
    """Return the links of one time after Holm over them.

    C1 to C4 of an arm that is not the baseline are numbers beside it, not links of the claim.
    """
    of_claim = [link.arm == baseline or link.name in _OF_EACH_ARM for link in links]
    tested = [link for link, counts in zip(links, of_claim, strict=True) if counts]
    stands = iter(after_holm([link.verdict for link in tested], thresholds))
    found = []
    for link, counts in zip(links, of_claim, strict=True):
        verdict, holm_p = next(stands) if counts else (link.verdict, None)
        found.append(replace(link, verdict=verdict, holm_p=holm_p))
    return found


def _target(runs: Sequence[Run]) -> str:
    """Return whose position is read: the task's target where it was, else what it names first."""
    task = runs[0].task
    found = (CONTENT_R2.match(key) for run in runs for key in run.metrics)
    if {"target": task.target} in found:
        return task.target
    return next(iter(task.probe_targets), task.target)
