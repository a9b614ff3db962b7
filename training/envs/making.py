"""Environments by their settings: which Fetch task, and what is observed of it."""

import contextlib
import io
from difflib import get_close_matches
from typing import Any, cast

import gymnasium as gym
import numpy as np

from goalscope.training.envs.opengl import FreeCamera
from goalscope.training.envs.pixel_goal_env import (
    FETCH_TASKS,
    Observation,
    PixelGoalEnv,
    ShuffledPixels,
    UnusableEnvironment,
)
from goalscope.training.envs.settings import EnvironmentSettings

with contextlib.redirect_stderr(io.StringIO()):  # a notice about other tasks, at every import
    import gymnasium_robotics

VIEWS = {"close": FreeCamera((1.34, 0.75, 0.45), distance=0.85, azimuth=132.0, elevation=-32.0)}


def make_environment(settings: EnvironmentSettings) -> gym.Env[Observation, np.ndarray]:
    """Return a new environment: a `PixelGoalEnv`, with its pixels shuffled where that is asked.

    Raises:
        UnusableEnvironment: unknown id or camera, no goals, not a Fetch task, too small an image.
        RenderingError: no OpenGL.
    """
    env = PixelGoalEnv(
        make_task(settings),
        image_size=settings.image_size,
        camera=VIEWS.get(settings.camera or "", settings.camera),
        proprioception=settings.proprioception,
        frame_stack=settings.frame_stack,
        goal_marker=settings.goal_marker,
        offsamples=settings.offsamples,
        pixels=settings.pixels,
        goals=settings.goals,
        state=settings.state,
    )
    return ShuffledPixels(env) if settings.shuffled_pixels else env


def make_task(settings: EnvironmentSettings) -> gym.Env[Any, np.ndarray]:
    """Return gymnasium-robotics' own environment, which draws nothing.

    Raises:
        UnusableEnvironment: no Fetch task of that name.
    """
    gym.register_envs(gymnasium_robotics)
    close = get_close_matches(settings.id, FETCH_TASKS, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]}?" if close else f"choose one of {', '.join(FETCH_TASKS)}"
    try:
        # Its checker knows nothing of an environment that is restored instead of reset.
        env = gym.make(settings.id, disable_env_checker=True)
    except gym.error.UnregisteredEnv as error:
        raise UnusableEnvironment(f"there is no environment {settings.id!r}; {hint}") from error
    except (gym.error.Error, ImportError) as error:  # a malformed name, a missing package
        cause = str(error).splitlines()[0]
        raise UnusableEnvironment(f"{settings.id!r} cannot be made ({cause}); {hint}") from error
    if settings.dense_reward:
        cast(Any, env.unwrapped).reward_type = "dense"
    return env
