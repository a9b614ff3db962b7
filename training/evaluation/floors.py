"""Measuring floors: an agent that does nothing, and one that acts at random, play a task."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import gymnasium as gym
import numpy as np

from goalscope.diagnostics.record.floors import Floor, Floors
from goalscope.training.envs.making import make_simulation, packages_of
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.evaluation.episodes import Evaluation, evaluate

FLOOR_EPISODES = 1_000
FLOOR_SEED = 40_000_003  # of no training or evaluation environment


class _Idle:
    """Does nothing."""

    def __init__(self, space: gym.spaces.Box) -> None:
        self._action = np.zeros(space.shape, space.dtype)

    def predict(self, *_: Any, **__: Any) -> tuple[np.ndarray, None]:
        return self._action, None


class _Random:
    """Draws each action uniformly from the action space, from a generator of its own."""

    def __init__(self, space: gym.spaces.Box, seed: int) -> None:
        self._space = space
        # Not the seed alone: an environment reset with it draws from the very same stream.
        self._generator = np.random.default_rng([seed, 1])

    def predict(self, *_: Any, **__: Any) -> tuple[np.ndarray, None]:
        drawn = self._generator.uniform(self._space.low, self._space.high)
        return drawn.astype(self._space.dtype), None


def measure_floors(env_id: str, episodes: int = FLOOR_EPISODES, seed: int = FLOOR_SEED) -> Floors:
    """Return the floors of a task, measured now; the same for the same seed and versions.

    Args:
        env_id: one of our tasks; an action of zeros does nothing in it.
        episodes: of each policy; episode i starts from seed + i for both.
        seed: of the first episode and of the random actions.

    Raises:
        UnusableEnvironment: there is no such task.
        ValueError: fewer than one episode.
    """
    settings = EnvironmentSettings(id=env_id)
    env = make_simulation(settings)
    try:
        space = env.action_space
        assert isinstance(space, gym.spaces.Box)
        noop = evaluate(_Idle(space), env, episodes, seed)
        random = evaluate(_Random(space, seed), env, episodes, seed)
    finally:
        env.close()
    return Floors(env_id, _floor(noop), _floor(random), seed, _versions(packages_of(settings)))


def _floor(evaluation: Evaluation) -> Floor:
    return Floor(
        evaluation.successes,
        evaluation.episodes,
        round(evaluation.final_distance, 4),
        round(evaluation.final_distance_mean, 4),
        evaluation.mean_return,
    )


def _versions(packages: Iterable[str]) -> dict[str, str]:
    return {name: version(name) for name in packages}
