"""Does one number order the arms by another? Rank correlations over arms, one for each seed."""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from goalscope.reports.claims.links import Point
from goalscope.reports.statistics.formatting import count
from goalscope.reports.statistics.intervals import Interval, t_interval
from goalscope.reports.statistics.samples import Sample, sort_sample
from goalscope.reports.statistics.scales import Array, Scale
from goalscope.reports.statistics.seed_tests import SeedTest, Way, untested
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


def ranked_together(
    points: Sequence[Point], seeds: Sequence[str], needed: int, thresholds: Thresholds
) -> tuple[list[Point], list[str]]:
    """Return the points and seeds that one test can take: of arms that have each of the seeds.

    An arm without a finite number has none of them: it would fail every seed of the others. As many
    arms as possible, and of these as many seeds as they share, if they are enough for a test, else
    to lean. Everything where neither is to be had.
    """
    usable = {p.arm for p in points if math.isfinite(p.predictor) and math.isfinite(p.outcome)}
    points = [point for point in points if point.arm in usable]
    have: dict[str, set[str]] = defaultdict(set)
    for point in points:
        if point.seed in seeds:
            have[point.arm].add(point.seed)
    by_seeds = sorted(have, key=lambda arm: len(have[arm]), reverse=True)
    for least in (thresholds.seeds_to_test, thresholds.seeds_to_lean):
        for kept in range(len(by_seeds), max(needed, 1) - 1, -1):
            arms = by_seeds[:kept]
            shared = [seed for seed in seeds if all(seed in have[arm] for arm in arms)]
            if len(shared) >= least:
                return [p for p in points if p.arm in arms and p.seed in shared], shared
    return points, [*seeds]


def _correlation(points: Sequence[Point]) -> float | None:
    pairs = np.array([(point.predictor, point.outcome) for point in points])
    if not np.isfinite(pairs).all():
        return math.nan
    first, second = _ranks(pairs.T)
    return float(first @ second) if first.any() and second.any() else None


def _ranks(values: Array) -> Array:
    """Return ranks along the last axis, centred and of length 1; zeros where nothing varies."""
    from scipy import stats  # takes half a second: when needed

    centred: Array = stats.rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    return centred / np.where(length > 0, length, 1.0)


def _moved_in(correlations: Array | np.float64, arms: int) -> Array:
    most = 1 - 6 / (arms**3 - arms)
    return np.clip(correlations, -most, most)


def rank_test(
    correlation: RankCorrelation, points: Sequence[Point], thresholds: Thresholds
) -> SeedTest:
    """Return the test of whether a predictor orders the arms, by permuting them.

    Of arms that have a number for each of the seeds (`ranked_together`).

    The arms are what is drawn, not the seeds, which repeat them: the p-value is that of the arms'
    orders (`order_p`).

    Args:
        correlation: of these points.
        points: the runs.
        thresholds: that decide.
    """
    sample = correlation.sample
    seeds = list(sample.numbers)
    gaps = f"; {sample.gaps}" if sample.gaps else ""
    if len(seeds) < thresholds.seeds_to_lean:
        return untested(f"{count(len(seeds), 'seed')} is no test{gaps}", len(seeds))
    mean = float(np.arctanh(list(correlation.inside.numbers.values())).mean())
    arms = len({point.arm for point in points})
    fewest = 2 / math.factorial(arms)  # of the orders are as far from 0 as the first, at least
    if len(seeds) >= thresholds.seeds_to_test and fewest >= thresholds.false_discoveries:
        return untested(f"{arms} arms have too few orders for any to be unlikely", len(seeds))
    side: Way = "for" if mean > 0 else "against"
    reason = f"rank correlation over {arms} arms {'above' if mean > 0 else 'not above'} 0{gaps}"
    return SeedTest(side, order_p(points, seeds), len(seeds), sample.whole, reason)


def order_p(points: Sequence[Point], seeds: Sequence[str]) -> float:
    """Return the part of the arms' orders whose mean correlation is at least as far from 0.

    An arm's numbers of all seeds stay together. Exact up to 7 arms, else of 9,999 orders drawn.
    Only arms with numbers for every seed take part.

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
    means = np.abs(np.arctanh(_moved_in(found, len(arms))).mean(axis=1))
    return float((means >= means[0] - 1e-9).mean())


@cache
def _orders(arms: int) -> NDArray[np.int64]:
    """Return the orders of some arms, (orders, arms), the one they have first."""
    if arms <= EXACT_ARMS:
        return np.array(list(itertools.permutations(range(arms))))
    rows = np.tile(np.arange(arms), (DRAWN_ORDERS + 1, 1))
    rows[1:] = np.random.default_rng(0).permuted(rows[1:], axis=1)
    return rows
