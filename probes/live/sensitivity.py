"""How much Q and the policy listen to the goal, and to every other block.

Fused features are computed once; every swap and every goal of the grid reuses them, and only the
small heads run again.
"""

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from goalscope.probes.blocks import ACTION, DESIRED_GOAL
from goalscope.probes.isolation import evaluation_mode
from goalscope.probes.live.features import ratios
from goalscope.probes.live.goal_grid import map_features
from goalscope.probes.networks import Network
from goalscope.probes.swaps import (
    ACTION_RANGE,
    GoalBatch,
    derangement,
    exchanged,
    goal_replaced,
    replaced,
    rms,
    std,
)

DISTANCE_BINS = 8


def goal_sensitivity(
    actor: Network | None,
    critic: Network,
    batch: GoalBatch,
    generator: np.random.Generator,
    states_on_grid: int = 32,
) -> dict[str, Tensor]:
    """Return "<network>.<block>.<name>" -> scalar (definitions: docs/measurements.md).

    A metric of the desired goal is absent for a network whose extractor mixes that goal with
    another key: its columns can then not be exchanged without encoding the images again. Without
    goals what is left is how much Q and the policy listen to each block. Absent is, too, what would
    be 0/0: a change over the spread of a Q that is constant, a correlation of one that is the same
    for every goal.

    Args:
        actor: the actor; None where the agent's actions are the critic's best.
        critic: the critic; of several Q-values the smallest.
        batch: where to measure; B >= 2.
        generator: of the derangements; nothing else is drawn.
        states_on_grid: how many of the batch's states, evenly spaced, meet every goal of the grid
            in `q_goal_distance`.
    """
    order = derangement(len(batch.actions), generator).to(batch.actions.device)
    with evaluation_mode(critic.module), evaluation_mode((actor or critic).module):
        with torch.no_grad():
            features = critic.fused_features(batch.observations)
            q_values = critic.q_values(features, batch.actions)
        slope = _goal_slope(critic, features, batch)
        with torch.no_grad():
            results = _q_swaps(critic, features, q_values, batch, order)
            if slope is not None:
                name = "critic.desired_goal.q_goal_gradient"
                results |= ratios({name: slope}, {name: std(q_values)})
            if actor is None:
                return results
            actor_features = actor.fused_features(batch.observations)
            results |= _action_swaps(actor, actor_features, order)
            on_grid = actor.block(DESIRED_GOAL) and critic.block(DESIRED_GOAL)
            if on_grid and batch.achieved is not None and _have_distances(critic):
                rows = slice(None, None, max(1, len(features) // states_on_grid))
                results |= _on_goal_grid(
                    actor, critic, actor_features[rows], features[rows], batch, rows
                )
                results |= _reach_contrast(critic, features, batch, batch.achieved)
    return results


def _have_distances(critic: Network) -> bool:
    """Whether goals lie in a space: those that are classes lie no farther from one than another."""
    space = critic.module.observation_space
    assert isinstance(space, spaces.Dict)  # no other network is looked at
    return not isinstance(space.spaces.get(critic.goal_keys[1] or ""), spaces.Discrete)


def _goal_slope(critic: Network, features: Tensor, batch: GoalBatch) -> Tensor | None:
    """Return the RMS norm of dQ/dg times the spread of g; None where Q does not depend on g."""
    if batch.desired is None:
        return None
    goals = batch.desired.clone()
    block = critic.block(DESIRED_GOAL)
    with torch.enable_grad():
        goals.requires_grad_()
        if block is not None and block.identity:
            live = replaced(features, block.columns, goals)
        else:  # a goal encoder of the user's own: only the path to the goal is walked back
            live = critic.fused_features(batch.with_goals(goals))
        q_values = critic.q_values(live, batch.actions)
        if not q_values.requires_grad:
            return None
        slope = torch.autograd.grad(q_values.sum(), goals, allow_unused=True)[0]
    if slope is None:
        return None
    return rms((slope * batch.desired.std(dim=0, correction=0)).norm(dim=1))


def _q_swaps(
    critic: Network, features: Tensor, q_values: Tensor, batch: GoalBatch, order: Tensor
) -> dict[str, Tensor]:
    changes = {}
    for block, columns in critic.columns.items():
        swapped = exchanged(features, columns, order)
        change = critic.q_values(swapped, batch.actions) - q_values
        name = "q_goal_swap" if block == DESIRED_GOAL else "q_swap"
        changes[f"critic.{block}.{name}"] = rms(change)
    if critic.reads_action:
        change = critic.q_values(features, batch.actions[order]) - q_values
        changes[f"critic.{ACTION}.q_swap"] = rms(change)
    return ratios(changes, dict.fromkeys(changes, std(q_values)))


def _action_swaps(actor: Network, features: Tensor, order: Tensor) -> dict[str, Tensor]:
    results = {}
    actions = actor.mean_actions(features)
    for block, columns in actor.columns.items():
        change = actor.mean_actions(exchanged(features, columns, order)) - actions
        name = "action_goal_swap" if block == DESIRED_GOAL else "action_swap"
        results[f"actor.{block}.{name}"] = rms(change) / ACTION_RANGE
    return results


def _on_goal_grid(
    actor: Network,
    critic: Network,
    actor_features: Tensor,
    critic_features: Tensor,
    batch: GoalBatch,
    rows: slice,
) -> dict[str, Tensor]:
    """Compare Q(s, pi(s, g), g) over the goals g with their distance from what s has achieved."""
    found = map_features(actor, critic, actor_features, critic_features, batch, rows)
    q_values, distance = found.q, found.distance
    correlation = _mean_spearman(q_values, -distance)
    results = {} if correlation is None else {"critic.goal.q_goal_distance": correlation}
    upper = distance.amax()
    for number in range(1, DISTANCE_BINS + 1):
        inside = (distance > upper * (number - 1) / DISTANCE_BINS) & (
            distance <= upper * number / DISTANCE_BINS
        )
        if bool(inside.any()):
            results[f"critic.goal.q_at_distance_{number}"] = q_values[inside].mean()
    results["critic.goal.largest_distance"] = upper
    return results


def _reach_contrast(
    critic: Network, features: Tensor, batch: GoalBatch, achieved: Tensor
) -> dict[str, Tensor]:
    """Return mean Q with the goal already achieved minus with the farthest goal of the grid."""
    farthest = batch.goals[torch.cdist(achieved, batch.goals).argmax(dim=1)]
    values = []
    for goals in (achieved, farthest):
        with_goals = goal_replaced(critic, features, goals, batch)
        values.append(critic.q_values(with_goals, batch.actions))
    return {"critic.goal.q_reach_contrast": (values[0] - values[1]).mean()}


def _mean_spearman(left: Tensor, right: Tensor) -> Tensor | None:
    """Return the mean over rows of Spearman's rank correlation, ties at their average rank.

    A row without variation has no correlation and does not count; None where none has one.
    """
    ranks = [_ranks(x.double()) for x in (left, right)]
    first, second = (rank - rank.mean(dim=1, keepdim=True) for rank in ranks)
    covariance = (first * second).sum(dim=1)
    scale = (first.square().sum(dim=1) * second.square().sum(dim=1)).sqrt()
    varies = scale != 0  # NaN ranks as NaN: what broke is still seen
    return (covariance / scale)[varies].mean().to(left) if bool(varies.any()) else None


def _ranks(values: Tensor) -> Tensor:
    """Return the ranks within each row: how many are smaller, and half of those that are equal."""
    one, other = values[:, :, None], values[:, None, :]
    ranks = (other < one).sum(dim=2) + (other == one).sum(dim=2) / 2
    return torch.where(values.isnan(), torch.nan, ranks)
