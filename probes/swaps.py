"""What a measurement puts in a block's place: another observation's columns, another goal.

Fused features are computed once; everything here works on them, so that only the small heads run
again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from goalscope.probes.blocks import DESIRED_GOAL, GOAL_KEYS, Block, GoalKeys
from goalscope.probes.networks import Network, example_actions, example_observations

ACTION_RANGE = 2.0  # SB3's actors return actions in [-1, 1]


@dataclass(frozen=True)
class GoalBatch:
    """The observations on which sensitivity is measured.

    Attributes:
        observations: key -> (B, ...), as an SB3 buffer returns them; goals among them or not.
        actions: float (B, A), scaled to [-1, 1]; of discrete actions which, (B, 1).
        goals: float (G, d), a grid over the goals of the task, in goal units; (0, 0) without goals.
        reached: float (B, d), the achieved goals in goal units; None where those observed are.
        as_observed: goals (N, d) in goal units -> as they are observed; None where they are so.
        goal_keys: what the achieved and the desired goal are called in the observations.
    """

    observations: Mapping[str, Tensor]
    actions: Tensor
    goals: Tensor
    reached: Tensor | None = None
    as_observed: Callable[[Tensor], Tensor] | None = None
    goal_keys: GoalKeys = GOAL_KEYS

    @property
    def achieved(self) -> Tensor | None:
        """The achieved goals in goal units, float32 (B, d), whatever the environment's; or None."""
        observed = self.observations.get(self.goal_keys[0] or "")
        reached = observed if self.reached is None else self.reached
        return None if reached is None else reached.float()

    @property
    def desired(self) -> Tensor | None:
        """The desired goals as networks read them, float32 (B, d); None where there are none."""
        desired = self.observations.get(self.goal_keys[1] or "")
        return None if desired is None else desired.float()

    def with_goals(self, goals: Tensor) -> dict[str, Tensor]:
        """Return the observations with those goals, as networks read them, for the desired ones."""
        key = self.goal_keys[1]
        assert key is not None  # there are goals to replace
        return {**self.observations, key: goals}


def example_goal_batch(critic: Network) -> GoalBatch:
    """Return a batch of random numbers that fits the network, for a dry run."""
    observations = example_observations(critic.module.observation_space, critic.module.device)
    actions = example_actions(critic, len(next(iter(observations.values()))))
    batch = GoalBatch(observations, actions, actions[:0, :0], goal_keys=critic.goal_keys)
    return batch if batch.desired is None else replace(batch, goals=batch.desired)


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


def replaced(features: Tensor, columns: Tensor, values: Tensor) -> Tensor:
    """Return the features, float (B, D), with values (B, d_k) in the given columns."""
    result = features.clone()
    result[:, columns] = values
    return result


def exchanged(features: Tensor, columns: Tensor, order: Tensor) -> Tensor:
    """Return the features, float (B, D), with those columns taken from rows `order`, (B,)."""
    return replaced(features, columns, features[order][:, columns])


def goal_replaced(network: Network, features: Tensor, goals: Tensor, batch: GoalBatch) -> Tensor:
    """Return the features, float (B, D), with one goal (B, d), in goal units, in each row.

    The network must have a block of the desired goal alone.
    """
    encoded = _goal_features(network, goals, batch)
    return replaced(features, _goal_block(network).columns, encoded)


def every_goal(network: Network, features: Tensor, batch: GoalBatch) -> Tensor:
    """Return every state's features with every goal of the grid, (S * G, D), states outermost.

    The network must have a block of the desired goal alone.
    """
    states, goals = len(features), len(batch.goals)
    repeated = features.repeat_interleave(goals, dim=0)
    encoded = _goal_features(network, batch.goals, batch).repeat(states, 1)
    return replaced(repeated, _goal_block(network).columns, encoded)


def _goal_features(network: Network, goals: Tensor, batch: GoalBatch) -> Tensor:
    """Return the columns of the desired goal's block for the given goals, (N, d_k)."""
    block = _goal_block(network)
    if batch.as_observed is not None:
        goals = batch.as_observed(goals)
    if block.identity:
        return goals
    # A goal encoder of the user's own: its block depends on the goal alone, so one observation
    # serves for all the other keys, and one small image is encoded per goal.
    rest = {k: v[:1].expand(len(goals), *v.shape[1:]) for k, v in batch.observations.items()}
    shown = replace(batch, observations=rest).with_goals(goals)
    return network.fused_features(shown)[:, block.columns]


def _goal_block(network: Network) -> Block:
    block = network.block(DESIRED_GOAL)
    assert block is not None  # callers ask before they come here
    return block


def rms(values: Tensor) -> Tensor:
    """Return the root of the mean square."""
    return values.square().mean().sqrt()


def std(values: Tensor) -> Tensor:
    """Return the population standard deviation."""
    return values.std(correction=0)
