"""Small replay buffers whose state is saved, and comparing what they draw."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.vec_env import VecEnv

from goalscope.training.replay import SharedFrameHerReplayBuffer
from helpers.replay_streams import ACTIONS, Transition, same, space

ROWS, SPARE = 15, 12


def make(
    point: VecEnv, folder: Path | None, frames: str, **options: object
) -> SharedFrameHerReplayBuffer:
    """Return an empty buffer of the made-up episodes' space."""
    settings = {"n_envs": 2, "frame_stack": 2, "random_shift": 1, "spare_rows": SPARE}
    settings |= {"frames": frames, "frames_folder": folder, **options}
    stack, n_envs = settings["frame_stack"], settings["n_envs"]
    return SharedFrameHerReplayBuffer(
        ROWS * n_envs, space(stack), ACTIONS, point, "cpu", **settings
    )


def add(transitions: Iterable[Transition], *buffers: HerReplayBuffer) -> None:
    for transition in transitions:
        for buffer in buffers:
            buffer.add(**transition)


def same_samples(*buffers: SharedFrameHerReplayBuffer) -> None:
    """Fail unless the buffers draw the same batch, shifts and all, from the same seed."""
    batches = []
    for buffer in buffers:
        np.random.seed(3)  # noqa: NPY002
        torch.manual_seed(3)
        batches.append(buffer.sample(64))
    same(*batches)
