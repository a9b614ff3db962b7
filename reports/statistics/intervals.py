"""Statistics over seeds: intervals on the right scale, paired differences, exact p-values.

The sample is one number per seed. Shares are compared on the logit scale, ratios on the log scale,
correlations by Fisher's z, where a t-interval is at its best and cannot leave the possible range.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

EPSILON = 1e-6  # a share or ratio of exactly 0 has no logarithm: it is moved in by this much
EXACT_PAIRS = 16  # 2**16 sign patterns are enumerated; beyond that they are drawn

Array = NDArray[np.float64]


class Scale(Enum):
    """The scale on which a quantity is compared."""

    LOGIT = "logit"
    LOG = "log"
    FISHER = "Fisher z"
    PLAIN = "plain"

    def clip(self, values: Array) -> Array:
        """Return the values, moved off the ends that this scale sends to infinity."""
        if self is Scale.LOGIT:
            return np.clip(values, EPSILON, 1 - EPSILON)
        if self is Scale.FISHER:
            return np.clip(values, EPSILON - 1, 1 - EPSILON)
        return np.maximum(values, EPSILON) if self is Scale.LOG else values

    def forward(self, values: Array) -> Array:
        """Return the values on this scale; clip first."""
        return _FORWARD[self](values)

    def backward(self, values: Array) -> Array:
        """Return values of this scale as they were measured."""
        return _BACKWARD[self](values)

    def contains(self, value: float) -> bool:
        """Whether a finite number is possible at all: a share in 0..1, a correlation in -1..1."""
        if self is Scale.LOGIT:
            return -EPSILON <= value <= 1 + EPSILON
        if self is Scale.FISHER:
            return abs(value) <= 1 + EPSILON
        return self is Scale.PLAIN or value >= 0


def _same(values: Array) -> Array:
    return values


_FORWARD: dict[Scale, Callable[[Array], Array]] = {
    Scale.LOGIT: special.logit,
    Scale.LOG: np.log,
    Scale.FISHER: np.arctanh,
    Scale.PLAIN: _same,
}
_BACKWARD: dict[Scale, Callable[[Array], Array]] = {
    Scale.LOGIT: special.expit,
    Scale.LOG: np.exp,
    Scale.FISHER: np.tanh,
    Scale.PLAIN: _same,
}


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its t-interval, in the unit the quantity was measured in.

    Attributes:
        mean: of the scaled values, scaled back (for logs: the geometric mean).
        low: lower end; NaN with fewer than two seeds.
        high: upper end; NaN with fewer than two seeds.
        seeds: how many numbers it is made of.
        clipped: how many of them lay at an end of the scale and were moved in by `EPSILON`.
    """

    mean: float
    low: float
    high: float
    seeds: int
    clipped: int = 0


def t_interval(values: Sequence[float], scale: Scale, confidence: float = 0.95) -> Interval:
    """Return the mean over seeds and its two-sided t-interval, computed on the scale.

    Args:
        values: one finite number per seed, at least one.
        scale: logit for shares, log for ratios, Fisher z for correlations.
        confidence: 0..1.
    """
    measured = np.asarray(values, dtype=float)
    inside = scale.clip(measured)
    mean, low, high = _t_interval(scale.forward(inside), confidence)
    mean, low, high = scale.backward(np.array([mean, low, high])).tolist()
    return Interval(mean, low, high, len(measured), int((inside != measured).sum()))


def threshold_p(values: Sequence[float], scale: Scale, threshold: float) -> float:
    """Return the two-sided p-value of a one-sample t-test against a threshold, on the scale.

    Below 1 - confidence exactly where the threshold lies outside `t_interval`.

    Args:
        values: one finite number per seed, at least two.
        scale: of the test.
        threshold: in the unit of the values.
    """
    inside = scale.clip(np.asarray([*values, threshold], dtype=float))
    *scaled, at = scale.forward(inside)
    return _t_test_p(np.asarray(scaled) - at)


def _t_test_p(differences: Array) -> float:
    """Return the two-sided p-value of a mean of 0; NaN with fewer than two differences."""
    if len(differences) < 2:
        return math.nan
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    if error == 0:
        return float(mean == 0)
    return float(2 * special.stdtr(len(differences) - 1, -abs(mean) / error))


def _t_interval(values: Array, confidence: float) -> tuple[float, float, float]:
    mean = float(values.mean())
    if len(values) < 2:
        return mean, math.nan, math.nan
    spread = float(values.std(ddof=1)) / math.sqrt(len(values))
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) * spread
    return mean, mean - half, mean + half


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
        t_test_p: two-sided p-value of the paired t-test, which agrees with the interval; NaN with
            fewer than two pairs.
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
    mean, low, high = _t_interval(differences, confidence)
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
        _t_test_p(differences),
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
    if len(values) > EXACT_PAIRS:
        result = stats.permutation_test(
            (values,),
            lambda sample, axis: np.abs(np.mean(sample, axis=axis)),
            permutation_type="samples",
            vectorized=True,
            alternative="greater",
            n_resamples=2**EXACT_PAIRS,
            rng=np.random.default_rng(0),
        )
        return float(result.pvalue)
    patterns = (np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1
    sums = np.abs((1 - 2 * patterns) @ values)
    # Patterns that are equal but for rounding count as equal.
    return float((sums >= abs(values.sum()) * (1 - 1e-12)).mean())


def smallest_paired_p(pairs: int) -> float:
    """Return the smallest p-value that a paired sign test of this many pairs can reach."""
    return min(1.0, 2.0 ** (1 - pairs))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for testing all of them at once (Holm 1979), in the same order."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return [float(value) for value in adjusted]
