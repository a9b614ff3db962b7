"""Environments by their settings: which task, and what is observed of it."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import gymnasium as gym
import numpy as np

from goalscope.diagnostics.record import fetch_task
from goalscope.extras import require_extra
from goalscope.training.envs.observing import Observation, UnusableEnvironment
from goalscope.training.envs.opengl import FreeCamera, renderer_name
from goalscope.training.envs.own import make_own, registered
from goalscope.training.envs.pixel_goal_env import PixelGoalEnv
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.shuffled_pixels import ShuffledPixels
from goalscope.training.envs.tasks import PIXEL_POINT, is_own

VIEWS = {"close": FreeCamera((1.34, 0.75, 0.45), distance=0.85, azimuth=132.0, elevation=-32.0)}


@dataclass(frozen=True)
class _Kind:
    """How the tasks of one kind are made.

    Attributes:
        make: from the settings, observed as they say.
        simulate: from the settings, a task of ours drawing nothing: for rewards, and for what needs
            goals alone.
        packages: what its numbers depend on.
        opengl: whether frames are drawn by OpenGL.
    """

    make: Callable[[EnvironmentSettings], gym.Env[Observation, np.ndarray]]
    simulate: Callable[[EnvironmentSettings], gym.Env[Any, np.ndarray]]
    packages: tuple[str, ...]
    opengl: bool


def make_environment(settings: EnvironmentSettings) -> gym.Env[Observation, np.ndarray]:
    """Return a new environment, with its pixels shuffled where that is asked.

    Raises:
        UnusableEnvironment: unknown id or camera, too small an image, or a user's own fails.
        NotDict: a user's own observes no Dict.
        MissingExtra: its simulator is not installed.
        RenderingError: no OpenGL.
    """
    env = _kind(settings).make(settings)
    return ShuffledPixels(env) if settings.shuffled_pixels else env


def make_simulation(settings: EnvironmentSettings) -> gym.Env[Any, np.ndarray]:
    """Return the environment that draws nothing and observes its goals; a user's own as it is.

    Raises:
        UnusableEnvironment: no task of that name.
        MissingExtra: its simulator is not installed.
    """
    return _kind(settings).simulate(settings)


def packages_of(settings: EnvironmentSettings) -> tuple[str, ...]:
    """Return the packages that decide what happens in the task."""
    return _kind(settings).packages


def renderer_of(settings: EnvironmentSettings) -> str | None:
    """Return what draws the frames, as OpenGL calls it; None where nothing needs OpenGL.

    Raises:
        RenderingError: no OpenGL.
    """
    return renderer_name() if settings.pixels and _kind(settings).opengl else None


def _fetch(settings: EnvironmentSettings) -> gym.Env[Observation, np.ndarray]:
    return PixelGoalEnv(
        _fetch_simulation(settings),
        camera=VIEWS.get(settings.camera or "", settings.camera),
        offsamples=settings.offsamples,
        **_observed(settings),
    )


def _fetch_simulation(settings: EnvironmentSettings) -> gym.Env[Any, np.ndarray]:
    require_extra("fetch")
    with contextlib.redirect_stderr(io.StringIO()):  # a notice about other tasks, at every import
        import gymnasium_robotics

    gym.register_envs(gymnasium_robotics)
    env = registered(settings.id)
    robot = cast(Any, env.unwrapped)
    robot.goal_task = fetch_task(settings.id)
    if settings.dense_reward:
        robot.reward_type = "dense"
    return env


def _point(settings: EnvironmentSettings) -> gym.Env[Observation, np.ndarray]:
    if settings.camera is not None or settings.offsamples:
        raise UnusableEnvironment(
            f"{settings.id} has no cameras and no antialiasing to choose; leave --camera and "
            "close-camera out"
        )
    return gym.make(
        settings.id,
        disable_env_checker=True,
        dense_reward=settings.dense_reward,
        **_observed(settings),
    )


def _point_simulation(settings: EnvironmentSettings) -> gym.Env[Any, np.ndarray]:
    return gym.make(
        settings.id, disable_env_checker=True, pixels=False, dense_reward=settings.dense_reward
    )


def _observed(settings: EnvironmentSettings) -> dict[str, Any]:
    """Return what is observed, as every kind of task is asked for it."""
    return {
        "image_size": settings.image_size,
        "proprioception": settings.proprioception,
        "frame_stack": settings.frame_stack,
        "goal_marker": settings.goal_marker,
        "pixels": settings.pixels,
        "goals": settings.goals,
        "state": settings.state,
    }


def _own(settings: EnvironmentSettings) -> gym.Env[Any, np.ndarray]:
    return make_own(settings.id)


def _kind(settings: EnvironmentSettings) -> _Kind:
    if is_own(settings.id):
        return _OWN
    # Variants of the Fetch tasks, and what there is not, are gymnasium-robotics' to know.
    return _POINT if settings.id == PIXEL_POINT.name else _FETCH


gym.register(
    PIXEL_POINT.name,
    entry_point="goalscope.training.envs.pixel_point:PixelPointEnv",
    max_episode_steps=PIXEL_POINT.episode_steps,
)
_FETCH = _Kind(
    _fetch,
    _fetch_simulation,
    packages=("mujoco", "gymnasium-robotics", "gymnasium", "numpy"),
    opengl=True,
)
_POINT = _Kind(_point, _point_simulation, packages=("gymnasium", "numpy"), opengl=False)
_OWN = _Kind(_own, _own, packages=("gymnasium", "numpy"), opengl=False)
