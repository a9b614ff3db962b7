"""Saved replay goes on as if it had never been saved, whatever happens while it is saved."""

import errno
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.replay_streams import ACTIONS, Episodes, same_transitions, space
from helpers.saved_replay import ROWS, SPARE, add, make, same_samples
from safetensors.numpy import load_file
from stable_baselines3 import HerReplayBuffer


@pytest.fixture(params=["memory", "disk"])
def frames(request):
    return request.param


@pytest.mark.parametrize("frame_stack", [1, 3])
@pytest.mark.parametrize("before", [0, 4, 11, 40, 70])
def test_a_loaded_buffer_goes_on_as_the_one_that_was_never_saved(
    point, tmp_path, frames, frame_stack, before
):
    """At any point of the ring, with several saves before, and with work lost after the last."""
    episodes = iter(Episodes(2, frame_stack, 5, seed=before, resets=0.05))
    saved = make(point, tmp_path / "frames", frames, frame_stack=frame_stack)
    never = make(point, None, "memory", frame_stack=frame_stack)
    stock = HerReplayBuffer(ROWS * 2, space(frame_stack), ACTIONS, point, "cpu", 2)
    for number, count in enumerate((before, 0, 7, SPARE)):
        add(islice(episodes, count), saved, never, stock)
        saved.save_state(tmp_path / str(number))
    add(islice(Episodes(2, frame_stack, 5, seed=99), SPARE), saved)  # lost
    loaded = make(point, tmp_path / "frames", frames, frame_stack=frame_stack)
    loaded.load_state(tmp_path / "3")
    same_samples(never, loaded)
    for _ in range(3):
        add(islice(episodes, 9), loaded, never, stock)
        same_samples(never, loaded)
        loaded.random_shift = None
        same_transitions(loaded, stock)
        loaded.random_shift = 1
        loaded.save_state(tmp_path / "again")
        loaded = make(point, tmp_path / "frames", frames, frame_stack=frame_stack)
        loaded.load_state(tmp_path / "again")


def test_a_buffer_saved_and_watched_goes_on_unchanged(point, tmp_path, frames):
    saved = make(point, tmp_path / "frames", frames)
    never = make(point, None, "memory")
    for number, transition in enumerate(islice(Episodes(2, 2, 5), 60)):
        add([transition], saved, never)
        if number % 5 == 0:
            numpys = np.random.get_state()[1].copy()  # noqa: NPY002
            torchs = torch.get_rng_state()
            saved.save_state(tmp_path / f"{number}")
            assert np.array_equal(numpys, np.random.get_state()[1])  # noqa: NPY002
            assert torch.equal(torchs, torch.get_rng_state())
    same_samples(saved, never)


def test_the_state_before_stays_loadable_until_the_caller_went_on(point, tmp_path, frames):
    """A process that dies after save_state and before its caller noted the new folder."""
    buffer, never = make(point, tmp_path / "frames", frames), make(point, None, "memory")
    episodes = iter(Episodes(2, 2, 5))
    add(islice(episodes, 33), buffer, never)
    buffer.save_state(tmp_path / "old")
    add(islice(episodes, SPARE), buffer)
    buffer.save_state(tmp_path / "new")
    loaded = make(point, tmp_path / "frames", frames)
    loaded.load_state(tmp_path / "old")
    same_samples(loaded, never)


def test_frames_are_written_once(point, tmp_path):
    buffer = make(point, tmp_path / "frames", "memory")
    episodes = iter(Episodes(2, 2, 5))
    add(islice(episodes, 10), buffer)
    buffer.save_state(tmp_path / "0")
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "frames").iterdir()}
    buffer.save_state(tmp_path / "1")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "frames").iterdir()} == first
    add(islice(episodes, 4), buffer)
    buffer.save_state(tmp_path / "2")
    new = set((tmp_path / "frames").iterdir()) - set(first)
    held = sum(len(load_file(path)["slots"]) for path in new)
    assert held <= 4 * 2 * 2  # four rows of two environments, each with an extra frame at most


def test_files_that_nothing_needs_are_removed(point, tmp_path):
    buffer = make(point, tmp_path / "frames", "memory")
    episodes = iter(Episodes(2, 2, 5))
    for number in range(25):
        add(islice(episodes, 3), buffer)
        buffer.save_state(tmp_path / str(number))
    files = list((tmp_path / "frames").iterdir())
    assert len(files) <= 2 * (ROWS // 3 + 3)  # rows and extra frames of the ring, and a save more


@pytest.mark.parametrize("fails", [1, 2, 3])
def test_a_full_disk_leaves_the_state_before(point, tmp_path, frames, monkeypatch, fails):
    buffer, never = make(point, tmp_path / "frames", frames), make(point, None, "memory")
    episodes = iter(Episodes(2, 2, 5))
    add(islice(episodes, 33), buffer, never)
    buffer.save_state(tmp_path / "old")
    later = list(islice(episodes, 8))
    add(later, buffer)
    kept = set((tmp_path / "frames").iterdir())
    calls, real = [], os.fsync

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        buffer.save_state(tmp_path / "new")
    monkeypatch.undo()
    assert not list(tmp_path.glob("*/*.tmp"))
    if frames == "memory" and fails < 3:
        assert set((tmp_path / "frames").iterdir()) == kept
    loaded = make(point, tmp_path / "frames", frames)
    loaded.load_state(tmp_path / "old")
    same_samples(loaded, never)
    add(later, loaded, never)
    same_samples(loaded, never)
    # And the one that met the full disk can be saved once there is room.
    loaded.save_state(tmp_path / "new")
    again = make(point, tmp_path / "frames", frames)
    again.load_state(tmp_path / "new")
    same_samples(again, never)


KILLED = """
import sys
from itertools import islice
from pathlib import Path
from helpers.replay_streams import ACTIONS, Episodes, space
from goalscope.training.replay import SharedFrameHerReplayBuffer

folder = Path(sys.argv[1])
buffers = {
    frames: SharedFrameHerReplayBuffer(
        30, space(2), ACTIONS, None, "cpu", 2, frame_stack=2, frames=frames,
        frames_folder=folder / frames, spare_rows=12,
    )
    for frames in ("memory", "disk")
}
episodes = iter(Episodes(2, 2, 5))
number = 0
while True:
    for transition in islice(episodes, 7):
        for buffer in buffers.values():
            buffer.add(**transition)
    number += 1
    for frames, buffer in buffers.items():
        buffer.save_state(folder / f"draft{number}" / frames)
    (folder / f"draft{number}").rename(folder / f"state{number}")
    print(number, flush=True)
"""


def test_a_killed_process_can_be_gone_on_with(point, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        text=True,
    )
    for line in process.stdout:
        if int(line) == 15:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    newest = max(int(path.name[5:]) for path in tmp_path.glob("state*"))
    never, *loaded = (make(point, tmp_path / f, f) for f in ("memory", "memory", "disk"))
    episodes = iter(Episodes(2, 2, 5))
    add(islice(episodes, 7 * newest), never)
    for buffer, name in zip(loaded, ("memory", "disk"), strict=True):
        buffer.load_state(tmp_path / f"state{newest}" / name)
        same_samples(never, buffer)
    add(islice(episodes, 20), never, *loaded)
    for buffer in loaded:
        same_samples(never, buffer)
