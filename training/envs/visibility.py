"""How large the thing that matters is in the picture."""

from typing import Any, cast

import gymnasium as gym
import numpy as np

from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import task_of

_RESETS = 10
_OUT_OF_SIGHT = 100.0  # metres


def object_pixels(settings: EnvironmentSettings) -> float | None:
    """Return how many pixels of a frame show the object, the median over resets; None without one.

    Counted as those that change when the object is drawn far away.
    """
    if "object" not in task_of(settings.id).probe_targets:
        return None
    env = make_environment(settings)
    draw = env.get_wrapper_attr("draw")
    robot = cast(Any, env.unwrapped)
    try:
        geometry = robot.model.geom("object0").id
        counts = []
        for seed in range(_RESETS):
            env.reset(seed=seed)
            shown = draw()
            robot.data.geom_xpos[geometry] += _OUT_OF_SIGHT
            hidden = draw()
            counts.append(int((shown != hidden).any(axis=0).sum()))
        return float(np.median(counts))
    finally:
        env.close()


def goal_units_per_pixel(env: gym.Env[Any, Any], resets: int = _RESETS) -> float:
    """Return how much of the world a pixel spans where the goals are, the median over resets."""
    spans = []
    for seed in range(resets):
        env.reset(seed=seed)
        spans.append(env.get_wrapper_attr("size_of_pixel")())
    return float(np.median(spans))
