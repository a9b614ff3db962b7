"""Short real runs on the point, to ask the instrument of transitions about."""

from functools import cache, partial
from typing import Any

import numpy as np
import torch
from stable_baselines3 import DDPG, SAC, TD3, HerReplayBuffer
from stable_baselines3.common.buffers import DictReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from goalscope.diagnostics.instruments.instrument import Context
from goalscope.diagnostics.instruments.transitions import TransitionInstrument
from goalscope.diagnostics.material.run_probe_set import RunProbeSet
from goalscope.diagnostics.record.metrics import metric_of
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.watch import Diagnostics
from goalscope.probes import view_networks
from goalscope.training.replay import SharedFrameHerReplayBuffer
from helpers.point_env import PointEnv

START = 60
STEPS = 100
FAMILY = "transitions"

REPLAYS = {
    "SB3's hindsight": {},
    "SB3's, two environments": {"n_envs": 2},
    "no hindsight": {"buffer": DictReplayBuffer},
    "pixels": {"pixels": True},
    "one frame, one slot": {"pixels": True, "buffer": SharedFrameHerReplayBuffer},
    "random shift": {
        "pixels": True,
        "buffer": SharedFrameHerReplayBuffer,
        "replay_buffer_kwargs": {"random_shift": 4},
    },
    "normalised": {"normalise": {"norm_obs_keys": ["achieved_goal", "desired_goal"]}},
    "doubles": {"dtype": np.float64},
    "TD3": {"cls": TD3},
    "DDPG": {"cls": DDPG},
    "gamma 1": {"gamma": 1.0},
}


def trained(
    cls: type[OffPolicyAlgorithm] = SAC,
    *,
    normalise: dict[str, Any] | None = None,
    buffer: type[DictReplayBuffer] = HerReplayBuffer,
    n_envs: int = 1,
    callback: Diagnostics | None = None,
    **env: Any,
) -> OffPolicyAlgorithm:
    """Return an agent after 40 updates; settings that are not its own are the environment's."""
    settings = {key: env.pop(key) for key in ("gamma", "tau", "replay_buffer_kwargs") if key in env}
    if not issubclass(buffer, HerReplayBuffer):
        settings["replay_buffer_kwargs"] = {}
    venv = make_vec_env(partial(PointEnv, **env), n_envs=n_envs, seed=0)
    if normalise is not None:
        venv = VecNormalize(venv, **normalise)
    agent = cls(
        "MultiInputPolicy",
        venv,
        replay_buffer_class=buffer,
        learning_starts=START,
        batch_size=16,
        buffer_size=400,
        policy_kwargs={"net_arch": [16]},
        seed=0,
        device="cpu",
        **settings,
    )
    return agent.learn(STEPS, callback=callback)


def context_of(agent: OffPolicyAlgorithm) -> Context:
    """Return what an instrument is given of an agent after its last update."""
    networks = view_networks(agent.policy)
    return Context(agent._n_updates, agent, networks, RunProbeSet(None))


def measured(
    agent: OffPolicyAlgorithm, instrument: TransitionInstrument | None = None
) -> dict[str, float]:
    """Return what an instrument, a new one unless one is given, says of an agent."""
    found = (instrument or TransitionInstrument(Schedule(1))).measure(context_of(agent))
    assert all(metric_of(key) is not None for key in found)
    return {key.removeprefix(f"{FAMILY}/"): float(value) for key, value in found.items()}


class Watched(Diagnostics):
    """Measures transitions at the end, of a run that it has watched step by step."""

    def __init__(self) -> None:
        self.instrument = TransitionInstrument(Schedule(1_000))
        super().__init__(None, [self.instrument])

    def found(self) -> dict[str, float]:
        """Return what it says of the run."""
        assert self.failures == {}
        return measured(self.model, self.instrument)


def watched(**settings: Any) -> Watched:
    """Return the callback of a run that was watched step by step."""
    callback = Watched()
    trained(callback=callback, **settings)
    return callback


@cache
def healthy(name: str) -> Watched:
    """Return the callback of a healthy run, trained once for all who ask and change nothing."""
    return watched(**REPLAYS[name])


class Changed(HerReplayBuffer):
    """Returns batches in which something is not as it was."""

    def change(self, batch: Any) -> dict[str, Any]:
        """Return the parts to put in."""
        return {}

    def sample(self, *args: Any, **kwargs: Any) -> Any:
        """Return a batch with the change."""
        batch = super().sample(*args, **kwargs)
        return batch._replace(**self.change(batch))


class Stuck(Changed):
    """Nothing ever moves."""

    def change(self, batch: Any) -> dict[str, Any]:
        """Return the observations as the next ones."""
        return {"next_observations": batch.observations}


class Shuffled(Changed):
    """Actions are somebody else's."""

    def change(self, batch: Any) -> dict[str, Any]:
        """Return the actions in another order."""
        return {"actions": batch.actions[torch.randperm(len(batch.actions))]}
