"""What to try next: the explanations ranked by evidence, each with the arm that tests it alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from goalscope.reports.numbers.changes import changed_by, made_of
from goalscope.reports.numbers.runs import Arms
from goalscope.reports.numbers.windows import TIMES, Time
from goalscope.reports.rivals.checks import CHECKS
from goalscope.reports.rivals.judging import JudgedRival
from goalscope.reports.rivals.rivals import RIVALS, Rival
from goalscope.reports.statistics.outcomes import Outcome, Verdict

CLAIM = Rival(
    "C",
    "the image features drown the goal",
    True,
    "layernorm",
    "bound the image features, and change nothing else with them",
)
_ORDER = (
    (Outcome.SUPPORTED, None),
    (Outcome.LEANING, "for"),
    (Outcome.UNDECIDED, None),
)


@dataclass(frozen=True)
class Explanation:
    """An explanation that the data speak for, or have not ruled out.

    Attributes:
        rival: which; the claim itself has a place among them.
        verdict: the strongest that any of the three times gives it.
        times: at which it has that verdict.
        arm: the arm that would test it alone, empty where no arm does.
        present: that arm's name in this study, empty where it is missing.
    """

    rival: Rival
    verdict: Verdict
    times: tuple[Time, ...]
    arm: str
    present: str


@dataclass(frozen=True)
class Explanations:
    """Every explanation, sorted.

    Attributes:
        left: those that the data speak for, or leave open: the strongest evidence first, and of
            equals the earlier cause.
        ruled_out: those that are contradicted, or lean against, at every time that was tested.
        untested: those of which nothing was tested.
    """

    left: tuple[Explanation, ...]
    ruled_out: tuple[Explanation, ...]
    untested: tuple[Explanation, ...]


def rank_explanations(
    judged: Sequence[JudgedRival], chain: Sequence[Verdict], arms: Arms
) -> Explanations:
    """Return the explanations of the baseline, ranked.

    Args:
        judged: every rival of every arm at every time.
        chain: the chain C1, C2, C4 of the baseline at the three times.
        arms: arm -> its runs, the baseline first.
    """
    baseline = next(iter(arms))
    outcomes = {(j.rival.name, j.time): j.verdict for j in judged if j.arm == baseline}
    left, ruled_out, untested = [], [], []
    for rival in sorted((*RIVALS, CLAIM), key=_cause):
        verdicts = (
            dict(zip(TIMES, chain, strict=True))
            if rival is CLAIM
            else {time: outcomes[rival.name, time] for time in TIMES}
        )
        explanation = _explanation(rival, verdicts, arms)
        if (explanation.verdict.outcome, explanation.verdict.way) in _ORDER:
            left.append(explanation)
        elif explanation.verdict.outcome is Outcome.NOT_TESTED:
            untested.append(explanation)
        else:
            ruled_out.append(explanation)
    left.sort(key=lambda e: _ORDER.index((e.verdict.outcome, e.verdict.way)))  # keeps the order
    return Explanations(tuple(left), tuple(ruled_out), tuple(untested))


def _explanation(rival: Rival, verdicts: dict[Time, Verdict], arms: Arms) -> Explanation:
    ranked = [*_ORDER, (Outcome.CONTRADICTED, None), (Outcome.LEANING, "against")]
    found = Verdict(Outcome.NOT_TESTED, next(iter(verdicts.values())).reason)
    for outcome in ranked:
        hits = [v for v in verdicts.values() if (v.outcome, v.way) == outcome]
        if hits:
            found = hits[-1]
            break
    times = tuple(
        t for t, v in verdicts.items() if (v.outcome, v.way) == (found.outcome, found.way)
    )
    arm, present = rival.control, None
    if rival.control:
        present = made_of(arms, rival.control)
    elif rival.change:
        arm = f"{next(iter(arms))}-{rival.change}"
        present = changed_by(arms, rival.change)
    return Explanation(rival, found, times, arm, present or "")


def _cause(rival: Rival) -> int:
    """Return where a rival stands in the order of cause and effect; those without a check last."""
    order = [check.rival for check in CHECKS]
    name = "C1" if rival is CLAIM else rival.name
    return order.index(name) if name in order else len(order)
