"""The links C1 to C7 of the claim, judged together at the four times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from goalscope.diagnostics.record.metrics import CONTENT_R2
from goalscope.reports.claims.cause import cause_links
from goalscope.reports.claims.chain import chain_links
from goalscope.reports.claims.deciding import Study
from goalscope.reports.claims.learnt import success_links
from goalscope.reports.claims.links import Link
from goalscope.reports.claims.quantities import LinkName, sensitivity_family
from goalscope.reports.claims.success import mean_success
from goalscope.reports.numbers.changes import is_control
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.numbers.windows import TIMES, Time, Times, window_numbers
from goalscope.reports.statistics.outcomes import Verdict, decide, not_tested
from goalscope.reports.statistics.thresholds import Thresholds


@dataclass(frozen=True)
class Assessment:
    """All that a comparison, or a single run, says of the claim.

    Attributes:
        links: by time: C1 to C4 of each arm and network, C5 of each arm but the baseline, C7's
            halves, and late C6 of each arm.
        baseline: the arm the claim is about.
        arms: every arm, the baseline first.
        times: the windows.
        thresholds: the thresholds used.
        study: what the runs measured alike.
        tests: how many tests the outcomes were judged among.
    """

    links: tuple[Link, ...]
    baseline: str
    arms: tuple[str, ...]
    times: Times
    thresholds: Thresholds
    study: Study
    tests: int

    def unasked(self) -> "Assessment":
        """Return the same without a link: where no arm observes a goal, none can be asked."""
        return replace(self, links=(), tests=0)

    def find(
        self,
        name: LinkName,
        time: Time,
        arm: str,
        network: str | None = None,
        half: str | None = None,
    ) -> Link:
        """Return a link.

        Raises:
            KeyError: there is none.
        """
        wanted = (name, time, arm, network, half)
        for link in self.links:
            if (link.name, link.time, link.arm, link.network, link.half) == wanted:
                return link
        raise KeyError(wanted)


def assess(arms: Arms, times: Times, thresholds: Thresholds) -> Assessment:
    """Return every link at every time.

    Args:
        arms: arm -> its runs, the baseline first.
        times: the windows, the same for all runs.
        thresholds: that decide.
    """
    for run in (run for runs in arms.values() for run in runs):
        for window in times.windows.values():  # a page asks for most of them, one by one
            window_numbers(run, [*run.metrics], window)
    study = study_of(arms)
    success = mean_success(arms)
    links: list[Link] = []
    for time in TIMES:
        window = times.windows[time]
        links += chain_links(arms, time, window, study, thresholds)
        links += cause_links(arms, time, window, study, success, thresholds)
    links += success_links(arms, thresholds)
    judged = judge_links(links, arms, thresholds)
    tests = sum(v is not None and v.p_value is not None for k in judged for v in _verdicts(k))
    baseline = next(iter(arms))
    return Assessment(tuple(judged), baseline, tuple(arms), times, thresholds, study, tests)


def study_of(arms: Arms) -> Study:
    """Return what the runs measured alike."""
    runs = [run for group in arms.values() for run in group]
    return Study(sensitivity_family(runs), runs[0].image_block(), _target(runs))


def judge_links(links: Sequence[Link], arms: Arms, thresholds: Thresholds) -> list[Link]:
    """Return the links with the outcomes they have as one family, in their order.

    The links of the claim are C1 to C4 of the baseline, C5 and C6 of every arm that is meant to
    fix it, and C7. What controls show stands beside it, and is not tested.
    """
    aside = [_aside(link, arms) for link in links]
    family = [link for link, why in zip(links, aside, strict=True) if not why]
    graded = [link for link in family if link.drowned_test is not None]
    tests = [link.test for link in family] + [k.drowned_test for k in graded if k.drowned_test]
    verdicts = decide(tests, thresholds)
    grades = dict(zip(map(id, graded), verdicts[len(family) :], strict=True))
    found = iter(
        replace(link, verdict=verdict, drowned=grades.get(id(link)))
        for link, verdict in zip(family, verdicts, strict=False)
    )
    return [
        replace(link, verdict=not_tested(why)) if why else next(found)
        for link, why in zip(links, aside, strict=True)
    ]


def _aside(link: Link, arms: Arms) -> str:
    """Return why a link is shown beside the claim and not tested; empty for one of the claim's."""
    baseline, *others = arms
    if link.name in ("C1", "C2", "C3", "C4"):
        return "" if link.arm == baseline else f"shown beside the claim, which is about {baseline}"
    if link.name == "C6" and link.arm == baseline and others:
        return f"{baseline} is no fix"
    if link.name in ("C5", "C6") and link.arm != baseline and is_control(arms, link.arm):
        return f"{link.arm} is a control, not a fix"
    return ""


def _verdicts(link: Link) -> tuple[Verdict | None, Verdict | None]:
    return link.verdict, link.drowned


def _target(runs: Sequence[Run]) -> str:
    """Return whose position is read: the task's target where it was, else what it names first."""
    task = runs[0].task
    found = (CONTENT_R2.match(key) for run in runs for key in run.metrics)
    if {"target": task.target} in found:
        return task.target
    return next(iter(task.probe_targets), task.target)
