"""A control: pixels that tell nothing of now."""

from collections import deque
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np

from goalscope.training.envs.keeping import Arrays, Values, generator_of, numbered, refill
from goalscope.training.envs.observing import Observation

_SEED = 0  # of the episode whose images come first


class ShuffledPixels(gym.Wrapper[Any, np.ndarray, Any, np.ndarray]):
    """Shows the image of another episode: a control in which pixels tell nothing of now.

    One of the images of the episodes before is shown. Before there is one, and after each seeded
    reset, they are those of an episode of random actions, always the same: what a seeded episode
    shows does not depend on what came before it. The generator that chooses is the wrapper's own.

    Args:
        env: an environment that observes `pixels`.
        pool: images kept.
    """

    def __init__(self, env: gym.Env[Any, np.ndarray], pool: int = 256) -> None:
        super().__init__(env)
        self._pool: deque[np.ndarray] = deque(maxlen=pool)
        self._own: deque[np.ndarray] = deque()  # of this episode
        self._first: list[np.ndarray] = []
        self._generator = np.random.default_rng(_SEED)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        if seed is not None or not self._pool:
            self._first = self._first or self._random_episode()
            self._pool.clear()
            self._pool.extend(self._first)
            self._generator = np.random.default_rng(_SEED if seed is None else seed)
        else:
            self._pool.extend(self._own)
        self._own.clear()
        observation, info = self.env.reset(seed=seed, options=options)
        return self._shuffle(observation), info

    def step(
        self, action: np.ndarray
    ) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step."""
        observation, *rest = self.env.step(action)
        return (self._shuffle(observation), *rest)  # type: ignore[return-value]

    def get_state(self) -> tuple[Arrays, Values]:
        """Return the images of this episode and of those before, and what chooses among them."""
        images = numbered("pool", self._pool) | numbered("pool_next", self._own)
        return images, {"pool_generator": self._generator.bit_generator.state}

    def set_state(self, arrays: Arrays, values: Values) -> None:
        """Take over what `get_state` returned."""
        refill(self._pool, "pool", arrays)
        refill(self._own, "pool_next", arrays)
        self._generator = generator_of(values["pool_generator"])

    def _shuffle(self, observation: Observation) -> Observation:
        self._own.append(observation["pixels"])
        return {**observation, "pixels": self._pool[self._generator.integers(len(self._pool))]}

    def _random_episode(self) -> list[np.ndarray]:
        """Return the images of an episode of random actions, seeded alike in every instance."""
        generator = np.random.default_rng(_SEED)
        images = [self.env.reset(seed=_SEED)[0]["pixels"]]
        low, high = self.env.action_space.low, self.env.action_space.high  # type: ignore[attr-defined]
        ended = False
        while not ended and len(images) < (self._pool.maxlen or 0):
            observation, _, terminated, truncated, _ = self.env.step(generator.uniform(low, high))
            images.append(observation["pixels"])
            ended = terminated or truncated
        return images
