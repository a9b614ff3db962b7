"""What random actions meet in an environment of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from goalscope.errors import UserError

Observation = dict[str, np.ndarray]


class ProbeSetError(UserError):
    """States to ask agents about cannot be gathered or read; one line that names the remedy."""


@dataclass(frozen=True)
class Step:
    """One step of a walk.

    Attributes:
        number: within its walk, from 0.
        episode: how many episodes had ended before, in all walks.
        observation: before it, as the environment returned it.
        info: that came with that observation.
        action: float32 (A,), scaled to [-1, 1].
        following: the observation after it.
    """

    number: int
    episode: int
    observation: Observation
    info: dict[str, Any]
    action: np.ndarray
    following: Observation


def box_actions(env: gym.Env[Any, Any]) -> gym.spaces.Box:
    """Return the action space that random actions are drawn from.

    Raises:
        ProbeSetError: it is no Box.
    """
    space = env.action_space
    if not isinstance(space, gym.spaces.Box):
        raise ProbeSetError(
            f"random actions need a Box action space, not {type(space).__name__}; use another task"
        )
    return space


def wander(
    env: gym.Env[Observation, np.ndarray], seed: int, walks: int, steps: int, hold: int
) -> Iterator[Step]:
    """Take random actions, and yield every step.

    Each walk begins with a reset; where an episode ends before the walk does, another one begins.

    Args:
        env: with a Dict observation.
        seed: of the environment and of the actions.
        walks: how many.
        steps: of each.
        hold: for how many steps an action is held.

    Raises:
        ProbeSetError: the actions are no Box.
    """
    generator = np.random.default_rng(seed)
    space = box_actions(env)
    episode = -1
    for walk in range(walks):
        ended = True
        for number in range(steps):
            if ended:
                first = walk == 0 and number == 0
                observation, info = env.reset(seed=seed if first else None)
                observation, episode = _copy(observation), episode + 1
            if number % hold == 0:
                action = generator.uniform(-1, 1, size=space.shape).astype(np.float32)
            scaled = space.low + (action + 1) / 2 * (space.high - space.low)
            following, _, terminated, truncated, after = env.step(scaled.astype(space.dtype))
            following = _copy(following)
            yield Step(number, episode, observation, info, action, following)
            observation, info, ended = following, after, terminated or truncated


def _copy(observation: Observation) -> Observation:
    """Return the observation as it is: the environment may write the next into its arrays."""
    return {key: np.array(part) for key, part in observation.items()}
