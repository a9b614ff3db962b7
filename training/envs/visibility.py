"""How large the thing that matters is in the picture."""

from typing import Any, cast

import gymnasium as gym
import numpy as np

from goalscope.training.envs.making import make_environment
from goalscope.training.envs.pixel_goal_env import PixelGoalEnv
from goalscope.training.envs.settings import EnvironmentSettings

_RESETS = 10
_OUT_OF_SIGHT = 100.0  # metres


def object_pixels(settings: EnvironmentSettings) -> float | None:
    """Return how many pixels of a frame show the object, the median over resets; None without one.

    Counted as those that change when the object is drawn far away.
    """
    env = make_environment(settings)
    pixel_env = _pixel_env(env)
    robot = cast(Any, env.unwrapped)
    try:
        if not robot.has_object:
            return None
        geometry = robot.model.geom("object0").id
        counts = []
        for seed in range(_RESETS):
            env.reset(seed=seed)
            shown = pixel_env.draw()
            robot.data.geom_xpos[geometry] += _OUT_OF_SIGHT
            hidden = pixel_env.draw()
            counts.append(int((shown != hidden).any(axis=0).sum()))
        return float(np.median(counts))
    finally:
        env.close()


def centimetres_per_pixel(env: gym.Env[Any, Any], resets: int = _RESETS) -> float:
    """Return how many centimetres of the world a pixel spans where the goals are, their median."""
    spans = []
    for seed in range(resets):
        env.reset(seed=seed)
        spans.append(100 * _pixel_env(env).size_of_pixel())
    return float(np.median(spans))


def _pixel_env(env: gym.Env[Any, Any]) -> PixelGoalEnv:
    return env if isinstance(env, PixelGoalEnv) else cast(PixelGoalEnv, env.env)  # type: ignore[attr-defined]
