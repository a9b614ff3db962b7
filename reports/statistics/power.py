"""Power: how often a test of this many seeds finds what is there."""

import math


def power(seeds: int, effect: float, level: float) -> float:
    """Return the probability that a two-sided one-sample t-test finds an effect, on its side.

    Args:
        seeds: at least two.
        effect: distance of the mean, in standard deviations of the seeds.
        level: the p-value must lie below this.
    """
    from scipy import stats  # takes half a second: when needed

    freedom, shift = seeds - 1, effect * math.sqrt(seeds)
    return float(stats.nct.sf(stats.t.isf(level / 2, freedom), freedom, shift))
