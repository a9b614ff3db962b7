"""What an agent has met and learns from: transitions of its replay, or of its last rollout."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import DictRolloutBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.material.replay import replay_batch


@dataclass(frozen=True)
class Experience:
    """Some of it.

    Attributes:
        observations: key -> (B, ...).
        actions: float (B, A), scaled to [-1, 1]; of discrete actions which.
        replayed: the transitions they are of; None of a rollout.
    """

    observations: Mapping[str, Tensor]
    actions: Tensor
    replayed: DictReplayBufferSamples | None = None


def experience(model: BaseAlgorithm, rows: int, *, normalised: bool = True) -> Experience:
    """Return so many observations and actions; draws from the shared generators.

    Args:
        model: the agent.
        rows: how many; no more than a rollout holds.
        normalised: as the networks see them, where a wrapper normalises; else as the environment
            returned them.

    Raises:
        TypeError: neither replay nor a rollout of Dict observations is kept.
    """
    if isinstance(model, OffPolicyAlgorithm):
        sample = replay_batch(model, rows, normalised=normalised)
        return Experience(sample.observations, sample.actions, sample)
    if not isinstance(model, OnPolicyAlgorithm):
        raise TypeError(f"{type(model).__name__} keeps neither replay nor a rollout")
    return _rolled_out(model, rows, normalised)


def where_kept(model: BaseAlgorithm) -> str:
    """Return what an agent keeps its experience in, in words."""
    return "replay buffer" if isinstance(model, OffPolicyAlgorithm) else "rollout"


def _rolled_out(model: OnPolicyAlgorithm, rows: int, normalised: bool) -> Experience:
    buffer = model.rollout_buffer
    if not isinstance(buffer, DictRolloutBuffer):
        raise TypeError("a rollout buffer of Dict observations is needed")
    # As it is filled (steps, environments, ...); as it is trained on, those two are one.
    flat = buffer.generator_ready
    steps = len(buffer.actions) if flat or buffer.full else buffer.pos
    held = {
        key: values[:steps].reshape(-1, *values.shape[1 if flat else 2 :])
        for key, values in buffer.observations.items()
    }
    actions = buffer.actions[:steps].reshape(-1, buffer.action_dim)
    chosen = np.random.permutation(len(actions))[:rows]  # noqa: NPY002  (as buffers draw)
    observations = {key: values[chosen] for key, values in held.items()}
    env = model.get_vec_normalize_env()
    if env is not None and not normalised:
        stored = env.unnormalize_obs(observations)
        assert isinstance(stored, dict)
        observations = stored
    taken = actions[chosen]
    if isinstance(model.action_space, spaces.Box):
        taken = model.policy.scale_action(
            np.clip(taken, model.action_space.low, model.action_space.high)
        )
    return Experience(
        {key: torch.as_tensor(values, device=model.device) for key, values in observations.items()},
        torch.as_tensor(taken, device=model.device).float(),
    )
