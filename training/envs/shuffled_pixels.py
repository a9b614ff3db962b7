"""A control: pixels that tell nothing of now."""

from collections import deque
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np

from goalscope.training.envs.keeping import Arrays, Values, generator_of, numbered, refill
from goalscope.training.envs.observing import Observation


class ShuffledPixels(gym.Wrapper[Any, np.ndarray, Any, np.ndarray]):
    """Shows the image of another observation: a control in which pixels tell nothing of now.

    Each image goes into a pool, and one of the pool is shown. Its generator is its own; a
    seeded reset seeds it and keeps the pool.

    Args:
        env: an environment that observes `pixels`.
        pool: images kept.
    """

    def __init__(self, env: gym.Env[Any, np.ndarray], pool: int = 256) -> None:
        super().__init__(env)
        self._pool: deque[np.ndarray] = deque(maxlen=pool)
        self._generator = np.random.default_rng(0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        if seed is not None:
            self._generator = np.random.default_rng(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        return self._shuffle(observation), info

    def step(
        self, action: np.ndarray
    ) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step."""
        observation, *rest = self.env.step(action)
        return (self._shuffle(observation), *rest)  # type: ignore[return-value]

    def get_state(self) -> tuple[Arrays, Values]:
        """Return the pool and its generator."""
        return numbered("pool", self._pool), {"pool_generator": self._generator.bit_generator.state}

    def set_state(self, arrays: Arrays, values: Values) -> None:
        """Take over what `get_state` returned."""
        refill(self._pool, "pool", arrays)
        self._generator = generator_of(values["pool_generator"])

    def _shuffle(self, observation: Observation) -> Observation:
        self._pool.append(observation["pixels"])
        return {**observation, "pixels": self._pool[self._generator.integers(len(self._pool))]}
