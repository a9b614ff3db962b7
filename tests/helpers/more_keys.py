"""A point task that observes whatever else a test wants."""

from typing import Any

import gymnasium as gym
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from helpers.point_env import PointEnv


class MoreKeys(gym.ObservationWrapper[Any, Any, Any]):
    """Adds keys with random values.

    Args:
        env: with a Dict observation.
        spaces: of the keys.
    """

    def __init__(self, env: gym.Env[Any, Any], **spaces: gym.Space[Any]) -> None:
        super().__init__(env)
        self._more = spaces
        for number, space in enumerate(spaces.values()):
            space.seed(number)
        self.observation_space = gym.spaces.Dict({**env.observation_space.spaces, **spaces})

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        return observation | {key: space.sample() for key, space in self._more.items()}


def vector_agent(
    cls: type[OffPolicyAlgorithm], *, env: Any = None, **settings: Any
) -> OffPolicyAlgorithm:
    """Return a small agent of vectors alone, which trains from its twentieth step on."""
    defaults = {
        "replay_buffer_class": HerReplayBuffer,
        "learning_starts": 20,
        "batch_size": 16,
        "buffer_size": 500,
        "policy_kwargs": {"net_arch": [16]},
        "seed": 0,
    }
    return cls("MultiInputPolicy", PointEnv() if env is None else env, **(defaults | settings))
