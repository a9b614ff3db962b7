"""Intervals over seeds, on the right scale.

The sample is one number per seed. Shares are compared on the logit scale, ratios on the log scale,
correlations by Fisher's z, where a t-interval is at its best and cannot leave the possible range.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from goalscope.reports.statistics.scales import Array, Scale


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
    mean, low, high = scaled_t_interval(scale.forward(inside), confidence)
    mean, low, high = scale.backward(np.array([mean, low, high])).tolist()
    return Interval(mean, low, high, len(measured), int((inside != measured).sum()))


def threshold_p(values: Sequence[float], scale: Scale, threshold: float) -> tuple[float, float]:
    """Return the mean distance to a threshold, on the scale, and the p-value of its t-test.

    Two-sided. Distances are cut off alike on both sides (`limited_t_test`).

    Args:
        values: one finite number per seed, at least two.
        scale: of the test.
        threshold: in the unit of the values.
    """
    inside = scale.clip(np.asarray([*values, threshold], dtype=float))
    *scaled, at = scale.forward(inside)
    return limited_t_test(np.asarray(scaled) - at, scale)


def limited_t_test(distances: Array, scale: Scale) -> tuple[float, float]:
    """Return the mean of distances, cut off at a factor of a thousand, and its t-test's p-value.

    Two-sided, that the mean is 0. Where distances were cut off (`Scale.limit`) or do not vary at
    all, their spread is not seen, and a t-test would find any p-value, down to 0. There the p-value
    is at least the chance that n seeds all lie a factor of a thousand away, on one side, if they
    scatter around 0 with a standard deviation of half of that, on the scale, a factor of 30:
    2 (1 - Phi(2))^n, which is 0.001 of two seeds.

    Args:
        distances: on the scale, one per seed.
        scale: that they are on.

    Returns:
        Mean and p-value, NaN with fewer than two distances.
    """
    limited = scale.limit(distances)
    mean, seeds = float(limited.mean()), len(limited)
    if seeds < 2:
        return mean, math.nan
    error = float(limited.std(ddof=1)) / math.sqrt(seeds)
    if error == 0 and mean == 0:
        return mean, 1.0
    least = 2 * float(special.ndtr(-2)) ** seeds
    if error == 0:
        return mean, least
    p_value = float(2 * special.stdtr(seeds - 1, -abs(mean) / error))
    return mean, max(p_value, least) if (limited != distances).any() else p_value


def scaled_t_interval(values: Array, confidence: float) -> tuple[float, float, float]:
    """Return mean and both ends of the t-interval of numbers that are on their scale already."""
    mean = float(values.mean())
    if len(values) < 2:
        return mean, math.nan, math.nan
    spread = float(values.std(ddof=1)) / math.sqrt(len(values))
    half = float(special.stdtrit(len(values) - 1, (1 + confidence) / 2)) * spread
    return mean, mean - half, mean + half
