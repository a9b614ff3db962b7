"""What to try next: the explanations ranked by evidence, each with the arm that tests it alone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goalscope.reports.checks.table import CHECKS
from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.deciding import NETWORKS
from goalscope.reports.numbers.changes import changed_by, made_of
from goalscope.reports.numbers.runs import Arms, observe_goals
from goalscope.reports.numbers.windows import TIMES, Time
from goalscope.reports.rivals.judging import JudgedRival
from goalscope.reports.rivals.rivals import Rival, rivals_of
from goalscope.reports.statistics.outcomes import Verdict

CLAIM = Rival(
    "C",
    "the image features outweigh the goal in the {network}",
    True,
    "layernorm",
    "bound the image features, and change nothing else with them",
    ("image_block_loud",),
    networks=NETWORKS,
)
_SPEAKING = ("supported", "leaning for")


@dataclass(frozen=True)
class Explanation:
    """An explanation of a network's, or the run's, failure over all times.

    Attributes:
        rival: which; the claim itself has a place among them.
        network: critic or actor; None for the run as a whole.
        verdict: the strongest that any of the times gives it.
        times: at which it has that verdict.
        arm: the arm that would test it alone, empty where no arm does.
        present: that arm's name in this study, empty where it is missing.
    """

    rival: Rival
    network: str | None
    verdict: Verdict
    times: tuple[Time, ...]
    arm: str
    present: str

    @property
    def title(self) -> str:
        """What it says, and of which network."""
        return self.rival.title_of(self.network)


@dataclass(frozen=True)
class Explanations:
    """Every explanation, sorted by what the tests say of it.

    Attributes:
        left: those with evidence: supported, then leaning for, and of equals the earlier cause.
        open: those that are undecided.
        ruled_out: those that are contradicted, or lean against, at some time and never else.
        untested: those of which nothing was tested.
    """

    left: tuple[Explanation, ...]
    open: tuple[Explanation, ...]
    ruled_out: tuple[Explanation, ...]
    untested: tuple[Explanation, ...]


def rank_explanations(
    judged: Sequence[JudgedRival], assessment: Assessment, arms: Arms
) -> Explanations:
    """Return the explanations of the baseline, ranked.

    Args:
        judged: every rival at every time.
        assessment: whose C1 is the claim itself.
        arms: arm -> its runs, the baseline first.
    """
    outcomes = {(j.rival.name, j.network, j.time): j.verdict for j in judged}
    claimed = NETWORKS if observe_goals(arms) else ()
    for network in claimed:
        for time in TIMES:
            scale = assessment.find("C1", time, assessment.baseline, network)
            outcomes[CLAIM.name, network, time] = scale.verdict
    explained = [
        _explanation(rival, network, outcomes, arms)
        for rival in sorted((*rivals_of(arms), *([CLAIM] if claimed else [])), key=_cause)
        for network in rival.networks
    ]
    by_outcome: dict[str, list[Explanation]] = defaultdict(list)
    for explanation in explained:
        by_outcome[str(explanation.verdict)].append(explanation)
    return Explanations(
        tuple(e for outcome in _SPEAKING for e in by_outcome[outcome]),
        tuple(by_outcome["undecided"]),
        tuple(e for outcome in ("contradicted", "leaning against") for e in by_outcome[outcome]),
        tuple(by_outcome["not tested"]),
    )


def _explanation(
    rival: Rival,
    network: str | None,
    outcomes: Mapping[tuple[str, str | None, Time], Verdict],
    arms: Arms,
) -> Explanation:
    verdicts = {time: outcomes[rival.name, network, time] for time in TIMES}
    order = (*_SPEAKING, "undecided", "contradicted", "leaning against", "not tested")
    trained = [v for time, v in verdicts.items() if time != "initialisation" and v.speaks]
    # What is so before training and not in training explains nothing of it.
    counts = trained or list(verdicts.values())
    if any(verdict.speaks == "for" for verdict in trained):
        counts = list(verdicts.values())
    found = min(reversed(counts), key=lambda verdict: order.index(str(verdict)))
    times = tuple(time for time, verdict in verdicts.items() if str(verdict) == str(found))
    arm, present = rival.control, None
    if rival.control:
        present = made_of(arms, rival.control)
    elif rival.change:
        arm = f"{next(iter(arms))}-{rival.change}"
        present = changed_by(arms, rival.change)
    return Explanation(rival, network, found, times, arm, present or "")


def _cause(rival: Rival) -> int:
    """Return where a rival stands in the order of cause and effect; those without a check last."""
    order = [check.name for check in CHECKS]
    return min((order.index(name) for name in rival.checks), default=len(order))
