"""How much Q and the policy listen to the goal, and to every other block.

Fused features are computed once; every swap and every goal of the grid reuses them, and only the
small heads run again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from goalscope.probes.blocks import ACTION, Block, evaluation_mode
from goalscope.probes.networks import Network, example_observations

DISTANCE_BINS = 8
ACTION_RANGE = 2.0  # SB3's actors return actions in [-1, 1]


@dataclass(frozen=True)
class GoalBatch:
    """The observations on which sensitivity is measured.

    Attributes:
        observations: key -> (B, ...), as an SB3 buffer returns them; achieved_goal and desired_goal
            among them.
        actions: float (B, A), scaled to [-1, 1].
        goals: float (G, d), a grid over the goals of the task.
    """

    observations: Mapping[str, Tensor]
    actions: Tensor
    goals: Tensor


def example_goal_batch(critic: Network) -> GoalBatch:
    """Return a batch of random numbers that fits the network, for rehearsals."""
    observations = example_observations(critic.module.observation_space, critic.module.device)
    goals = observations["desired_goal"].float()
    actions = torch.zeros(len(goals), critic.action_width, device=goals.device)
    return GoalBatch(observations, actions, goals)


def derangement(size: int, generator: np.random.Generator) -> Tensor:
    """Return a permutation without a fixed point, int64 (size,): a random single cycle.

    Raises:
        ValueError: fewer than two elements cannot be deranged.
    """
    if size < 2:
        raise ValueError("a swap between observations needs at least two of them")
    order = generator.permutation(size)
    result = np.empty(size, dtype=np.int64)
    result[order] = np.roll(order, -1)
    return torch.from_numpy(result)


def goal_sensitivity(
    actor: Network,
    critic: Network,
    batch: GoalBatch,
    generator: np.random.Generator,
    states_on_grid: int = 32,
) -> dict[str, Tensor]:
    """Return "<network>.<block>.<name>" -> scalar (definitions: docs/measurements.md).

    A metric of the desired goal is absent for a network whose extractor mixes that goal with
    another key: its columns can then not be exchanged without encoding the images again.

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
                spread = batch.observations["desired_goal"].std(dim=0, correction=0)
                moved = (slope * spread).norm(dim=1)
                results["critic.desired_goal.q_goal_gradient"] = _rms(moved) / _std(q_values)
            if actor.block("desired_goal") and critic.block("desired_goal"):
                rows = slice(None, None, max(1, len(features) // states_on_grid))
                results |= _on_goal_grid(
                    actor, critic, actor_features[rows], features[rows], batch, rows
                )
                results |= _reach_contrast(critic, features, batch)
    return results


def _goal_slope(critic: Network, features: Tensor, batch: GoalBatch) -> Tensor | None:
    """Return dQ/dg, float (B, d); None where Q does not depend on the goal at all."""
    goals = batch.observations["desired_goal"].clone()
    block = critic.block("desired_goal")
    with torch.enable_grad():
        goals.requires_grad_()
        if block is not None and block.identity:
            live = _replaced(features, block.columns, goals)
        else:  # a goal encoder of the user's own: only the path to the goal is walked back
            live = critic.fused_features({**batch.observations, "desired_goal": goals})
        q_values = critic.q_values(live, batch.actions)
        if not q_values.requires_grad:
            return None
        return torch.autograd.grad(q_values.sum(), goals, allow_unused=True)[0]


def _q_swaps(
    critic: Network, features: Tensor, q_values: Tensor, batch: GoalBatch, order: Tensor
) -> dict[str, Tensor]:
    results = {}
    for block, columns in critic.columns.items():
        swapped = _exchange(features, columns, order)
        change = critic.q_values(swapped, batch.actions) - q_values
        name = "q_goal_swap" if block == "desired_goal" else "q_swap"
        results[f"critic.{block}.{name}"] = _rms(change) / _std(q_values)
    change = critic.q_values(features, batch.actions[order]) - q_values
    results[f"critic.{ACTION}.q_swap"] = _rms(change) / _std(q_values)
    return results


def _action_swaps(actor: Network, features: Tensor, order: Tensor) -> dict[str, Tensor]:
    results = {}
    actions = actor.mean_actions(features)
    for block, columns in actor.columns.items():
        change = actor.mean_actions(_exchange(features, columns, order)) - actions
        name = "action_goal_swap" if block == "desired_goal" else "action_swap"
        results[f"actor.{block}.{name}"] = _rms(change) / ACTION_RANGE
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
    achieved = batch.observations["achieved_goal"][rows]
    distance = torch.cdist(achieved, batch.goals)
    shape = distance.shape
    actions = actor.mean_actions(_every_goal(actor, actor_features, batch))
    q_values = critic.q_values(_every_goal(critic, critic_features, batch), actions).view(shape)
    results = {"critic.goal.q_goal_distance": _mean_spearman(q_values, -distance)}
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
    achieved = batch.observations["achieved_goal"]
    farthest = batch.goals[torch.cdist(achieved, batch.goals).argmax(dim=1)]
    values = []
    for goals in (achieved, farthest):
        replaced = _replace_goal(critic, features, goals, batch)
        values.append(critic.q_values(replaced, batch.actions))
    return {"critic.goal.q_reach_contrast": (values[0] - values[1]).mean()}


def _every_goal(network: Network, features: Tensor, batch: GoalBatch) -> Tensor:
    """Return every state's features with every goal of the grid, (S * G, D), states outermost."""
    states, goals = len(features), len(batch.goals)
    repeated = features.repeat_interleave(goals, dim=0)
    encoded = _goal_features(network, batch.goals, batch).repeat(states, 1)
    return _replaced(repeated, _goal_block(network).columns, encoded)


def _replace_goal(network: Network, features: Tensor, goals: Tensor, batch: GoalBatch) -> Tensor:
    encoded = _goal_features(network, goals, batch)
    return _replaced(features, _goal_block(network).columns, encoded)


def _goal_features(network: Network, goals: Tensor, batch: GoalBatch) -> Tensor:
    """Return the columns of the desired goal's block for the given goals, (N, d_k)."""
    block = _goal_block(network)
    goals = goals.to(batch.observations["desired_goal"].dtype)
    if block.identity:
        return goals
    # A goal encoder of the user's own: its block depends on the goal alone, so one observation
    # serves for all the other keys, and one small image is encoded per goal.
    rest = {k: v[:1].expand(len(goals), *v.shape[1:]) for k, v in batch.observations.items()}
    return network.fused_features({**rest, "desired_goal": goals})[:, block.columns]


def _goal_block(network: Network) -> Block:
    block = network.block("desired_goal")
    assert block is not None  # goal_sensitivity asked before it came here
    return block


def _exchange(features: Tensor, columns: Tensor, order: Tensor) -> Tensor:
    return _replaced(features, columns, features[order][:, columns])


def _replaced(features: Tensor, columns: Tensor, values: Tensor) -> Tensor:
    result = features.clone()
    result[:, columns] = values
    return result


def _mean_spearman(left: Tensor, right: Tensor) -> Tensor:
    """Return the mean over rows of Spearman's rank correlation, ties at their average rank.

    A row without variation has no correlation and makes the mean NaN: a critic that is constant
    over goals is reported as such, not as zero.
    """
    ranks = [torch.from_numpy(rankdata(x.double().cpu().numpy(), axis=1)) for x in (left, right)]
    first, second = (rank - rank.mean(dim=1, keepdim=True) for rank in ranks)
    covariance = (first * second).sum(dim=1)
    scale = (first.square().sum(dim=1) * second.square().sum(dim=1)).sqrt()
    return (covariance / scale).mean().to(left)


def _rms(values: Tensor) -> Tensor:
    return values.square().mean().sqrt()


def _std(values: Tensor) -> Tensor:
    return values.std(correction=0)
