"""How much Q and the policy listen to the goal, and to every other block.

Fused features are computed once; every swap and every goal of the grid reuses them, and only the
small heads run again.
"""

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from goalscope.probes.blocks import ACTION, evaluation_mode
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
    actor: Network,
    critic: Network,
    batch: GoalBatch,
    generator: np.random.Generator,
    states_on_grid: int = 32,
) -> dict[str, Tensor]:
    """Return "<network>.<block>.<name>" -> scalar (definitions: docs/measurements.md).

    A metric of the desired goal is absent for a network whose extractor mixes that goal with
    another key: its columns can then not be exchanged without encoding the images again. Absent is,
    too, what would be 0/0: a change over the spread of a Q that is constant, a correlation of one
    that is the same for every goal.

    Args:
        actor: the actor.
        critic: the critic; Q is the smallest of its Q-values.
        batch: where to measure; B >= 2.
        generator: of the derangements; nothing else is drawn.
        states_on_grid: how many of the batch's states, evenly spaced, meet every goal of the grid
            in `q_goal_distance`.
    """
    order = derangement(len(batch.actions), generator).to(batch.actions.device)
    with evaluation_mode(actor.module), evaluation_mode(critic.module):
        with torch.no_grad():
            actor_features = actor.fused_features(batch.observations)
            features = critic.fused_features(batch.observations)
            q_values = critic.q_values(features, batch.actions)
        slope = _goal_slope(critic, features, batch)
        with torch.no_grad():
            results = _q_swaps(critic, features, q_values, batch, order)
            results |= _action_swaps(actor, actor_features, order)
            if slope is not None:
                spread = batch.desired.std(dim=0, correction=0)
                moved = (slope * spread).norm(dim=1)
                name = "critic.desired_goal.q_goal_gradient"
                results |= ratios({name: rms(moved)}, {name: std(q_values)})
            if actor.block("desired_goal") and critic.block("desired_goal"):
                rows = slice(None, None, max(1, len(features) // states_on_grid))
                results |= _on_goal_grid(
                    actor, critic, actor_features[rows], features[rows], batch, rows
                )
                results |= _reach_contrast(critic, features, batch)
    return results


def _goal_slope(critic: Network, features: Tensor, batch: GoalBatch) -> Tensor | None:
    """Return dQ/dg, float (B, d); None where Q does not depend on the goal at all."""
    goals = batch.desired.clone()
    block = critic.block("desired_goal")
    with torch.enable_grad():
        goals.requires_grad_()
        if block is not None and block.identity:
            live = replaced(features, block.columns, goals)
        else:  # a goal encoder of the user's own: only the path to the goal is walked back
            live = critic.fused_features({**batch.observations, "desired_goal": goals})
        q_values = critic.q_values(live, batch.actions)
        if not q_values.requires_grad:
            return None
        return torch.autograd.grad(q_values.sum(), goals, allow_unused=True)[0]


def _q_swaps(
    critic: Network, features: Tensor, q_values: Tensor, batch: GoalBatch, order: Tensor
) -> dict[str, Tensor]:
    changes = {}
    for block, columns in critic.columns.items():
        swapped = exchanged(features, columns, order)
        change = critic.q_values(swapped, batch.actions) - q_values
        name = "q_goal_swap" if block == "desired_goal" else "q_swap"
        changes[f"critic.{block}.{name}"] = rms(change)
    change = critic.q_values(features, batch.actions[order]) - q_values
    changes[f"critic.{ACTION}.q_swap"] = rms(change)
    return ratios(changes, dict.fromkeys(changes, std(q_values)))


def _action_swaps(actor: Network, features: Tensor, order: Tensor) -> dict[str, Tensor]:
    results = {}
    actions = actor.mean_actions(features)
    for block, columns in actor.columns.items():
        change = actor.mean_actions(exchanged(features, columns, order)) - actions
        name = "action_goal_swap" if block == "desired_goal" else "action_swap"
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


def _reach_contrast(critic: Network, features: Tensor, batch: GoalBatch) -> dict[str, Tensor]:
    """Return mean Q with the goal already achieved minus with the farthest goal of the grid."""
    farthest = batch.goals[torch.cdist(batch.achieved, batch.goals).argmax(dim=1)]
    values = []
    for goals in (batch.achieved, farthest):
        with_goals = goal_replaced(critic, features, goals, batch)
        values.append(critic.q_values(with_goals, batch.actions))
    return {"critic.goal.q_reach_contrast": (values[0] - values[1]).mean()}


def _mean_spearman(left: Tensor, right: Tensor) -> Tensor | None:
    """Return the mean over rows of Spearman's rank correlation, ties at their average rank.

    A row without variation has no correlation and does not count; None where none has one.
    """
    ranks = [torch.from_numpy(rankdata(x.double().cpu().numpy(), axis=1)) for x in (left, right)]
    first, second = (rank - rank.mean(dim=1, keepdim=True) for rank in ranks)
    covariance = (first * second).sum(dim=1)
    scale = (first.square().sum(dim=1) * second.square().sum(dim=1)).sqrt()
    varies = scale != 0  # NaN ranks as NaN: what broke is still seen
    return (covariance / scale)[varies].mean().to(left) if bool(varies.any()) else None
