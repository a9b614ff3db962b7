"""An environment that replay buffers ask for rewards."""

from collections.abc import Iterator

import pytest
from conftest import POINT
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv

from goalscope.training.envs.making import make_environment


@pytest.fixture(scope="session")
def point() -> Iterator[VecEnv]:
    env = make_vec_env(lambda: make_environment(POINT), n_envs=1, seed=0)
    yield env
    env.close()
