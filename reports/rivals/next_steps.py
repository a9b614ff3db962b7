"""What to try next: the explanations ranked by evidence, each with the arm that tests it alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from goalscope.reports.checks.table import CHECKS
from goalscope.reports.numbers.windows import TIMES, Time
from goalscope.reports.rivals.evidence import Arms, Judged
from goalscope.reports.rivals.rivals import RIVALS, Rival
from goalscope.reports.statistics.outcomes import Outcome, Verdict

CLAIM = Rival(
    "C",
    "the image features drown the goal",
    True,
    "layernorm",
    "bound the image features, and change nothing else with them",
    ("image_block_loud",),
)
_ORDER = (
    (Outcome.SUPPORTED, None),
    (Outcome.LEANING, "for"),
    (Outcome.UNDECIDED, None),
)


@dataclass(frozen=True)
class Step:
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
class Ranking:
    """Every explanation, sorted.

    Attributes:
        steps: those that the data speak for, or leave open: the strongest evidence first, and of
            equals the earlier cause.
        ruled_out: those that are contradicted, or lean against, at every time that was tested.
        untested: those of which nothing was tested.
    """

    steps: tuple[Step, ...]
    ruled_out: tuple[Step, ...]
    untested: tuple[Step, ...]


def rank(judged: Sequence[Judged], claim: Sequence[Verdict], arms: Arms) -> Ranking:
    """Return the explanations of the baseline, ranked.

    Args:
        judged: every rival of every arm at every time.
        claim: the chain C1, C2, C4 of the baseline at the three times.
        arms: arm -> its runs, the baseline first.
    """
    baseline = next(iter(arms))
    outcomes = {(j.rival.name, j.time): j.verdict for j in judged if j.arm == baseline}
    steps, ruled_out, untested = [], [], []
    for rival in sorted((*RIVALS, CLAIM), key=_cause):
        verdicts = (
            dict(zip(TIMES, claim, strict=True))
            if rival is CLAIM
            else {time: outcomes[rival.name, time] for time in TIMES}
        )
        step = _step(rival, verdicts, arms)
        if (step.verdict.outcome, step.verdict.way) in _ORDER:
            steps.append(step)
        elif step.verdict.outcome is Outcome.NOT_TESTED:
            untested.append(step)
        else:
            ruled_out.append(step)
    steps.sort(key=lambda s: _ORDER.index((s.verdict.outcome, s.verdict.way)))  # keeps the order
    return Ranking(tuple(steps), tuple(ruled_out), tuple(untested))


def _step(rival: Rival, verdicts: dict[Time, Verdict], arms: Arms) -> Step:
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
    arm, present = "", ""
    if rival.test:
        baseline = next(iter(arms))
        own = {"goal-only", "state-her"}
        arm = rival.test if rival.test in own else f"{baseline}-{rival.test}"
        endings = (f"-{rival.test}", f"+{rival.test}")
        present = next((a for a in arms if a == arm or a.endswith(endings)), "")
    return Step(rival, found, times, arm, present)


def _cause(rival: Rival) -> int:
    """Return where a rival stands in the order of cause and effect; those without a check last."""
    order = [check.name for check in CHECKS]
    return min((order.index(name) for name in rival.checks), default=len(order))
