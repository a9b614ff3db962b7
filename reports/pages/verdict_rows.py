"""The rows of the verdict: a link or a rival each, an outcome for each time, and what opens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.early_call import EarlyCall
from goalscope.reports.claims.links import Link
from goalscope.reports.claims.quantities import LINKS, LinkName
from goalscope.reports.figures.plot import ANSWER, ARMS, REST, DrawnPlot
from goalscope.reports.numbers.changes import changed_by
from goalscope.reports.numbers.runs import Arms
from goalscope.reports.numbers.windows import TIMES, Time
from goalscope.reports.rivals.judging import JudgedRival
from goalscope.reports.rivals.rivals import RIVALS
from goalscope.reports.statistics.outcomes import Verdict

PLAN_FIX = "norm"  # the change
_SHORT: dict[LinkName, str] = {
    "C1": "image features outweigh the goal",
    "C2": "gradients are theirs, too",
    "C3": "they are noise",
    "C4": "Q and policy are deaf to the goal",
    "C5": "the fix restores the balance",
    "C6": "the fix makes the task learnable",
    "C7": "balance is why",
}


@dataclass(frozen=True)
class OutcomeRow:
    """A row of the verdict.

    Attributes:
        name: "C1" to "C7", "R1" to "R12", "B".
        short: what it says, in a few words.
        title: the same in full.
        arm: whose outcome it is.
        verdicts: time -> outcome; a time at which it is not judged is absent.
        settled: from when on the outcome no longer changed, in words; empty where not known.
        links: the claims behind a link, one for each time.
        judged: the judgements behind a rival, one for each time.
    """

    name: str
    short: str
    title: str
    arm: str
    verdicts: Mapping[Time, Verdict]
    settled: str = ""
    links: Mapping[Time, Link] | None = None
    judged: Mapping[Time, JudgedRival] | None = None


def plan_fix(arms: Arms) -> str | None:
    """Return the arm whose C5 and C6 stand among the links: the plan's fix, else the first."""
    _, *others = arms
    return changed_by(arms, PLAN_FIX) or next(iter(others), None)


def link_rows(arms: Arms, assessment: Assessment, calls: Sequence[EarlyCall]) -> list[OutcomeRow]:
    """Return the rows C1 to C7: of the baseline, C5 and C6 of the plan's fix."""
    fix = plan_fix(arms)
    settled = {(call.link, call.arm): _settled(call) for call in calls}
    rows = []
    for link, title in LINKS.items():
        arm = fix if link in ("C5", "C6") else assessment.baseline
        if arm is None:
            continue
        links: dict[Time, Link] = {}
        for time in TIMES:
            try:
                links[time] = assessment.find(link, time, arm)
            except KeyError:  # C6 is judged late only
                continue
        verdicts = {time: link.verdict for time, link in links.items()}
        when = settled.get((link, arm), "")
        rows.append(OutcomeRow(link, _SHORT[link], title, arm, verdicts, when, links))
    return rows


def rival_rows(judged: Sequence[JudgedRival], baseline: str) -> list[OutcomeRow]:
    """Return a row for each rival, of the baseline."""
    rows = []
    for rival in RIVALS:
        own = {j.time: j for j in judged if j.rival is rival and j.arm == baseline}
        verdicts = {time: j.verdict for time, j in own.items()}
        rows.append(
            OutcomeRow(rival.name, rival.title, rival.title, baseline, verdicts, judged=own)
        )
    return rows


def _settled(call: EarlyCall) -> str:
    return "" if call.settled is None else f"{call.axis} {call.settled:,}"


def placed(rows: Sequence[OutcomeRow], figures: Sequence[DrawnPlot]) -> dict[str, list[DrawnPlot]]:
    """Return section -> its figures; what belongs to no row of the page stands among the rest."""
    places: dict[str, list[DrawnPlot]] = {
        ANSWER: [],
        ARMS: [],
        REST: [],
        **{row.name: [] for row in rows},
    }
    for drawn in figures:
        section = drawn.plot.section
        places[section if section in places else REST].append(drawn)
    return places
