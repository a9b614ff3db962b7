"""An environment of a user's own, from the code that makes it."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from goalscope.errors import UserError
from goalscope.training.envs.observing import UnusableEnvironment

MakeEnv = Callable[[], gym.Env[Any, Any]]


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
