"""Two arms looked at again and again while seeds are added, at an error rate kept over all looks.

Seeds come in groups. In a group the names of the arms are exchanged among its runs, in every way:
where the arms do not differ, each such relabelling of the study was as likely as the one that
happened. A difference is settled at a look where, of all relabellings, those that would be settled
by then are no more than the part of the error rate spent until then, which grows with the seeds.
So over all looks no more than the error rate is settled where nothing is there, whatever the
outcomes' distribution (the principle of AdaStop: Mathieu, Della Vecchia, Shilova, Centa de
Medeiros, Kohler, Maillard and Preux, "AdaStop: adaptive statistical testing for sound comparisons
of Deep RL agents", 2023, here with a difference of means and an arm at a time).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

RELABELLINGS = 2**16  # two groups of five seeds are enumerated; beyond that they are drawn
_DECIMALS = 10  # sums that are equal but for rounding count as equal


@dataclass(frozen=True)
class Look:
    """What was found after a group of seeds.

    Attributes:
        seeds: of each arm until then.
        difference: mean of the other arm minus the baseline's.
        p_value: part of all relabellings that would be settled by then if this distance were.
        level: what the p-value may be at most.
        settled: whether it is no more.
    """

    seeds: int
    difference: float
    p_value: float
    level: float
    settled: bool


def sequential_looks(
    baseline: Sequence[Sequence[float]],
    other: Sequence[Sequence[float]],
    planned: Sequence[int],
    level: float,
) -> list[Look]:
    """Return the looks after each group that is there, up to the first that settles it.

    Args:
        baseline: a finite number per seed, in its group; groups in the order planned.
        other: of the other arm: as many groups, each as large.
        planned: seeds of an arm in each group, those still to come included.
        level: error rate over all looks, 0..1.
    """
    looks: list[Look] = []
    sums = np.zeros(len(_relabellings(tuple(planned))[0]))
    settled = np.zeros(len(sums), dtype=bool)  # by an earlier look
    difference, seeds = 0.0, 0
    for first, second, size, relabelled in zip(
        baseline, other, planned, _relabellings(tuple(planned)), strict=False
    ):
        seeds += size
        sums += (_signs(size) @ np.concatenate((first, second)))[relabelled]
        difference += sum(second) - sum(first)
        distances = np.where(settled, -1.0, np.round(np.abs(sums), _DECIMALS))
        spent, share = int(settled.sum()), level * seeds / sum(planned)
        far = spent + int((distances >= distances[0]).sum())
        looks.append(
            Look(seeds, difference / seeds, far / len(sums), share, far <= share * len(sums))
        )
        if looks[-1].settled or seeds == sum(planned):
            break
        room = math.floor(share * len(sums)) - spent
        settled |= distances > -np.partition(-distances, room)[room]
    return looks


def can_settle(planned: Sequence[int], level: float) -> bool:
    """Return whether any look before the last can settle a difference at all."""
    splits = np.cumprod([math.comb(2 * size, size) for size in planned], dtype=float)
    spent = level * np.cumsum(planned) / sum(planned)
    return bool((2 / splits <= spent)[:-1].any())  # a relabelling and its mirror image


def groups_of(seeds: int, size: int) -> list[int]:
    """Return how many seeds each group has; the last one may have fewer."""
    return [min(size, seeds - start) for start in range(0, seeds, size)]


@lru_cache(maxsize=8)
def _signs(size: int) -> NDArray[np.float64]:
    """Return ways to name the runs of a group: all where they are few, else some that are drawn.

    Returns:
        (ways, 2 * size): -1 for a run of the baseline, 1 for one of the other arm; the first way is
            how they are given: the baseline's, then the other's.
    """
    given = np.repeat([-1.0, 1.0], size)
    if math.comb(2 * size, size) > RELABELLINGS:
        signs = np.tile(given, (RELABELLINGS, 1))
        return np.concatenate((signs[:1], np.random.default_rng(0).permuted(signs[1:], axis=1)))
    baselines = np.array([*combinations(range(2 * size), size)])
    signs = np.ones((len(baselines), 2 * size))
    np.put_along_axis(signs, baselines, -1.0, axis=1)
    return signs


@lru_cache(maxsize=8)
def _relabellings(planned: tuple[int, ...]) -> NDArray[np.intp]:
    """Return relabellings of a study: all where they are few, else some that are drawn.

    Returns:
        (groups, relabellings): which row of `_signs` each takes in a group. The first is the study
            as it is, and counts among those drawn.
    """
    ways = [len(_signs(size)) for size in planned]
    if math.prod(ways) <= RELABELLINGS:
        return np.indices(ways).reshape(len(ways), -1)
    generator = np.random.default_rng(0)
    drawn = np.stack([generator.integers(way, size=RELABELLINGS) for way in ways])
    drawn[:, 0] = 0
    return drawn
