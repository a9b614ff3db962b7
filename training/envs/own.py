"""Environments of a user's own: where they come from, and what they show without being asked."""

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit
from stable_baselines3.common.preprocessing import is_image_space

from goalscope.diagnostics.material.channels_first import ChannelsFirst
from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.diagnostics.record import Task
from goalscope.errors import UserError
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.envs.keeping import keeps, layers
from goalscope.training.envs.observing import SMALLEST_IMAGE, UnusableEnvironment
from goalscope.training.envs.tasks import TASKS

_STEPS_ASKED = 200  # at most, for rewards
MakeEnv = Callable[[], gym.Env[Any, Any]]


@dataclass(frozen=True)
class Shown:
    """What an environment of a user's own shows.

    Attributes:
        images: the keys of the images it observes.
        goals: whether it observes both goals.
        rewards: whether it tells the reward of goals that it is given, as hindsight asks.
        keeps: whether its state can be saved, so that a run goes on where it was (`Keeps`).
        bounded: whether its actions are a Box with ends.
        task: what it declares in `goal_task`, its episodes' length that of its TimeLimit where the
            task says none.
    """

    images: tuple[str, ...]
    goals: bool
    rewards: bool
    keeps: bool
    bounded: bool
    task: Task


def make_own(where: str) -> ChannelsFirst:
    """Return the environment that `--env` names, its images as SB3 shows them to agents.

    Args:
        where: `module:function`, `file.py:function`, or the id of a registered environment.

    Raises:
        UnusableEnvironment: it cannot be imported or made, or makes something else.
        NotDict: it observes no Dict.
    """
    _, colon, name = where.rpartition(":")
    if colon and name.isidentifier():
        return ChannelsFirst(made(imported(where)))
    return ChannelsFirst(registered(where))


@cache
def shown_by(where: str) -> Shown:
    """Return what the environment that `--env` names shows; it is made once, and closed.

    Raises:
        UnusableEnvironment: it cannot be made, or shows an image too small to be encoded.
        NotDict: it observes no Dict.
    """
    env = make_own(where)
    try:
        observed = env.observation_space
        assert isinstance(observed, spaces.Dict)  # ChannelsFirst checked
        images = {key: part.shape for key, part in observed.items() if is_image_space(part)}
        for key, shape in images.items():
            if shape is not None and min(shape[1:]) < SMALLEST_IMAGE:
                raise UnusableEnvironment(
                    f"{key} of {where} is an image of {shape[1]}x{shape[2]} pixels, too small for "
                    f"NatureCNN; show at least {SMALLEST_IMAGE}"
                )
        task = declared_task(env)
        actions = env.action_space
        return Shown(
            images=tuple(images),
            goals=all(key in observed.spaces for key in GOAL_KEYS),
            rewards=env.has_wrapper_attr("compute_reward"),
            keeps=keeps(env),
            bounded=isinstance(actions, spaces.Box) and bool(actions.is_bounded()),
            task=replace(task, episode_steps=task.episode_steps or _time_limit(env)),
        )
    finally:
        env.close()


@cache
def gives_costs(where: str) -> bool:
    """Whether rewards there are from -1 to 0, as far as an episode of random actions tells.

    Those of its steps, and where it can be asked those of a goal that is reached.

    Raises:
        UnusableEnvironment, NotDict: it cannot be made.
    """
    env = make_own(where)
    try:
        env.action_space.seed(0)
        observation, _ = env.reset(seed=0)
        rewards = []
        if env.has_wrapper_attr("compute_reward") and GOAL_KEYS[0] in observation:
            reached = np.stack([observation[GOAL_KEYS[0]]])
            asked = env.get_wrapper_attr("compute_reward")(reached, reached, [{}])
            rewards += np.ravel(asked).tolist()
        for _ in range(_STEPS_ASKED):
            _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            rewards.append(float(reward))
            if terminated or truncated:
                break
        return all(-1 <= reward <= 0 for reward in rewards)
    finally:
        env.close()


def imported(where: str) -> MakeEnv:
    """Return the maker of an environment that `module:function` or `file.py:function` names.

    Raises:
        UnusableEnvironment: it cannot be imported.
    """
    module, _, function = where.rpartition(":")
    folder = Path.cwd()  # where a user's own module lies
    if module.endswith(".py"):
        file = Path(module)
        folder, module = file.parent.resolve(), file.stem
        if not file.is_file():
            raise UnusableEnvironment(
                f"--env {where} cannot be imported from {folder}, where there is no file "
                f"{file.name}; write path/to/file.py:function"
            )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        maker: MakeEnv = getattr(importlib.import_module(module), function)
    except Exception as error:  # a user's module can fail in any way
        raise UnusableEnvironment(
            f"--env {where} cannot be imported from {folder} "
            f"({type(error).__name__}: {error}); write module:function for a module there, or "
            "path/to/file.py:function"
        ) from error
    return maker


def made(make_env: MakeEnv) -> gym.Env[Any, Any]:
    """Return the environment.

    Raises:
        UnusableEnvironment: what makes it fails, or returns something else.
    """
    try:
        env = make_env()
    except UserError:
        raise
    except Exception as error:  # a user's own code can fail in any way
        raise UnusableEnvironment(
            f"the environment cannot be made ({type(error).__name__}: {error}); mend what makes it"
        ) from error
    if not isinstance(env, gym.Env):
        raise UnusableEnvironment(
            f"what should make the environment returns a {type(env).__name__}; return a "
            "gymnasium.Env"
        )
    return env


def registered(name: str) -> gym.Env[Any, Any]:
    """Return the environment that is registered under an id; `module:id` imports the module first.

    Raises:
        UnusableEnvironment: there is none, or it cannot be made.
    """
    close = get_close_matches(name, TASKS, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]}? Or" if close else f"choose one of {', '.join(TASKS)}, or"
    hint += " give module:function of your own"
    try:
        # Its checker knows nothing of an environment that is restored instead of reset.
        return gym.make(name, disable_env_checker=True)
    except gym.error.UnregisteredEnv as error:
        raise UnusableEnvironment(f"there is no environment {name!r}; {hint}") from error
    except Exception as error:  # a malformed name, a missing package, a user's own code
        cause = str(error).partition("\n")[0] or type(error).__name__
        raise UnusableEnvironment(f"{name!r} cannot be made ({cause}); {hint}") from error


def _time_limit(env: gym.Env[Any, Any]) -> int | None:
    limits = [layer for layer in layers(env) if isinstance(layer, TimeLimit)]
    return limits[0]._max_episode_steps if limits else None
