"""What can be wrong with what critics are taught, and with how the agent explores."""

from typing import Any

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor
from torch.overrides import TorchFunctionMode

_STEPS = 3  # that a reward is taken to stand for


def discount_of_steps(model: SAC) -> None:
    """Discount what follows as after three steps, beside the reward of one."""
    buffer = model.replay_buffer
    assert buffer is not None  # the agent learns from it
    sample = buffer.sample

    def discounted(*args: Any, **kwargs: Any) -> DictReplayBufferSamples:
        batch: Any = sample(*args, **kwargs)
        discounts = torch.full_like(batch.rewards, model.gamma**_STEPS)
        changed: DictReplayBufferSamples = batch._replace(discounts=discounts)
        return changed

    buffer.sample = discounted  # type: ignore[assignment, method-assign]


def entropy_subtracted(model: SAC) -> None:
    """Give the entropy of the next action the wrong sign in the critics' target."""
    drawn = model.actor.action_log_prob

    def negated(obs: Any) -> tuple[Tensor, Tensor]:
        actions, density = drawn(obs)
        return actions, density if torch.is_grad_enabled() else -density

    model.actor.action_log_prob = negated  # type: ignore[method-assign]


def target_bypassed(model: SAC) -> None:
    """Take targets from the critic that learns, and leave the target network out."""
    model.critic_target = model.critic


class Larger(TorchFunctionMode):
    """Inside, what takes the least without a gradient, as targets are made, takes the largest."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return what the call returns."""
        if func is torch.min and not torch.is_grad_enabled():
            func = torch.max
        return func(*args, **(kwargs or {}))


def larger_taken(model: SAC) -> None:
    """Write torch.max for torch.min in the targets of `train`, the target network as it should."""
    train = model.train

    def train_on_the_larger(*args: Any, **options: Any) -> None:
        with Larger():
            train(*args, **options)

    model.train = train_on_the_larger  # type: ignore[method-assign]


def critics_alike(model: SAC) -> None:
    """Give the second critic the first weights of the first one."""
    for network in (model.critic, model.critic_target):
        one, other = network.q_networks
        other.load_state_dict(one.state_dict())


def acts_by_the_mean(model: SAC) -> None:
    """Gather experience as one evaluates: with the deterministic action."""
    predict = model.predict

    def deterministic(observation: Any, *args: Any, **_: Any) -> tuple[np.ndarray, Any]:
        return predict(observation, *args, deterministic=True)

    model.predict = deterministic  # type: ignore[method-assign, assignment]
