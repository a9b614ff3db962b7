"""The algorithms of a run: the class, and the arguments that it alone takes."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3 import PPO, SAC, TD3, HerReplayBuffer
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import DictReplayBuffer
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnv

from goalscope.training.agents.asymmetric import AsymmetricPolicy
from goalscope.training.agents.critic_encoder import CriticEncoderPolicy, DecoupledPolicy
from goalscope.training.agents.extended_sac import ExtendedLeanSAC, ExtendedSAC
from goalscope.training.agents.lean_sac import LeanSAC
from goalscope.training.agents.settings import AgentSettings
from goalscope.training.agents.tqc import tqc
from goalscope.training.envs.making import make_simulation
from goalscope.training.replay import SharedFrameHerReplayBuffer
from goalscope.training.replay.moved import HalfMovedHerReplayBuffer
from goalscope.training.runs.capacity import room_for
from goalscope.training.runs.settings import AlgorithmName, RunSettings

Made = tuple[type[BaseAlgorithm], dict[str, Any]]
_TD3_NOISE = 0.1  # of its actions while training (Fujimoto et al. 2018), which SB3 leaves out
_POLICIES: Mapping[str, type[BasePolicy]] = {  # by routing
    "critic": CriticEncoderPolicy,
    "decoupled": DecoupledPolicy,
    "asymmetric": AsymmetricPolicy,
}


def algorithm_of(settings: RunSettings, env: VecEnv, replay_folder: Path | None) -> Made:
    """Return the class of a run's algorithm, and the arguments that not every algorithm takes.

    Args:
        settings: of the run.
        env: its training environments.
        replay_folder: where replay keeps frames that lie on disk.

    Raises:
        MissingExtra: the package of TQC is not installed.
        BufferTooLarge: replay fits neither in memory nor on disk.
    """
    kind, own = _BY_NAME[settings.algorithm](settings, env)
    if settings.on_policy:
        return kind, own
    agent = settings.agent
    replayed = {
        "buffer_size": settings.transitions,
        "learning_starts": settings.starts,
        "gradient_steps": settings.gradient_steps,
        "tau": agent.tau,
        **_replay(settings, replay_folder),
    }
    return kind, replayed | own


def policy_of(agent: AgentSettings) -> type[BasePolicy] | str:
    """Return the policy that routes gradients as the agent asks, SB3's own by its name."""
    return _POLICIES.get(agent.routing, "MultiInputPolicy")


def _sac(settings: RunSettings, _: VecEnv) -> Made:
    options: dict[str, Any] = {"ent_coef": settings.entropy_coefficient}
    if settings.fast:
        options["precision"] = settings.precision
    additions = _additions(settings.agent)
    plain, lean = (ExtendedSAC, ExtendedLeanSAC) if additions else (SAC, LeanSAC)
    return lean if settings.fast else plain, options | additions


def _td3(_: RunSettings, env: VecEnv) -> Made:
    assert isinstance(env.action_space, spaces.Box)  # validation checked
    width = np.ones(env.action_space.shape)
    return TD3, {"action_noise": NormalActionNoise(0 * width, _TD3_NOISE * width)}


def _tqc(settings: RunSettings, _: VecEnv) -> Made:
    return tqc(), {"ent_coef": settings.entropy_coefficient}


def _ppo(settings: RunSettings, _: VecEnv) -> Made:
    return PPO, {"n_steps": settings.starts // settings.n_envs}


_BY_NAME: Mapping[AlgorithmName, Callable[[RunSettings, VecEnv], Made]] = {
    "sac": _sac,
    "td3": _td3,
    "tqc": _tqc,
    "ppo": _ppo,
}


def _additions(agent: AgentSettings) -> dict[str, Any]:
    """Return what `ExtendedSAC` is asked for; nothing where SB3's own will do."""
    lowest = -1 / (1 - agent.gamma) if agent.gamma < 1 else -math.inf
    wanted = {
        "random_actions": agent.random_actions,
        "target_range": (lowest, 0.0) if agent.target_clip else None,
        "action_penalty": agent.action_penalty,
        "inverse_dynamics": agent.inverse_dynamics,
        "encoder_warmup": agent.encoder_warmup,
        "encoder_frozen": agent.encoder_frozen,
    }
    return {name: value for name, value in wanted.items() if value}


def _replay(settings: RunSettings, folder: Path | None) -> dict[str, Any]:
    agent = settings.agent
    if not agent.her:
        return {"replay_buffer_class": DictReplayBuffer}
    hindsight: dict[str, Any] = {
        "n_sampled_goal": agent.n_sampled_goal,
        "goal_selection_strategy": agent.hindsight_goals,
    }
    if not settings.shared_frames:
        stock = HalfMovedHerReplayBuffer if agent.moved_half else HerReplayBuffer
        return {"replay_buffer_class": stock, "replay_buffer_kwargs": hindsight}
    hindsight |= {
        "frame_stack": settings.moving_stack,
        "random_shift": agent.random_shift,
        "moved_half": agent.moved_half,
        "frames": settings.frames or room_for(settings).frames,
        "frames_folder": folder,
        "spare_rows": settings.spare_rows,
        # Of an environment that draws nothing: those of training may be in other processes.
        "compute_reward": make_simulation(settings.environment).get_wrapper_attr("compute_reward"),
    }
    return {"replay_buffer_class": SharedFrameHerReplayBuffer, "replay_buffer_kwargs": hindsight}
