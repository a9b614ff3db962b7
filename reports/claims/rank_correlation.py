"""Does one number order the arms by another? Rank correlations over arms, one for each seed."""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from goalscope.reports.claims.links import Point
from goalscope.reports.statistics.formatting import percent
from goalscope.reports.statistics.intervals import Interval, t_interval
from goalscope.reports.statistics.outcomes import Outcome, Sample, Verdict, judge_above, sort_sample
from goalscope.reports.statistics.scales import Array, Scale
from goalscope.reports.statistics.thresholds import Thresholds

EXACT_ARMS = 7  # 7! orders are enumerated; of more arms they are drawn
DRAWN_ORDERS = 9_999


@dataclass(frozen=True)
class RankCorrelation:
    """How well a predictor orders the arms.

    Attributes:
        sample: Spearman's rank correlation over the arms, for each seed; a seed is missing where
            too few arms have numbers or they do not vary, failed where one of them is NaN.
        inside: the same, perfect orders moved in by half the step to the next possible one, as
            Fisher's z needs: to 1 - 6 / (n^3 - n) for n arms.
        interval: mean and t-interval over seeds, on Fisher's z; None without any number.
    """

    sample: Sample
    inside: Sample
    interval: Interval | None


def rank_arms(
    points: Sequence[Point], seeds: Sequence[str], needed: int, confidence: float
) -> RankCorrelation:
    """Return the rank correlations over arms, and their interval over seeds.

    Args:
        points: the runs; those of seeds that are not listed are left out.
        seeds: labels of the seeds that enough arms have run.
        needed: arms without which a seed has no number.
        confidence: of the interval.
    """
    by_seed: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        by_seed[point.seed].append(point)
    values: dict[str, float | None] = {}
    for seed in seeds:
        own = by_seed[seed]
        values[seed] = _correlation(own) if len(own) >= needed else None
    sample = sort_sample(values, Scale.FISHER)
    inside = {
        seed: float(_moved_in(np.float64(value), len(by_seed[seed])))
        for seed, value in sample.numbers.items()
    }
    interval = t_interval(list(inside.values()), Scale.FISHER, confidence) if inside else None
    return RankCorrelation(sample, replace(sample, numbers=inside), interval)


def _correlation(points: Sequence[Point]) -> float | None:
    pairs = np.array([(point.predictor, point.outcome) for point in points])
    if not np.isfinite(pairs).all():
        return math.nan
    first, second = _ranks(pairs.T)
    return float(first @ second) if first.any() and second.any() else None


def _ranks(values: Array) -> Array:
    """Return ranks along the last axis, centred and of length 1; zeros where nothing varies."""
    centred: Array = stats.rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    return centred / np.where(length > 0, length, 1.0)


def _moved_in(correlations: Array | np.float64, arms: int) -> Array:
    most = 1 - 6 / (arms**3 - arms)
    return np.clip(correlations, -most, most)


def judge_rank_correlation(
    correlation: RankCorrelation, points: Sequence[Point], thresholds: Thresholds
) -> Verdict:
    """Return whether the predictor orders the arms: the mean correlation lies above 0.

    The interval over seeds must lie above 0, and the order must not be one that arms take by
    chance: seeds repeat the arms, so that five seeds of four arms agree on whatever differs between
    these arms for any reason at all. Of all orders in which the predictor could have been dealt out
    to the arms, at most 1 - confidence may give as high a mean correlation.

    Args:
        correlation: of the points.
        points: the runs.
        thresholds: that decide.
    """
    verdict, _ = judge_above(correlation.inside, Scale.FISHER, 0.0, thresholds)
    if verdict.p_value is None:
        return verdict
    by_chance = order_p(points, list(correlation.sample.numbers))
    p_value = max(verdict.p_value, by_chance)
    if verdict.outcome is not Outcome.UNDECIDED and by_chance > 1 - thresholds.confidence:
        reason = (
            f"{verdict.reason}, but {percent(by_chance)} of the orders of the arms give as much"
        )
        return Verdict(Outcome.UNDECIDED, reason, p_value=p_value)
    return replace(verdict, p_value=p_value)


def order_p(points: Sequence[Point], seeds: Sequence[str]) -> float:
    """Return the part of the arms' orders whose mean correlation is at least as far out.

    On the side of the one observed. An arm's numbers of all seeds stay together. Exact up to 7
    arms, else of 9,999 orders drawn. Only arms with numbers for every seed take part.

    Args:
        points: the runs.
        seeds: labels of the seeds that count.
    """
    table = {(point.arm, point.seed): (point.predictor, point.outcome) for point in points}
    arms = [
        arm
        for arm in dict.fromkeys(point.arm for point in points)
        if all((arm, seed) in table for seed in seeds)
    ]
    if len(arms) < 2 or not seeds:
        return 1.0
    pairs = np.array([[table[arm, seed] for arm in arms] for seed in seeds])
    predictor, outcome = _ranks(pairs[:, :, 0]), _ranks(pairs[:, :, 1])
    orders = _orders(len(arms))
    # (orders, seeds): the correlation of each seed under each order; the first is the one observed.
    found = np.einsum("spa,sa->ps", predictor[:, orders], outcome)
    means = np.arctanh(_moved_in(found, len(arms))).mean(axis=1)
    side = 1.0 if means[0] >= 0 else -1.0
    return float((side * means >= side * means[0] - 1e-9).mean())


@cache
def _orders(arms: int) -> NDArray[np.int64]:
    """Return the orders of some arms, (orders, arms), the one they have first."""
    if arms <= EXACT_ARMS:
        return np.array(list(itertools.permutations(range(arms))))
    rows = np.tile(np.arange(arms), (DRAWN_ORDERS + 1, 1))
    rows[1:] = np.random.default_rng(0).permuted(rows[1:], axis=1)
    return rows
