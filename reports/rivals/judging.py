"""The rivals, judged over the seeds of every arm at each of the three times."""

from collections.abc import Sequence
from dataclasses import dataclass

from goalscope.reports.checks.table import CHECKS
from goalscope.reports.numbers.runs import Arms
from goalscope.reports.numbers.windows import TIMES, Time, Times
from goalscope.reports.rivals.evidence import Evidence, checked
from goalscope.reports.rivals.rivals import RIVALS, Rival
from goalscope.reports.statistics.combining import conjunction, disjunction
from goalscope.reports.statistics.outcomes import Outcome, Verdict
from goalscope.reports.statistics.thresholds import Thresholds


@dataclass(frozen=True)
class JudgedRival:
    """A rival in one arm at one time.

    Attributes:
        rival: which.
        arm: whose.
        time: when.
        verdict: of all its evidence together.
        evidence: piece by piece.
    """

    rival: Rival
    arm: str
    time: Time
    verdict: Verdict
    evidence: tuple[Evidence, ...]


def judge_rivals(arms: Arms, times: Times, thresholds: Thresholds) -> list[JudgedRival]:
    """Return every rival of every arm at each time.

    Args:
        arms: arm -> its runs, the baseline first.
        times: the windows.
        thresholds: confidence, and how many seeds make a test.
    """
    compared = {
        (rival.name, time): rival.compares(arms, time, times.windows[time], thresholds)
        for rival in RIVALS
        if rival.compares is not None
        for time in TIMES
    }
    found = []
    for arm, runs in arms.items():
        for rival in RIVALS:
            for time in TIMES:
                evidence = [
                    checked(
                        check.of(runs[0].task), network, arm, runs, times.windows[time], thresholds
                    )
                    for check in CHECKS
                    if check.name in rival.checks
                    and time in check.times
                    and any(map(check.applies, runs))
                    for network in check.networks
                ]
                others = compared.get((rival.name, time), [])
                evidence += [piece for piece in others if piece.arm in (None, arm)]
                verdict = _together(rival, evidence)
                found.append(JudgedRival(rival, arm, time, verdict, tuple(evidence)))
    return found


def _together(rival: Rival, evidence: Sequence[Evidence]) -> Verdict:
    if not evidence:
        return Verdict(Outcome.NOT_TESTED, "nothing that would tell is measured at this time")
    measured = [(piece.label, piece.verdict) for piece in evidence if piece.check is not None]
    compared = [(piece.label, piece.verdict) for piece in evidence if piece.check is None]
    if measured and compared:  # a number of the run alone, or other arms that all agree
        return disjunction([*measured, ("other arms", conjunction(compared))])
    pieces = measured or compared
    return conjunction(pieces) if rival.needs_all else disjunction(pieces)
