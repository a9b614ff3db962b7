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
from goalscope.reports.numbers.windows import Time
from goalscope.reports.rivals.judging import JudgedRival
from goalscope.reports.statistics.outcomes import Verdict

PLAN_FIX = "norm"  # the change
_SHORT: dict[LinkName, str] = {
    "C1": "image features outweigh the goal",
    "C2": "gradients are theirs, too",
    "C3": "they are noise",
    "C4": "its output is goal-insensitive",
    "C5": "the fix raises the goal's share, and its effect",
    "C6": "the fix makes the task learnable",
    "C7": "balance is why",
}
_HALVES = {"sensitivity": "arms react as their share", "success": "arms succeed as their share"}


@dataclass(frozen=True)
class Cell:
    """An outcome at one time, and the grade it reached in words."""

    verdict: Verdict
    grade: str = ""


@dataclass(frozen=True)
class OutcomeRow:
    """A row of the verdict.

    Attributes:
        name: "C1" to "C7", "R1" to "R12", "B".
        anchor: of its section on the page.
        short: what it says, in a few words.
        title: the same in full.
        network: critic or actor; empty for neither.
        arm: whose outcome it is.
        cells: time -> outcome; a time at which it is not judged is absent.
        settled: from when on the outcome no longer changed, in words; empty where not known.
        links: the claims behind a link, one for each time.
        judged: the judgements behind a rival, one for each time.
        note: what a reader must know of a rival.
    """

    name: str
    anchor: str
    short: str
    title: str
    network: str
    arm: str
    cells: Mapping[Time, Cell]
    settled: str = ""
    links: Mapping[Time, Link] | None = None
    judged: Mapping[Time, JudgedRival] | None = None
    note: str = ""


def plan_fix(arms: Arms) -> str | None:
    """Return the arm whose C5 and C6 stand among the links: the plan's fix, else the first."""
    _, *others = arms
    return changed_by(arms, PLAN_FIX) or next(iter(others), None)


def link_rows(arms: Arms, assessment: Assessment, calls: Sequence[EarlyCall]) -> list[OutcomeRow]:
    """Return the rows C1 to C7, critic and actor apart: C5 and C6 are of the plan's fix."""
    fix = plan_fix(arms)
    settled = {(call.link, call.network, call.arm): _settled(call) for call in calls}
    rows = []
    for name, title in LINKS.items():
        arm = fix if name in ("C5", "C6") else assessment.baseline
        own = [link for link in assessment.links if (link.name, link.arm) == (name, arm)]
        for network, half in dict.fromkeys((link.network, link.half) for link in own):
            links = {k.time: k for k in own if (k.network, k.half) == (network, half)}
            part = network or half or ""
            rows.append(
                OutcomeRow(
                    name,
                    f"{name}-{part}" if part else name,
                    _HALVES[half] if half else _SHORT[name],
                    title,
                    network or "",
                    arm or "",
                    {time: Cell(link.verdict, link.grade) for time, link in links.items()},
                    settled.get((name, network or "", arm or ""), ""),
                    links,
                )
            )
    return rows


def rival_rows(judged: Sequence[JudgedRival], baseline: str) -> list[OutcomeRow]:
    """Return a row for each alternative explanation, and network where it is of one."""
    rows = []
    for rival in dict.fromkeys(one.rival for one in judged):
        for network in rival.networks:
            own = {j.time: j for j in judged if (j.rival, j.network) == (rival, network)}
            title = rival.title_of(network)
            rows.append(
                OutcomeRow(
                    rival.name,
                    f"{rival.name}-{network}" if network else rival.name,
                    title,
                    title,
                    network or "",
                    baseline,
                    {time: Cell(one.verdict) for time, one in own.items()},
                    judged=own,
                    note=rival.note,
                )
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
