"""The agent that faults are planted in: SAC or TD3 and hindsight."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3 import SAC, TD3
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from stable_baselines3.her import HerReplayBuffer

from benchmarks.planted_faults.fault import Wrapper
from benchmarks.planted_faults.faults import Planting
from benchmarks.planted_faults.grounds import BATCH, STARTS, Ground
from benchmarks.planted_faults.spoils.environment_faults import GoalEnv
from benchmarks.planted_faults.spoils.extractor_faults import extractor_class
from benchmarks.planted_faults.spoils.replay_faults import replay_class
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.envs.making import make_environment

Agent = SAC | TD3
_NOISE = 0.2  # of TD3's actions, in -1..1


def make_wrapped(ground: Ground, wrappers: Sequence[Wrapper]) -> GoalEnv:
    """Return an environment of the run: for training and for probes alike."""
    env: GoalEnv = make_environment(ground.environment)
    for wrap in wrappers:
        env = wrap(env)
    return env


def make_agent(planted: Planting, seed: int, total_steps: int) -> Agent:
    """Return an untrained agent with the faults in it; the caller closes its environment.

    Args:
        planted: the faults, and what they are planted in.
        seed: of the agent and of its environment.
        total_steps: transitions it will see, all of which replay keeps.
    """
    ground = planted.ground
    spoils = [fault.extractor for fault in planted.faults if fault.extractor is not None]
    env = _environment(planted, seed)
    model = ground.algorithm(
        "MultiInputPolicy",
        env,
        **_replay(planted, env),
        buffer_size=total_steps,
        learning_starts=STARTS,
        policy_kwargs={
            "features_extractor_class": extractor_class(spoils),
            "features_extractor_kwargs": dict(ground.extractor),
        },
        seed=seed,
        device="cpu",
        **{"batch_size": BATCH, "gamma": 0.9, "tau": 0.05, **_noise(ground), **ground.agent},
    )
    for fault in planted.faults:
        if fault.agent is not None:
            fault.agent(model)
    return model


def _environment(planted: Planting, seed: int) -> VecEnv:
    make = partial(make_wrapped, planted.ground, planted.wrappers)
    env = make_vec_env(make, n_envs=1, seed=seed)
    if not planted.ground.normalised:
        return env
    kinds = [fault.normalisation for fault in planted.faults if fault.normalisation is not None]
    kind = kinds[0] if kinds else VecNormalize
    return kind(env, norm_reward=False, norm_obs_keys=list(GOAL_KEYS))


def _replay(planted: Planting, env: VecEnv) -> dict[str, Any]:
    assert isinstance(env.observation_space, spaces.Dict)
    if not any(map(is_image_space, env.observation_space.values())):
        return {"replay_buffer_class": HerReplayBuffer}
    replays = [fault.replay for fault in planted.faults if fault.replay is not None]
    return {
        "replay_buffer_class": replay_class(replays),
        "replay_buffer_kwargs": {"random_shift": planted.random_shift},
    }


def _noise(ground: Ground) -> dict[str, Any]:
    if ground.algorithm is not TD3:
        return {}
    components = 2 if ground.environment.id == "PixelPoint-v0" else 4
    return {"action_noise": NormalActionNoise(np.zeros(components), np.full(components, _NOISE))}
