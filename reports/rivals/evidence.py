"""Evidence for a rival: a check over the seeds of an arm, or arms compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import Window
from goalscope.reports.rivals.check import Check
from goalscope.reports.statistics.intervals import Interval
from goalscope.reports.statistics.outcomes import (
    Sample,
    Verdict,
    judge_above,
    judge_below,
    sort_sample,
)
from goalscope.reports.statistics.thresholds import Thresholds


@dataclass(frozen=True)
class Evidence:
    """What speaks for a rival at one time, or against it.

    Attributes:
        label: what was measured.
        sample: its number for each seed.
        interval: mean and interval over the seeds; None without any number.
        verdict: whether it speaks for the rival.
        check: the check of an arm's own runs; None for evidence that compares arms.
        arm: whose rival it is evidence for; None for every arm's.
    """

    label: str
    sample: Sample
    interval: Interval | None
    verdict: Verdict
    check: Check | None = None
    arm: str | None = None


def checked(
    check: Check, arm: str, runs: Sequence[Run], window: Window | None, thresholds: Thresholds
) -> Evidence:
    """Return a check as evidence.

    Args:
        check: of each run.
        arm: whose runs they are.
        runs: the seeds.
        window: None where the shortest run never reached it.
        thresholds: that decide.
    """
    sample = sort_sample({run.label: check.read(run, window) for run in runs}, check.scale)
    judge = judge_above if check.speaks == "above" else judge_below
    verdict, interval = judge(sample, check.scale, check.threshold, thresholds)
    return Evidence(check.label, sample, interval, verdict, check, arm)
