"""What to try next: the explanations ranked by evidence, each with the arm that tests it alone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goalscope.reports.checks.table import CHECKS
from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.deciding import NETWORKS
from goalscope.reports.claims.success import ArmStanding, arm_standings
from goalscope.reports.numbers.changes import (
    changed_by,
    changes_of,
    is_taken,
    made_of,
    with_change,
)
from goalscope.reports.numbers.runs import Arms, observe_goals
from goalscope.reports.numbers.windows import TIMES, Time
from goalscope.reports.rivals.judging import JudgedRival
from goalscope.reports.rivals.rivals import Rival, rivals_of
from goalscope.reports.statistics.formatting import percent
from goalscope.reports.statistics.outcomes import Verdict
from goalscope.reports.statistics.thresholds import Thresholds

CLAIM = Rival(
    "C",
    "the image features outweigh the goal in the {network}",
    True,
    "layernorm",
    "bound the image features, and change nothing else with them",
    ("image_block_loud",),
    networks=NETWORKS,
    own_code="put a LayerNorm behind the image encoder in your features extractor",
)
_SPEAKING = ("supported", "leaning for")
_HELPED = (True, None, False)  # the order of what its change alone came to


@dataclass(frozen=True)
class Explanation:
    """An explanation of a network's, or the run's, failure over all times.

    Attributes:
        rival: which; the claim itself has a place among them.
        network: critic or actor; None for the run as a whole.
        verdict: the strongest that any of the times gives it.
        times: at which it has that verdict.
        arm: the arm that would test it alone, empty where no arm does.
        own_code: what would test it alone in code of one's own, empty where an arm can, or nothing.
        present: that arm's name in this study, empty where it is missing.
        came_to: what that arm came to; None where it is missing, or was not held against a floor.
    """

    rival: Rival
    network: str | None
    verdict: Verdict
    times: tuple[Time, ...]
    arm: str
    own_code: str
    present: str
    came_to: ArmStanding | None

    @property
    def title(self) -> str:
        """What it says, and of which network."""
        return self.rival.title_of(self.network)

    @property
    def tested(self) -> str:
        """What tests it alone, and what came of that; empty where nothing does."""
        if not self.present:
            named = self.arm or self.own_code
            return f"Test it alone: {named}." if named else ""
        if self.came_to is None:
            return f"Tested alone by {self.present}, in this study."
        came_to = f"{percent(self.came_to.rate)} success, {self.came_to.words}"
        return f"Tested alone by {self.present}, in this study: {came_to}."

    @property
    def helped(self) -> bool | None:
        """Whether its change alone led off the floor in this study; None where that is open."""
        if self.came_to is None or self.rival.control:  # a control mends nothing
            return None
        return self.came_to.above


@dataclass(frozen=True)
class Explanations:
    """Every explanation, sorted by what the tests say of it.

    Attributes:
        left: those with evidence: supported, then leaning for, and of equals the earlier cause;
            first those whose change alone led off the floor in this study, last those where it
            did not.
        open: those that are undecided.
        ruled_out: those that are contradicted, or lean against, at some time and never else.
        untested: those of which nothing was tested.
    """

    left: tuple[Explanation, ...]
    open: tuple[Explanation, ...]
    ruled_out: tuple[Explanation, ...]
    untested: tuple[Explanation, ...]


def rank_explanations(
    judged: Sequence[JudgedRival], assessment: Assessment, arms: Arms, thresholds: Thresholds
) -> Explanations:
    """Return the explanations of the baseline, ranked.

    Args:
        judged: every rival at every time.
        assessment: whose C1 is the claim itself.
        arms: arm -> its runs, the baseline first.
        thresholds: of the tests.
    """
    outcomes = {(j.rival.name, j.network, j.time): j.verdict for j in judged}
    claimed = NETWORKS if observe_goals(arms) else ()
    for network in claimed:
        for time in TIMES:
            scale = assessment.find("C1", time, assessment.baseline, network)
            outcomes[CLAIM.name, network, time] = scale.verdict
    standings = arm_standings(arms, thresholds)
    explained = [
        _explanation(rival, network, outcomes, arms, standings)
        for rival in sorted((*rivals_of(arms), *([CLAIM] if claimed else [])), key=_cause)
        for network in rival.networks
    ]
    by_outcome: dict[str, list[Explanation]] = defaultdict(list)
    for explanation in explained:
        by_outcome[str(explanation.verdict)].append(explanation)
    left = (e for outcome in _SPEAKING for e in by_outcome[outcome])
    return Explanations(
        tuple(sorted(left, key=lambda e: _HELPED.index(e.helped))),
        tuple(by_outcome["undecided"]),
        tuple(e for outcome in ("contradicted", "leaning against") for e in by_outcome[outcome]),
        tuple(by_outcome["not tested"]),
    )


def _explanation(
    rival: Rival,
    network: str | None,
    outcomes: Mapping[tuple[str, str | None, Time], Verdict],
    arms: Arms,
    standings: Mapping[str, ArmStanding],
) -> Explanation:
    verdicts = {time: outcomes[rival.name, network, time] for time in TIMES}
    order = (*_SPEAKING, "undecided", "contradicted", "leaning against", "not tested")
    trained = [v for time, v in verdicts.items() if time != "initialisation"]
    speaks = {verdict.speaks for verdict in trained}
    # What is so before training and contradicted in training explains nothing of it; what is
    # contradicted at one time of training and open at another is open.
    ruled_out = "against" in speaks and "for" not in speaks
    counts = trained if ruled_out else list(verdicts.values())
    found = min(reversed(counts), key=lambda verdict: order.index(str(verdict)))
    times = tuple(time for time, verdict in verdicts.items() if str(verdict) == str(found))
    baseline = next(iter(arms.values()))
    arm, own_code, present = "", "", None
    if not changes_of(baseline):  # a script of one's own has no arm of ours
        own_code = rival.own_code
    elif rival.control:
        arm = rival.control if is_taken(baseline[0], rival.control) else ""
        present = made_of(arms, rival.control)
    elif rival.change:
        arm = with_change(baseline, rival.change)
        present = changed_by(arms, rival.change)
    came_to = standings.get(present or "")
    return Explanation(rival, network, found, times, arm, own_code, present or "", came_to)


def _cause(rival: Rival) -> int:
    """Return where a rival stands in the order of cause and effect; those without a check last."""
    order = [check.name for check in CHECKS]
    return min((order.index(name) for name in rival.checks), default=len(order))
