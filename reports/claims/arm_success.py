"""Success of an arm: over its seeds, and over all their episodes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from goalscope.diagnostics.record.successes import wilson_interval
from goalscope.reports.numbers.runs import Run
from goalscope.reports.statistics.formatting import percent
from goalscope.reports.statistics.intervals import Interval, t_interval
from goalscope.reports.statistics.samples import Sample, sort_sample
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.seed_tests import SeedTest, above_threshold, untested
from goalscope.reports.statistics.thresholds import Thresholds


@dataclass(frozen=True)
class ArmSuccess:
    """What an arm's seeds came to at the last common evaluation.

    Attributes:
        rates: success rate of each seed that was evaluated, of known and unknown episodes.
        sample: success rate of each seed whose episodes are known.
        inside: the same, moved off 0 and 1 by half an episode (Haldane, Anscombe), as logits need.
        interval: mean of the rates, and the range of both intervals: the t-interval over seeds on
            the logit scale, and the Wilson interval of all episodes; None without any number.
        pooled: that Wilson interval alone; 0 to 1 without any episode.
        successes: of all episodes.
        episodes: of all seeds together.
    """

    rates: tuple[float, ...]
    sample: Sample
    inside: Sample
    interval: Interval | None
    pooled: tuple[float, float]
    successes: int
    episodes: int


def arm_success(
    runs: Sequence[Run], rows: Sequence[Mapping[str, Any]], thresholds: Thresholds
) -> ArmSuccess:
    """Return the success of an arm.

    Args:
        runs: of the arm.
        rows: its rows of `last_evaluations`.
        thresholds: that decide.
    """
    rates = tuple(row["value"] for row in rows if 0 <= row["value"] <= 1)
    values: dict[str, float | None] = {run.label: None for run in runs}
    episodes = {row["label"]: row["episodes"] for row in rows}
    for row in rows:
        usable = np.isfinite(row["episodes"]) and row["episodes"] >= 1
        values[row["label"]] = row["value"] if usable else float("nan")
    sample = sort_sample(values, Scale.LOGIT)  # a success rate outside 0..1 counts for nothing
    counts = {label: round(episodes[label]) for label in sample.numbers}
    successes = {label: round(rate * counts[label]) for label, rate in sample.numbers.items()}
    inside = {n: (successes[n] + 0.5) / (counts[n] + 1) for n in sample.numbers}
    total, good = sum(counts.values()), sum(successes.values())
    if not total:
        return ArmSuccess(rates, sample, sample, None, (0.0, 1.0), 0, 0)
    pooled = wilson_interval(good, total, thresholds.confidence)
    over_seeds = t_interval(list(inside.values()), Scale.LOGIT, thresholds.confidence)
    interval = Interval(
        float(np.mean(list(sample.numbers.values()))),
        float(np.fmin(over_seeds.low, pooled[0])),
        float(np.fmax(over_seeds.high, pooled[1])),
        len(inside),
    )
    inside_sample = replace(sample, numbers=inside)
    return ArmSuccess(rates, sample, inside_sample, interval, pooled, good, total)


def success_test(success: ArmSuccess, mark: float, thresholds: Thresholds) -> SeedTest:
    """Return the test of whether an arm's success lies above a mark.

    Both must say so: the seeds, and all episodes together. Seeds that all failed agree without
    telling much. Where the two lie on different sides nothing is told. A mark of 0 or less, or of 1
    or more, is one that no success can lie on either side of.
    """
    if not 0 < mark < 1:
        return untested(f"no success lies on either side of {percent(mark)}")
    test = above_threshold(success.inside, Scale.LOGIT, mark, thresholds)
    if test.p_value is None or not success.episodes:
        return test
    rate = success.successes / success.episodes
    error = math.sqrt(mark * (1 - mark) / success.episodes)
    agree = (rate > mark) == (test.side == "for")
    episodes = float(2 * special.ndtr(-abs(rate - mark) / error)) if agree else 1.0
    return replace(test, p_value=max(test.p_value, episodes))
