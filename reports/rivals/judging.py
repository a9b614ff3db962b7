"""The alternative explanations of the baseline, judged together at each of the four times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from goalscope.reports.checks.table import CHECKS
from goalscope.reports.claims.floors import highest_floor
from goalscope.reports.claims.success import arm_successes
from goalscope.reports.numbers.runs import Arms
from goalscope.reports.numbers.windows import TIMES, Time, Times
from goalscope.reports.rivals.evidence import Evidence, checked
from goalscope.reports.rivals.rivals import Rival, rivals_of
from goalscope.reports.statistics.formatting import percent
from goalscope.reports.statistics.outcomes import Verdict, decide, not_tested
from goalscope.reports.statistics.seed_tests import SeedTest, all_of, any_of, untested
from goalscope.reports.statistics.thresholds import Thresholds

LEARNS_BY = 0.10  # success whose interval lies this far above the floor needs no excuse


@dataclass(frozen=True)
class JudgedRival:
    """A rival in the baseline at one time.

    Attributes:
        rival: which.
        network: critic or actor; None for the run as a whole.
        time: when.
        test: of all its evidence together, by itself.
        verdict: the outcome, among all alternative explanations of the page.
        evidence: piece by piece.
    """

    rival: Rival
    network: str | None
    time: Time
    test: SeedTest
    verdict: Verdict
    evidence: tuple[Evidence, ...]

    @property
    def title(self) -> str:
        """What it says, and of which network."""
        return self.rival.title_of(self.network)


def judge_rivals(arms: Arms, times: Times, thresholds: Thresholds) -> list[JudgedRival]:
    """Return every rival of the baseline at each time, judged as one family.

    They explain a failure: of a baseline that learns, none is tested.

    Args:
        arms: arm -> its runs, the baseline first.
        times: the windows.
        thresholds: rates of false discoveries, and how many seeds make a test.
    """
    learns = learns_in_words(arms, thresholds)
    found = []
    for rival in rivals_of(arms):
        for time in TIMES:
            pieces = _evidence(rival, arms, time, times, thresholds)
            for network in rival.networks:
                own = tuple(p for p in pieces if network is None or p.network == network)
                test = untested(learns) if learns else together(rival, own)
                found.append(JudgedRival(rival, network, time, test, not_tested(""), own))
    verdicts = decide([judged.test for judged in found], thresholds)
    return [
        replace(judged, verdict=verdict) for judged, verdict in zip(found, verdicts, strict=True)
    ]


def learns_in_words(arms: Arms, thresholds: Thresholds) -> str:
    """Return that the baseline learns, so that there is no failure to explain; empty if not."""
    baseline, *_ = arms
    floor = highest_floor(arms[baseline])
    reached = arm_successes(arms, thresholds)[baseline].interval
    if floor is None or reached is None or not reached.low > floor.high + LEARNS_BY:
        return ""
    return f"{baseline} succeeds in {percent(reached.mean)}: there is no failure to explain"


def _evidence(
    rival: Rival, arms: Arms, time: Time, times: Times, thresholds: Thresholds
) -> list[Evidence]:
    runs, window = next(iter(arms.values())), times.windows[time]
    found = [
        checked(check.of(runs[0].task), network, runs, window, thresholds)
        for check in CHECKS
        if check.name in rival.checks and time in check.times and any(map(check.applies, runs))
        for network in check.networks
    ]
    if rival.compares is not None:
        found += rival.compares(arms, time, window, thresholds)
    return found


def together(rival: Rival, evidence: Sequence[Evidence]) -> SeedTest:
    """Return the test of a rival: of all its pieces where it needs them all, else of any.

    Arms compared speak together, all of them, beside the checks of the baseline's own runs.
    """
    if not evidence:
        return untested("nothing that would tell is measured at this time")
    measured = [(piece.label, piece.test) for piece in evidence if piece.check is not None]
    compared = [(piece.label, piece.test) for piece in evidence if piece.check is None]
    if rival.needs_all:
        return all_of([*measured, *compared])
    return any_of([*measured, *([("other arms", all_of(compared))] if compared else [])])
