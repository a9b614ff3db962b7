"""What the transitions of replay look like: what a step changes, its reward, its goal."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goalscope.probes.blocks import GOAL_KEYS
from goalscope.probes.images import averaged
from goalscope.probes.live.actions import action_effect_r2
from goalscope.probes.live.replay import ReplayBatch

SAME_REWARD = 1e-4  # rewards are stored in single precision
_FEWEST_GOALS = 5
_OWN_MOTION = 0.5  # R^2 of the action from which what is achieved moves with it
_LEAST_SPREAD = 0.1  # of the widest dimension's: a goal that hardly varies lies where that one does


def reward_statistics(rewards: Tensor) -> dict[str, Tensor]:
    """Return "reward_min", "reward_max" and "reward_spread" (their std) of rewards (B,)."""
    return {
        "reward_min": rewards.min(),
        "reward_max": rewards.max(),
        "reward_spread": rewards.std(correction=0),
    }


def unchanged_fraction(batch: ReplayBatch) -> Tensor:
    """Return the fraction of rows whose next observation equals the observation in every key."""
    same = [
        (batch.next_observations[key] == values).flatten(1).all(dim=1)
        for key, values in batch.observations.items()
    ]
    return torch.stack(same).all(dim=0).float().mean()


def step_over_spread(batch: ReplayBatch) -> Tensor | None:
    """Return sqrt(sum_u E[(x'_u - x_u)^2] / sum_u Var[x_u]) of the key x in which it is largest.

    How far one step goes, measured by how far observations lie apart. Vectors as they are, images
    averaged down to at most 12 x 12. None where no key varies.
    """
    ratios = []
    for key, observed in batch.observations.items():
        values = _flat(observed)
        change = _flat(batch.next_observations[key]) - values
        variance = values.var(dim=0, correction=0).sum()
        if bool(variance > 0):
            ratios.append((change.square().mean(dim=0).sum() / variance).sqrt())
    return torch.stack(ratios).max() if ratios else None


def action_over_goals(batch: ReplayBatch) -> Tensor | None:
    """Return RMS norm(achieved' - achieved) over RMS norm(d_i - d_j), of real transitions.

    d_i and d_j are any two desired goals, so that their mean square is twice their variance. How
    many such steps lie between two goals, in one number: an action that is scaled away moves what
    is achieved by next to nothing of that distance. An object that must be touched first says
    nothing of the actions' scale: None where the action is not told from what is achieved next (R^2
    below 0.5), without goals or real transitions, and where all goals are one.
    """
    goals, told = _real_goals(batch), action_effect_r2(batch, ("achieved_goal",))
    if goals is None or told is None or bool(told < _OWN_MOTION):
        return None
    desired, achieved, following = goals
    apart = 2 * desired.var(dim=0, correction=0).sum()
    step = (following - achieved).square().sum(dim=1).mean()
    return (step / apart).sqrt() if bool(apart > 0) else None


def goal_offset(batch: ReplayBatch) -> Tensor | None:
    """Return how far desired goals lie from achieved ones, in their spread, of real transitions.

    The largest over dimensions i of abs(E[d_i] - E[a_i]) / sqrt(Var[d_i] + Var[a_i] + floor^2), d
    desired and a achieved; floor is a tenth of the largest sqrt(Var[d_j] + Var[a_j]), so that a
    height which never varies is measured by the width of the table. Goals in another frame, or
    another unit, lie far off. None without goals, or with fewer than five different ones: the
    first episodes happen to lie anywhere.
    """
    goals = _real_goals(batch)
    if goals is None:
        return None
    desired, achieved, _ = goals
    variance = desired.var(dim=0, correction=0) + achieved.var(dim=0, correction=0)
    floor = _LEAST_SPREAD**2 * variance.max()
    if len(desired.unique(dim=0)) < _FEWEST_GOALS:
        return None
    offset = (desired.mean(dim=0) - achieved.mean(dim=0)).abs()
    return (offset / (variance + floor).sqrt()).max()


def success_fractions(batch: ReplayBatch, success_reward: float) -> dict[str, Tensor]:
    """Return "real.success_fraction" and "relabelled.success_fraction": rewards of a goal reached.

    A kind that the batch does not contain is absent.

    Args:
        batch: with the rewards that the environment gives, not normalised.
        success_reward: what it gives where the achieved goal is the desired one.
    """
    reached = (batch.rewards >= success_reward - SAME_REWARD).float()
    kinds = {"real": ~batch.relabelled, "relabelled": batch.relabelled}
    return {
        f"{kind}.success_fraction": reached[rows].mean()
        for kind, rows in kinds.items()
        if bool(rows.any())
    }


def relabelled_fraction(
    achieved: NDArray[np.floating],
    desired: NDArray[np.floating],
    stored: NDArray[np.floating],
    episodes: NDArray[np.integer],
) -> float:
    """Return the fraction of rows whose desired goal was achieved in the row's own episode.

    Found from the goals alone, bit for bit: a row is of an episode that holds its achieved goal.
    Real goals are hit so exactly only where goals are discrete.

    Args:
        achieved: (B, d), of the next observations of a batch.
        desired: (B, d), of the same rows.
        stored: (N, d), the achieved goals of the next observations that replay holds.
        episodes: int (N,), which episode each of these is from.
    """
    keys = _hashes(stored)
    places = [_episodes_of(_hashes(goals), keys, episodes) for goals in (achieved, desired)]
    return float(np.mean([not own.isdisjoint(goal) for own, goal in zip(*places, strict=True)]))


def _flat(values: Tensor) -> Tensor:
    """Return float (B, n): vectors as they are, images averaged down."""
    return averaged(values) if values.ndim == 4 else values.double().flatten(1)


def _real_goals(batch: ReplayBatch) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return desired, achieved and next achieved goals of the real transitions, each (B, d)."""
    real = ~batch.relabelled
    if not set(GOAL_KEYS) <= set(batch.observations) or not bool(real.any()):
        return None
    chosen = (
        batch.observations["desired_goal"],
        batch.observations["achieved_goal"],
        batch.next_observations["achieved_goal"],
    )
    desired, achieved, following = (goals[real].double().flatten(1) for goals in chosen)
    return desired, achieved, following


def _hashes(goals: NDArray[np.floating]) -> NDArray[np.uint64]:
    """Return a number for each goal (N, d), uint64 (N,): the same for the same bits."""
    bits = np.ascontiguousarray(goals, dtype=np.float64).view(np.uint64).reshape(len(goals), -1)
    # Numbers of single precision end in zero bits, and so would their products.
    bits = bits ^ (bits >> np.uint64(32))
    factors = np.random.default_rng(0).integers(2**63, size=bits.shape[1], dtype=np.uint64) * 2 + 1
    result: NDArray[np.uint64] = (bits * factors).sum(axis=1, dtype=np.uint64)
    return result


def _episodes_of(
    goals: NDArray[np.uint64], stored: NDArray[np.uint64], episodes: NDArray[np.integer]
) -> list[set[int]]:
    """Return in which episodes each goal was achieved."""
    distinct, inverse = np.unique(goals, return_inverse=True)
    found = np.minimum(np.searchsorted(distinct, stored), len(distinct) - 1)
    hits = np.flatnonzero(distinct[found] == stored)
    pairs = np.unique(np.stack([found[hits], episodes[hits]], axis=1), axis=0)
    places: list[set[int]] = [set() for _ in distinct]
    for goal, episode in pairs:
        places[goal].add(int(episode))
    return [places[number] for number in inverse]
