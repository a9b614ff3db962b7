"""Q and the policy over a grid of goals: where the value's front stands, where actions point."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from goalscope.probes.blocks import DESIRED_GOAL
from goalscope.probes.isolation import evaluation_mode
from goalscope.probes.networks import Network
from goalscope.probes.swaps import GoalBatch, every_goal


@dataclass(frozen=True)
class GoalMap:
    """What the heads say of S states with each of G goals in place of their own.

    Attributes:
        goals: float (G, d), in goal units.
        q: float (S, G), Q(s, mu(s, g), g) in units of return.
        actions: float (S, G, A), mu(s, g) in [-1, 1].
        achieved: float (S, d), what each state has achieved, in goal units.
        distance: float (S, G), Euclidean, from achieved to goal.
    """

    goals: Tensor
    q: Tensor
    actions: Tensor
    achieved: Tensor
    distance: Tensor


def goal_map(
    actor: Network, critic: Network, batch: GoalBatch, rows: slice | Tensor
) -> GoalMap | None:
    """Return the map of the batch's states `rows` over the batch's goals.

    None where an extractor mixes the desired goal with another key, or does not read it: its
    columns can then not be replaced without encoding the images again.

    Args:
        actor: the actor.
        critic: the critic; Q is the smallest of its Q-values.
        batch: the states and the grid of goals.
        rows: which states, S of them: a slice, or int64 (S,).
    """
    if batch.achieved is None or not (actor.block(DESIRED_GOAL) and critic.block(DESIRED_GOAL)):
        return None
    states = {key: value[rows] for key, value in batch.observations.items()}
    with torch.no_grad(), evaluation_mode(actor.module), evaluation_mode(critic.module):
        features = actor.fused_features(states), critic.fused_features(states)
        return map_features(actor, critic, *features, batch, rows)


def map_features(
    actor: Network,
    critic: Network,
    actor_features: Tensor,
    critic_features: Tensor,
    batch: GoalBatch,
    rows: slice | Tensor,
) -> GoalMap:
    """Return the map of states whose fused features, float (S, D) each, are already at hand."""
    assert batch.achieved is not None  # callers ask before they come here
    achieved = batch.achieved[rows]
    distance = torch.cdist(achieved, batch.goals)
    actions = actor.mean_actions(every_goal(actor, actor_features, batch))
    q_values = critic.q_values(every_goal(critic, critic_features, batch), actions)
    shape = distance.shape
    return GoalMap(batch.goals, q_values.view(shape), actions.view(*shape, -1), achieved, distance)


def value_front(distance: Tensor, q: Tensor) -> dict[str, float]:
    """Return how far from the goal the value has spread: the value wavefront.

    A non-increasing curve of Q over distance is fitted to all pairs by least squares (isotonic
    regression, Barlow et al. 1972). Early in training Q is raised near the goal only; as values
    propagate the front moves outwards.

    Args:
        distance: float, any shape, from what is achieved to the goal.
        q: float, the same shape, in units of return.

    Returns:
        "critic.goal.front": the smallest distance at which the curve has fallen at least half-way
        from its value at the smallest to that at the largest distance, in units of distance; NaN
        where the curve is flat, as for a Q that rises with distance.
        "critic.goal.front_contrast": that whole fall, in units of return, >= 0.
        "critic.goal.front_fit": share of Q's variance that the curve explains, 0..1: a front
        with a fit near 0 is the highest and the lowest of noise. NaN for a constant Q.
        All are NaN where a value is not finite.
    """
    from scipy.optimize import isotonic_regression  # slow to import, and never asked in training

    names = ("front", "front_contrast", "front_fit")
    where, inverse, counts = np.unique(
        distance.double().cpu().numpy().ravel(), return_inverse=True, return_counts=True
    )
    values = q.double().cpu().numpy().ravel()
    numbers = (np.nan, np.nan, np.nan)
    if np.isfinite(where).all() and np.isfinite(values).all():
        means = np.bincount(inverse, weights=values) / counts
        curve = isotonic_regression(means, weights=counts, increasing=False).x
        fall = curve[0] - curve[-1]
        rounding = 1e-6 * np.abs(values).max()  # of a float32 Q: no fall and no spread
        front = where[np.argmax(curve <= curve[0] - fall / 2)] if fall > rounding else np.nan
        explained = np.average((curve - values.mean()) ** 2, weights=counts)
        fit = explained / values.var() if values.std() > rounding else np.nan
        numbers = (front, fall, fit)
    return {f"critic.goal.{k}": float(v) for k, v in zip(names, numbers, strict=True)}


def action_alignment(found: GoalMap, near: float = 0.0) -> dict[str, Tensor]:
    """Return whether the policy moves towards the goal.

    The mean, over states and goals farther apart than `near`, of the cosine between the action's
    first d components and (goal - achieved). For a task whose actions displace what is achieved
    (Reach) it must rise towards 1; where the achieved object has to be pushed from behind it need
    not.

    Args:
        found: the map.
        near: of a goal as near as this the direction is noise, in goal units.

    Returns:
        "actor.goal.action_alignment": -1..1, an action of 0 counting as 0; NaN where no goal is
        farther. Absent where actions have fewer components than goals.
    """
    width = found.goals.shape[1]
    if found.actions.shape[2] < width:
        return {}
    wanted = found.goals - found.achieved[:, None]
    cosine = torch.cosine_similarity(found.actions[..., :width], wanted, dim=2)
    return {"actor.goal.action_alignment": cosine[found.distance > near].mean()}
