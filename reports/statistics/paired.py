"""Two arms that ran the same seeds: paired differences, and exact p-values of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from goalscope.reports.statistics.intervals import limited_t_test, scaled_t_interval
from goalscope.reports.statistics.scales import Array, Scale

EXACT_PAIRS = 16  # 2**16 sign patterns are enumerated; beyond that they are drawn
_SIGNS = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)  # of a byte


@dataclass(frozen=True)
class PairedDifference:
    """The other arm minus the baseline, paired by seed.

    Attributes:
        mean: mean difference on the scale: log odds ratio for shares, log ratio for ratios,
            difference of Fisher's z for correlations.
        low: lower end of its t-interval; NaN with fewer than two pairs.
        high: upper end.
        effect_size: mean over standard deviation of the differences (Cohen's d_z); NaN where they
            do not vary or there is one.
        p_value: exact two-sided paired permutation test (signs of the differences exchanged).
        smallest_p: the smallest p-value this number of pairs can reach.
        improvement: probability that a seed of the other arm lies above one of the baseline, ties
            counting half.
        pairs: number of seeds in both arms.
        clipped: how many of the numbers were moved in by `EPSILON`.
        t_test_mean: mean of the differences, cut off alike on both sides (`limited_t_test`).
        t_test_p: two-sided p-value of the paired t-test of that mean; NaN with fewer than two
            pairs.
        each: the difference of each pair, on the scale.
    """

    mean: float
    low: float
    high: float
    effect_size: float
    p_value: float
    smallest_p: float
    improvement: float
    pairs: int
    clipped: int
    t_test_mean: float
    t_test_p: float
    each: tuple[float, ...]


def paired_difference(
    baseline: Sequence[float], other: Sequence[float], scale: Scale, confidence: float = 0.95
) -> PairedDifference:
    """Return the paired difference of two arms on a scale.

    Args:
        baseline: one finite number per seed.
        other: of the other arm, in the same order of seeds; same length, at least one.
        scale: logit for shares, log for ratios, Fisher z for correlations.
        confidence: 0..1.
    """
    first, second = (np.asarray(values, dtype=float) for values in (baseline, other))
    inside = scale.clip(first), scale.clip(second)
    clipped = int((inside[0] != first).sum() + (inside[1] != second).sum())
    differences = scale.forward(inside[1]) - scale.forward(inside[0])
    mean, low, high = scaled_t_interval(differences, confidence)
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    return PairedDifference(
        mean,
        low,
        high,
        mean / spread if spread > 0 else math.nan,
        paired_permutation_p(differences),
        smallest_paired_p(len(differences)),
        probability_of_improvement(first, second),
        len(differences),
        clipped,
        *limited_t_test(differences, scale),
        tuple(differences.tolist()),
    )


def probability_of_improvement(baseline: Array, other: Array) -> float:
    """Return the probability that a number of the other arm is the larger one, ties half.

    Args:
        baseline: (n,), one number per seed.
        other: (m,), of the other arm.
    """
    above = other[:, None] > baseline[None, :]
    equal = other[:, None] == baseline[None, :]
    return float((above + 0.5 * equal).mean())


def paired_permutation_p(differences: Sequence[float] | Array) -> float:
    """Return the two-sided p-value of a mean difference when each pair's sign is arbitrary.

    Exact up to 16 pairs: the part of the 2^n sign patterns whose mean is at least as far from 0.
    """
    values = np.asarray(differences, dtype=float)
    patterns = _patterns(len(values))
    eights = np.append(values, np.zeros(-len(values) % 8)).reshape(-1, 8)
    sums = np.zeros(patterns.shape[1])
    for own, byte in zip(eights @ _SIGNS.T, patterns, strict=True):
        sums += own[byte]
    # Patterns that are equal but for rounding count as equal.
    far = int((np.abs(sums) >= abs(values.sum()) * (1 - 1e-12)).sum())
    if len(values) <= EXACT_PAIRS:
        return far / len(sums)
    return (far + 1) / (len(sums) + 1)  # the signs as they are count among those drawn


@lru_cache(maxsize=4)
def _patterns(pairs: int) -> NDArray[np.uint8]:
    """Return patterns of signs: all of few pairs, some that are drawn of many.

    The same for every quantity, and drawn as `scipy.stats.permutation_test` draws them.

    Returns:
        (eights of pairs, patterns): a byte holds the signs of eight pairs, a bit set for a minus.
    """
    if pairs <= EXACT_PAIRS:
        flipped = (np.arange(2**pairs)[:, None] >> np.arange(pairs)) & 1
    else:
        order = np.tile(np.arange(2, dtype=np.int8), (2**EXACT_PAIRS, pairs, 1))
        flipped = np.random.default_rng(0).permuted(order, axis=-1)[..., 0]
    return np.ascontiguousarray(np.packbits(flipped.astype(bool), axis=1).T)


def smallest_paired_p(pairs: int) -> float:
    """Return the smallest p-value that a paired sign test of this many pairs can reach."""
    return min(1.0, 2.0 ** (1 - pairs))
