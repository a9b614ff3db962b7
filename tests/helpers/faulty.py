"""A fault beside health: the same steps, the same batch, the same weights."""

from collections.abc import Callable

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor, nn

from benchmarks.planted_faults.agent import make_agent, make_wrapped
from benchmarks.planted_faults.faults import Planting, plantings
from benchmarks.planted_faults.grounds import BATCH, GROUNDS, STARTS

MakePlanted = Callable[[str], SAC]


def planting(name: str) -> Planting:
    return plantings(name)[0]


def fresh(name: str, steps: int = STARTS, kept: int = STARTS) -> SAC:
    """Return an agent that no other test has, after so many steps."""
    return make_agent(planting(name), seed=0, total_steps=kept).learn(steps)


def stepped(name: str, action: tuple[float, float] = (1.0, 0.5)):
    """Return what a faulty point shows first, what a step returns, its environment; the healthy's.

    Both are seeded alike.
    """
    found = []
    for wrappers in (planting(name).wrappers, ()):
        env = make_wrapped(GROUNDS["point"], wrappers)
        first, _ = env.reset(seed=0)
        found.append((first, env.step(np.array(action, np.float32)), env))
    return found


def same_batch(
    make_filled: MakePlanted, name: str, healthy: str = "healthy_point"
) -> list[DictReplayBufferSamples]:
    """Return the same batch of a faulty and of a healthy agent, which acted alike so far."""
    found = []
    for model in map(make_filled, (name, healthy)):
        np.random.seed(0)  # noqa: NPY002 - what SB3's replay draws from
        found.append(model.replay_buffer.sample(BATCH))
    return found


def weights(module: nn.Module) -> list[Tensor]:
    return [values.clone() for values in module.state_dict().values()]


def same(module: nn.Module, before: list[Tensor]) -> bool:
    return all(map(torch.equal, weights(module), before))


def pixels_of(features: Tensor) -> Tensor:
    return features.detach()[:, 4:]  # behind the two goals of two components
