"""The task that a live environment declares."""

from typing import Any

import gymnasium as gym
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecEnvWrapper

from goalscope.diagnostics.record import UNKNOWN_TASK, Task, named_task

_ATTRIBUTE = "goal_task"  # `task` is the name of other things in other makers' environments


def declared_task(env: gym.Env[Any, Any] | VecEnv | None) -> Task:
    """Return the `goal_task` of an environment, found through its wrappers.

    Of one that declares none only a Fetch task's name tells what it is about.
    """
    while isinstance(env, VecEnvWrapper):
        env = env.venv
    if isinstance(env, DummyVecEnv):
        env = env.envs[0]
    if isinstance(env, VecEnv):
        # Asked for first: a worker process would end over an attribute that is not there.
        task = env.get_attr(_ATTRIBUTE, 0)[0] if env.has_attr(_ATTRIBUTE) else None
        return task if isinstance(task, Task) else UNKNOWN_TASK
    if env is None:
        return UNKNOWN_TASK
    task = env.get_wrapper_attr(_ATTRIBUTE) if env.has_wrapper_attr(_ATTRIBUTE) else None
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    return task if isinstance(task, Task) else named_task(name)
