"""Evidence for an alternative explanation: a check over the baseline's seeds, or a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goalscope.reports.checks.check import Check, Side
from goalscope.reports.findings.words import question
from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import Window
from goalscope.reports.statistics.intervals import Interval, t_interval
from goalscope.reports.statistics.samples import Sample, sort_sample
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.seed_tests import SeedTest, above_threshold, below_threshold
from goalscope.reports.statistics.thresholds import Thresholds


@dataclass(frozen=True)
class Evidence:
    """What speaks for a rival at one time, or against it.

    Attributes:
        label: what was measured.
        sample: its number for each seed.
        interval: mean and interval over the seeds; None without any number.
        test: whether it speaks for the rival, by itself.
        check: the check of the baseline's own runs; None for evidence that compares.
        network: of which; None for the run as a whole.
    """

    label: str
    sample: Sample
    interval: Interval | None
    test: SeedTest
    check: Check | None = None
    network: str | None = None


def checked(
    check: Check,
    network: str,
    runs: Sequence[Run],
    window: Window | None,
    thresholds: Thresholds,
) -> Evidence:
    """Return a check of one network as evidence.

    Args:
        check: of each run.
        network: of which; "" for the run as a whole.
        runs: the seeds.
        window: None where no run that counts has reached it.
        thresholds: that decide.
    """
    numbers = {run.label: check.mean(run, network, window) for run in runs}
    label = question(check, runs[0], network)
    return measured_evidence(
        label, numbers, check.scale, check.side, check.threshold, thresholds, check, network or None
    )


def measured_evidence(
    label: str,
    numbers: Mapping[str, float | None],
    scale: Scale,
    side: Side,
    threshold: float,
    thresholds: Thresholds,
    check: Check | None = None,
    network: str | None = None,
) -> Evidence:
    """Return numbers of the seeds as evidence where they lie on one side of a threshold."""
    sample = sort_sample(numbers, scale)
    values = list(sample.numbers.values())
    interval = t_interval(values, scale, thresholds.confidence) if values else None
    judge = above_threshold if side == "above" else below_threshold
    test = judge(sample, scale, threshold, thresholds)
    return Evidence(label, sample, interval, test, check, network)
