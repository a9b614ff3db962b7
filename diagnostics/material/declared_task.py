"""What a live environment says of itself: the task it declares, and its id."""

import re
from typing import Any

import gymnasium as gym
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecEnvWrapper

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
        return task if isinstance(task, Task) else named_task(environment_id(env))
    if env is None:
        return UNKNOWN_TASK
    task = env.get_wrapper_attr(_ATTRIBUTE) if env.has_wrapper_attr(_ATTRIBUTE) else None
    return task if isinstance(task, Task) else named_task(environment_id(env))


def environment_id(env: gym.Env[Any, Any] | VecEnv) -> str:
    """Return the id an environment is registered under, or the name of its class.

    Of several in a vector the first one's. It is read from the words for it, such as
    `<TimeLimit<PixelPointEnv<PixelPoint-v0>>>`: a worker process can always send those, and ends
    over a specification that cannot be pickled.
    """
    while isinstance(env, VecEnvWrapper):
        env = env.venv
    if isinstance(env, VecEnv) and not isinstance(env, DummyVecEnv | SubprocVecEnv):
        return type(env).__name__  # a vector of its own kind need not hold environments
    words = env.env_method("__str__", indices=0)[0] if isinstance(env, VecEnv) else str(env)
    innermost = re.search(r"<([^<>]+)>+$", words)
    return (innermost.group(1) if innermost else words).removesuffix(" instance")
