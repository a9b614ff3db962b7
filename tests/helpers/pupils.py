"""Agents on the point, watched at every update, and what is said of what each was taught."""

from functools import partial

import numpy as np
import torch
from stable_baselines3 import DDPG, TD3
from stable_baselines3.common.buffers import DictReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecNormalize

from goalscope.diagnostics.instruments.instrument import Instrument, Moment
from goalscope.diagnostics.instruments.lesson_state import lesson_state
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.watch import Diagnostics
from helpers.point_env import PointEnv

LAST = 25  # updates


class Pupil(Instrument):
    """Keeps the update that is tracked, and what is said of it."""

    name = "pupil"
    moment = Moment.STATE

    def __init__(self):
        super().__init__(Schedule(1))
        self.seen, self.found = [], []

    def measure(self, context):
        if context.seen is not None:
            buffer = context.model.replay_buffer
            drawn = torch.as_tensor(buffer.rewards[: buffer.size()].reshape(-1, 1))
            env = context.model.get_vec_normalize_env()
            if env is not None:
                drawn = torch.as_tensor(env.normalize_reward(drawn.numpy()))
            self.seen.append(context.seen)
            values = lesson_state(context, context.model, drawn.float())
            self.found.append({key: float(value) for key, value in values.items()})
        return {}

    def keys(self, context):
        return []


def agent_of(cls, *, buffer=DictReplayBuffer, normalise=False, noise=0.1, seed=0, **settings):
    """Return an agent on the point; nothing is relabelled, so that replay holds every reward."""
    env = make_vec_env(partial(PointEnv), n_envs=1, seed=0)
    if cls in (TD3, DDPG) and noise:
        settings["action_noise"] = NormalActionNoise(np.zeros(2), np.full(2, noise))
    return cls(
        "MultiInputPolicy",
        VecNormalize(env, norm_obs=False) if normalise else env,
        replay_buffer_class=buffer,
        learning_starts=60,
        batch_size=32,
        buffer_size=400,
        policy_kwargs={"net_arch": [16], **settings.pop("policy_kwargs", {})},
        learning_rate=3e-3,
        seed=seed,
        device="cpu",
        **settings,
    )


def taught(agent):
    """Return what a pupil kept of some updates of an agent."""
    pupil = Pupil()
    callback = Diagnostics(None, [pupil])
    agent.learn(60 + LAST, callback=callback)
    assert callback.failures == {}
    assert len(pupil.seen) == LAST
    return pupil


def said(agent, name):
    """Return one number of every update after the fifth in which it could be told."""
    key = f"transitions/{name}"
    return [found[key] for found in taught(agent).found[5:] if key in found]
