"""What the transitions of replay look like: what a step changes, its reward, its goal."""

from collections.abc import Sequence

import torch
from torch import Tensor

from goalscope.probes.blocks import DESIRED_GOAL, GOAL_KEYS
from goalscope.probes.images import averaged
from goalscope.probes.live.actions import action_effect_r2
from goalscope.probes.live.agreement import differing_share
from goalscope.probes.live.replay import ReplayBatch
from goalscope.probes.live.rewards import SAME_REWARD

_FEWEST_GOALS = 5
_MOVED = 0.1  # of a spread: a step that a picture of what moves must show
_OWN_MOTION = 0.5  # R^2 of the action from which what is achieved moves with it
_ANY_MOTION = 0.2  # from which anything does
_LEAST_SPREAD = 0.1  # of the widest dimension's: a goal that hardly varies lies where that one does


def reward_statistics(rewards: Tensor) -> dict[str, Tensor]:
    """Return "reward_min", "reward_max", "reward_spread" and "reward_levels" of rewards (B,).

    Their standard deviation, and how many different ones there are.
    """
    return {
        "reward_min": rewards.min(),
        "reward_max": rewards.max(),
        "reward_spread": rewards.std(correction=0),
        "reward_levels": torch.tensor(float(len(rewards.unique()))),
    }


def unchanged_fraction(batch: ReplayBatch) -> Tensor:
    """Return the fraction of rows whose next observation equals the observation in every key."""
    same = [
        (batch.next_observations[key] == values).flatten(1).all(dim=1)
        for key, values in batch.observations.items()
    ]
    return torch.stack(same).all(dim=0).float().mean()


def goal_change_fraction(batch: ReplayBatch) -> Tensor | None:
    """Return the fraction of rows whose next observation asks for another goal.

    By more than rounding: a transition asks one thing, before the step and after it. Of real and of
    relabelled rows the larger fraction: either kind may be few. None without goals.
    """
    if DESIRED_GOAL not in batch.observations:
        return None
    before, after = (side[DESIRED_GOAL] for side in (batch.observations, batch.next_observations))
    kinds = [rows for rows in (batch.relabelled, ~batch.relabelled) if bool(rows.any())]
    return torch.stack([differing_share(before[rows], after[rows]) for rows in kinds]).max()


def rewards_per_target(rewards: Tensor, dones: Tensor) -> Tensor:
    """Return how many rewards meet each target r + (1 - done) x: 1 of rewards and dones (B, 1).

    A row of rewards (B,) beside a column (B, 1) makes B x B targets: each row learns their mean.
    """
    shape = torch.broadcast_shapes(rewards.shape, dones.shape)
    return torch.tensor(shape.numel() / len(dones))


def still_fraction(
    images: tuple[Tensor, Tensor], vectors: Sequence[tuple[Tensor, Tensor, Tensor]], fewest: int
) -> Tensor | None:
    """Return the fraction of steps that leave an image as it was, of those that move a vector.

    A step moves a vector x if RMS(x' - x) is a tenth of its spread or more. None of fewer such
    steps than asked for.

    Args:
        images: (n, ...) before and after each step.
        vectors: float (n, d) before and after, and the RMS over d of the spread between
            observations, each.
        fewest: steps.
    """
    moved = torch.zeros(len(images[0]), dtype=torch.bool)
    for before, after, spread in vectors:
        change = (after.double() - before.double()).flatten(1).square().mean(dim=1).sqrt()
        moved |= (change > 0) & (change >= _MOVED * spread)
    if int(moved.sum()) < fewest:
        return None
    before, after = (image[moved].flatten(1) for image in images)
    return (before == after).all(dim=1).float().mean()


def step_over_spread(batch: ReplayBatch) -> Tensor | None:
    """Return sqrt(sum_u E[(x'_u - x_u)^2] / sum_u Var[x_u]) of the key x in which it is largest.

    How far one step goes, measured by how far observations lie apart. Vectors as they are, images
    averaged down to at most 12 x 12. What is achieved is measured by how far desired goals lie
    apart where that is farther: what stands still but for a tremble varies by the tremble alone.
    None where no key varies.
    """
    ratios = []
    for key, observed in batch.observations.items():
        values = _flat(observed)
        change = _flat(batch.next_observations[key]) - values
        variance = values.var(dim=0, correction=0).sum()
        if key == "achieved_goal" and "desired_goal" in batch.observations:
            goals = _flat(batch.observations["desired_goal"]).var(dim=0, correction=0).sum()
            variance = torch.maximum(variance, goals)
        if bool(variance > 0):
            ratios.append((change.square().mean(dim=0).sum() / variance).sqrt())
    return torch.stack(ratios).max() if ratios else None


def action_over_goals(batch: ReplayBatch) -> Tensor | None:
    """Return RMS norm(achieved' - achieved) over RMS norm(d_i - d_j), of real transitions.

    d_i and d_j are any two desired goals, so that their mean square is twice their variance. How
    many such steps lie between two goals, in one number: an action that is scaled away moves what
    is achieved by next to nothing of that distance. An object that must be touched first says
    nothing of the actions' scale: None where the action is told from something (R^2 of 0.2 or more)
    and not from what is achieved next (below 0.5). None without goals or real transitions, too, and
    where all goals are one.
    """
    goals = _real_goals(batch)
    if goals is None or _moves_something_else(batch):
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


def _moves_something_else(batch: ReplayBatch) -> bool:
    """Whether the action is told from what its step changed, but not from what is achieved."""
    own, any_key = action_effect_r2(batch, ("achieved_goal",)), action_effect_r2(batch)
    if own is not None and bool(own >= _OWN_MOTION):
        return False
    return any_key is not None and bool(any_key >= _ANY_MOTION)


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
