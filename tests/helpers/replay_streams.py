"""Transitions as SB3 hands them to a replay buffer, and comparing what buffers return."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.type_aliases import DictReplayBufferSamples

from goalscope.training.replay import SharedFrameHerReplayBuffer

SIZE = 6
ACTIONS = spaces.Box(-1, 1, (2,), np.float32)
Transition = dict[str, Any]


def space(frame_stack: int, channels: int = 1) -> spaces.Dict:
    goal = spaces.Box(-np.inf, np.inf, (3,), np.float32)
    image = spaces.Box(0, 255, (channels * frame_stack, SIZE, SIZE), np.uint8)
    return spaces.Dict({"achieved_goal": goal, "desired_goal": goal, "pixels": image})


@dataclass
class Episodes:
    """Made-up episodes of given lengths, the same for the same seed.

    Args:
        n_envs: number of environments.
        frame_stack: frames stacked; the first is repeated at a reset.
        longest: episodes last 1 to so many steps.
        seed: of everything.
        resets: chance of a step at which all environments are reset without a word to the buffer.
    """

    n_envs: int
    frame_stack: int
    longest: int
    seed: int = 0
    resets: float = 0.0

    def __post_init__(self) -> None:
        self.generator = np.random.default_rng(self.seed)
        self.stacks = [self._reset() for _ in range(self.n_envs)]

    def __iter__(self) -> Iterator[Transition]:
        draw = self.generator
        left = draw.integers(1, self.longest + 1, self.n_envs)
        now = self._observe()
        while True:
            if draw.random() < self.resets:
                self.stacks = [self._reset() for _ in range(self.n_envs)]
                now = self._observe()
            left -= 1
            done = left == 0
            self.stacks = [[*stack[1:], self._frame()] for stack in self.stacks]
            following = self._observe()
            yield {
                "obs": now,
                "next_obs": following,
                "action": draw.uniform(-1, 1, (self.n_envs, 2)).astype(np.float32),
                "reward": draw.normal(size=self.n_envs).astype(np.float32),
                "done": done,
                "infos": [{"TimeLimit.truncated": bool(draw.random() < 0.5)} for _ in done],
            }
            for env in np.flatnonzero(done):
                self.stacks[env] = self._reset()
                left[env] = draw.integers(1, self.longest + 1)
            begun = self._observe()
            now = {
                key: np.where(done.reshape(-1, *[1] * (value.ndim - 1)), begun[key], value)
                for key, value in following.items()
            }

    def _observe(self) -> dict[str, np.ndarray]:
        goals = self.generator.normal(scale=0.05, size=(2, self.n_envs, 3)).astype(np.float32)
        pixels = np.stack([np.concatenate(stack) for stack in self.stacks])
        return {"achieved_goal": goals[0], "desired_goal": goals[1], "pixels": pixels}

    def _frame(self) -> np.ndarray:
        return self.generator.integers(0, 256, (1, SIZE, SIZE), np.uint8)

    def _reset(self) -> list[np.ndarray]:
        return [self._frame()] * self.frame_stack


def same(one: DictReplayBufferSamples, other: DictReplayBufferSamples) -> None:
    """Fail unless two batches are equal bit for bit."""
    for name in ("observations", "next_observations"):
        first, second = getattr(one, name), getattr(other, name)
        assert first.keys() == second.keys()
        for key in first:
            assert first[key].dtype == second[key].dtype
            assert torch.equal(first[key], second[key]), (name, key)
    for name in ("actions", "dones", "rewards"):
        first, second = getattr(one, name), getattr(other, name)
        assert first.dtype == second.dtype
        assert torch.equal(first, second), name


def valid(buffer: HerReplayBuffer) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and environments that SB3 would draw from."""
    return np.nonzero(buffer.ep_length > 0)


def same_transitions(ours: SharedFrameHerReplayBuffer, stock: HerReplayBuffer) -> None:
    """Fail unless each transition that can be sampled is equal, as it is and relabelled."""
    rows, columns = valid(stock)
    if len(rows) == 0:
        return
    same(ours._get_real_samples(rows, columns), stock._get_real_samples(rows, columns))
    batches = []
    for buffer in (ours, stock):
        np.random.seed(0)  # noqa: NPY002
        batches.append(buffer._get_virtual_samples(rows, columns))
    same(*batches)


def same_batches(*buffers: HerReplayBuffer) -> None:
    """Fail unless the buffers give the same batch from the same seed."""
    batches = []
    for buffer in buffers:
        np.random.seed(0)  # noqa: NPY002
        torch.manual_seed(0)
        batches.append(buffer.sample(32))
    same(*batches)
