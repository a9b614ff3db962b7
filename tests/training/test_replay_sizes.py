"""What shared-frame replay takes of memory and disk, and what it refuses before it is made."""

import numpy as np
import psutil
import pytest
import torch
from gymnasium import spaces
from helpers.replay_streams import ACTIONS, space
from stable_baselines3 import HerReplayBuffer

from goalscope.training.replay import (
    BufferTooLarge,
    ReplayBytes,
    SharedFrameHerReplayBuffer,
    replay_bytes,
)
from goalscope.training.replay.sizes import GIB, place_in_memory


def test_memory_is_what_replay_bytes_says_and_a_fraction_of_stock_s():
    goal = spaces.Box(-np.inf, np.inf, (3,), np.float32)
    actions = spaces.Box(-1, 1, (4,), np.float32)
    for frame_stack, share in ((1, 0.52), (4, 0.14)):
        image = spaces.Box(0, 255, (3 * frame_stack, 84, 84), np.uint8)
        observation = spaces.Dict({"achieved_goal": goal, "desired_goal": goal, "pixels": image})
        arguments = (400, observation, actions, None, "cpu", 2)
        ours = SharedFrameHerReplayBuffer(*arguments, frame_stack=frame_stack)
        stock = HerReplayBuffer(*arguments)
        need = replay_bytes(observation, actions, 400, 2, frame_stack, 50)
        assert need.frames == (400 + 400 // 50) * 84 * 84 * 3
        arrays = [*arrays_of(ours), ours.frame_ring.links, ours.frame_ring.ages]
        assert need.vectors == sum(array.nbytes for array in arrays)
        assert need.total <= share * sum(array.nbytes for array in arrays_of(stock))


def arrays_of(buffer: HerReplayBuffer) -> list[np.ndarray]:
    names = ("actions", "rewards", "dones", "timeouts", "ep_start", "ep_length")
    vectors = [*buffer.observations.values(), *buffer.next_observations.values()]
    return [getattr(buffer, name) for name in names] + vectors


def test_a_buffer_that_cannot_fit_is_refused_before_it_is_made(point, monkeypatch, tmp_path):
    free = psutil.virtual_memory()._replace(available=2**20)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    arguments = (100_000, space(4), ACTIONS, point, "cpu")
    with pytest.raises(BufferTooLarge, match=r'GiB of memory and 0\.00 GiB .*frames="disk"'):
        SharedFrameHerReplayBuffer(*arguments, frame_stack=4)
    with pytest.raises(BufferTooLarge, match="GiB of memory"):
        SharedFrameHerReplayBuffer(*arguments, frame_stack=4, frames="disk", frames_folder=tmp_path)
    monkeypatch.undo()
    arguments = (10**13, space(1), ACTIONS, point, "cpu")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free._replace(available=2**60))
    with pytest.raises(BufferTooLarge, match=r"GiB of disk .* smaller --buffer-size$"):
        SharedFrameHerReplayBuffer(*arguments, frames="disk", frames_folder=tmp_path / "frames")


def test_frames_go_to_the_device_where_they_fit_besides_the_networks(monkeypatch):
    need = ReplayBytes(frames=30 * GIB, vectors=GIB)
    host = psutil.virtual_memory()._replace(available=40 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: host)
    for free, place in ((50, "cuda"), (40, "cpu")):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free * GIB, 80 * GIB))
        assert place_in_memory(need, torch.device("cuda")).type == place
    assert place_in_memory(need, torch.device("cpu")).type == "cpu"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame_stack": 2}, "not a stack of 2 frames"),
        ({"frame_stack": 0}, "use frame_stack=1 or more"),
        ({"random_shift": 0}, "random_shift=0"),
        ({"optimize_memory_usage": True}, "leave optimize_memory_usage False"),
        ({"frames": "disk"}, "needs a frames_folder"),
        ({"observation_space": spaces.Dict({"g": ACTIONS})}, "no image"),
        ({"observation_space": ACTIONS}, "no image"),
        (
            {"observation_space": spaces.Dict({"p": spaces.Box(0, 255, (36, 36, 3), np.uint8)})},
            "VecTransposeImage",
        ),
    ],
)
def test_bad_arguments_are_named(point, change: dict[str, object], message):
    arguments = {
        "buffer_size": 10,
        "observation_space": space(1, channels=3),
        "action_space": ACTIONS,
        "env": point,
    }
    with pytest.raises(ValueError, match=message) as error:
        SharedFrameHerReplayBuffer(**(arguments | change))
    assert "\n" not in str(error.value)
