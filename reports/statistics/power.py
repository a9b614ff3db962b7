"""Power: how often tests of this many seeds find what is there."""

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


def power_together(seeds: int, effect: float, rate: float, tests: int) -> float:
    """Return the part of tests that finds an effect which all of them have.

    Under a false discovery rate each p-value must lie below the rate times the part of tests that
    are found: the largest level that keeps to this is the level of each (Genovese & Wasserman,
    *Operating characteristics and extensions of the false discovery rate procedure*, 2002).

    Args:
        seeds: at least two.
        effect: distance of each mean, in standard deviations of the seeds.
        rate: of false discoveries.
        tests: how many there are.
    """
    level = rate
    for _ in range(100):  # falls towards the largest fixed point
        level = max(rate * power(seeds, effect, level), rate / tests)
    return power(seeds, effect, level)
