"""C6, the outcome: whether an arm's success exceeds what the plan promises of its fix."""

from collections.abc import Mapping, Sequence
from typing import Any

from goalscope.diagnostics.record import UNKNOWN_TASK
from goalscope.reports.claims.arm_success import success_test
from goalscope.reports.claims.links import JudgedQuantity, Link
from goalscope.reports.claims.quantities import Quantity
from goalscope.reports.claims.success import SUCCESS, arm_successes, last_evaluations
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.statistics.formatting import percent
from goalscope.reports.statistics.outcomes import not_tested
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.seed_tests import untested
from goalscope.reports.statistics.thresholds import Thresholds

TASK = "Push"  # the plan's marks are of FetchPush


def success_links(arms: Arms, thresholds: Thresholds) -> list[Link]:
    """Return C6 of every arm, judged late: at the last step at which all runs were evaluated.

    One quantity for each mark. The first mark decides: above it the plan calls its fix viable, and
    whoever passes a higher one has passed it, too. On other tasks than Push no mark decides; the
    numbers stand there all the same.

    Args:
        arms: arm -> its runs.
        thresholds: that decide.
    """
    rows = last_evaluations(arms)
    found = []
    for arm, success in arm_successes(arms, thresholds).items():
        reason = _why_not(arms[arm], [row for row in rows if row["arm"] == arm])
        tests = {
            mark: untested(reason) if reason else success_test(success, mark, thresholds)
            for mark in thresholds.success_marks
        }
        quantities = tuple(
            JudgedQuantity(_quantity(mark), "late", arm, success.sample, success.interval, test)
            for mark, test in tests.items()
        )
        decides = tests[thresholds.success_marks[0]]
        found.append(Link("C6", None, "late", arm, decides, not_tested(""), quantities))
    return found


def _why_not(runs: Sequence[Run], rows: Sequence[Mapping[str, Any]]) -> str | None:
    others = sorted({name for run in runs if TASK not in (name := _task_name(run))})
    if others:
        return f"the plan's marks are for {TASK}, not for {', '.join(others)}"
    if not any(row["step"] > 0 for row in rows):
        return "not evaluated after step 0"
    return None


def _task_name(run: Run) -> str:
    return "a task without a name" if run.task == UNKNOWN_TASK else run.task.name


def _quantity(mark: float) -> Quantity:
    return Quantity(
        SUCCESS,
        f"success, against the plan's mark of {percent(mark)}",
        f"success, {percent(mark)}",
        "share",
        Scale.LOGIT,
        "C6",
        threshold=mark,
        above=True,
    )
