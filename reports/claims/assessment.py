"""The links C1 to C7 of the claim, judged at the three times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from goalscope.reports.claims.cause import cause_claim
from goalscope.reports.claims.chain import (
    CHAIN,
    chain_claims,
    quantity_part,
    threshold_claims,
)
from goalscope.reports.claims.learnt import success_claims
from goalscope.reports.claims.parts import Claim
from goalscope.reports.claims.quantities import (
    Link,
    content_target,
    noise_quantities,
    quantities_beside,
    sensitivity_family,
    tested_quantities,
)
from goalscope.reports.claims.success import mean_success
from goalscope.reports.numbers.tables import Run
from goalscope.reports.numbers.windows import TIMES, Time, Times
from goalscope.reports.statistics.combining import conjunction
from goalscope.reports.statistics.multiplicity import after_holm
from goalscope.reports.statistics.outcomes import Verdict
from goalscope.reports.statistics.thresholds import Thresholds

_OF_EACH_ARM: tuple[Link, ...] = ("C5", "C6")  # the other links are of the baseline


@dataclass(frozen=True)
class Assessment:
    """All that a comparison, or a single run, says of the claim.

    Attributes:
        claims: by time: C1, C2 and C4 of each arm, C5 of each but the baseline, C3 of each arm, C7,
            and late C6 of each arm.
        baseline: the arm the claim is about.
        arms: every arm, the baseline first.
        times: the windows.
        thresholds: the thresholds used.
        family: record family of goal sensitivity; None where it was not measured in all runs.
    """

    claims: tuple[Claim, ...]
    baseline: str
    arms: tuple[str, ...]
    times: Times
    thresholds: Thresholds
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


def assess(arms: Mapping[str, Sequence[Run]], times: Times, thresholds: Thresholds) -> Assessment:
    """Return every link at every time.

    Args:
        arms: arm -> its runs, the baseline first.
        times: the windows, the same for all runs.
        thresholds: that decide.
    """
    runs = [run for group in arms.values() for run in group]
    family, target = sensitivity_family(runs), content_target(runs)
    success = mean_success(arms)
    baseline = next(iter(arms))
    claims: list[Claim] = []
    for time in TIMES:
        window = times.windows[time]
        own = chain_claims(arms, time, window, tested_quantities(family, thresholds), thresholds)
        found = [_with_beside(claim, arms, family, times, thresholds) for claim in own]
        for arm, group in arms.items():
            noise = noise_quantities(group[0].image_block(), target, thresholds)
            found += threshold_claims(group, time, arm, window, noise, thresholds)
        found.append(cause_claim(arms, time, window, family, success, thresholds))
        if time == "late":
            found += success_claims(arms, thresholds)
        claims += _tested_together(found, baseline, thresholds)
    return Assessment(tuple(claims), baseline, tuple(arms), times, thresholds, family)


def _with_beside(
    claim: Claim,
    arms: Mapping[str, Sequence[Run]],
    family: str | None,
    times: Times,
    thresholds: Thresholds,
) -> Claim:
    runs, window = arms[claim.arm], times.windows[claim.time]
    beside = [
        quantity_part(quantity, claim.time, claim.arm, runs, window, thresholds)
        for quantity in quantities_beside(family, runs[0].image_block())
        if quantity.link == claim.link
    ]
    return replace(claim, beside=tuple(beside))


def _tested_together(claims: Sequence[Claim], baseline: str, thresholds: Thresholds) -> list[Claim]:
    """Return the claims of one time after Holm over its links.

    C1 to C4 of an arm that is not the baseline are numbers beside it, not links of the claim.
    """
    links = [claim.arm == baseline or claim.link in _OF_EACH_ARM for claim in claims]
    tested = [claim for claim, is_link in zip(claims, links, strict=True) if is_link]
    stands = iter(after_holm([claim.verdict for claim in tested], thresholds))
    found = []
    for claim, is_link in zip(claims, links, strict=True):
        verdict, holm_p = next(stands) if is_link else (claim.verdict, None)
        found.append(replace(claim, verdict=verdict, holm_p=holm_p))
    return found
