"""Two arms that did not run the same seeds: compared without pairs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goalscope.reports.statistics.paired import probability_of_improvement
from goalscope.reports.statistics.scales import Array, Scale

RESAMPLES = 2**16  # 9 seeds against 9 are still enumerated; beyond that they are drawn


@dataclass(frozen=True)
class Unpaired:
    """The other arm against the baseline, as two independent samples of seeds.

    Attributes:
        p_value: exact two-sided permutation test of the difference of means on the scale (seeds
            exchanged between the arms).
        smallest_p: the smallest p-value these numbers of seeds can reach.
        improvement: probability that a seed of the other arm lies above one of the baseline, ties
            counting half.
        baseline_seeds: number of the baseline's seeds.
        other_seeds: number of the other arm's.
    """

    p_value: float
    smallest_p: float
    improvement: float
    baseline_seeds: int
    other_seeds: int


def unpaired_comparison(
    baseline: Sequence[float], other: Sequence[float], scale: Scale
) -> Unpaired:
    """Return the comparison of two arms whose seeds do not match.

    Args:
        baseline: one finite number per seed, at least two.
        other: of the other arm, at least two.
        scale: on which the means are compared.
    """
    from scipy import stats  # takes half a second: when needed

    first, second = (np.asarray(values, dtype=float) for values in (baseline, other))
    result = stats.permutation_test(
        tuple(scale.forward(scale.clip(values)) for values in (first, second)),
        _distance,
        permutation_type="independent",
        vectorized=True,
        alternative="greater",
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
    )
    splits = math.comb(len(first) + len(second), len(first))
    mirrored = 2 if len(first) == len(second) else 1  # the arms' names exchanged: as far apart
    return Unpaired(
        float(result.pvalue),
        min(1.0, mirrored / splits),
        probability_of_improvement(first, second),
        len(first),
        len(second),
    )


def _distance(first: Array, second: Array, axis: int) -> Array:
    distance: Array = np.abs(first.mean(axis=axis) - second.mean(axis=axis))
    return distance
