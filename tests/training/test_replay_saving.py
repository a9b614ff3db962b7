import errno
import json
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import POINT
from helpers.replay_streams import ACTIONS, Episodes, same, same_transitions, space
from safetensors.numpy import load_file
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from goalscope.training.envs.making import make_environment
from goalscope.training.replay import ReplayStateError, SharedFrameHerReplayBuffer, saving

ROWS, SPARE = 15, 12


@pytest.fixture(scope="module")
def point():
    env = make_vec_env(lambda: make_environment(POINT), n_envs=1, seed=0)
    yield env
    env.close()


@pytest.fixture(params=["memory", "disk"])
def frames(request):
    return request.param


def make(point, folder: Path | None, frames: str, **options) -> SharedFrameHerReplayBuffer:
    settings = {"n_envs": 2, "frame_stack": 2, "random_shift": 1, "spare_rows": SPARE}
    settings |= {"frames": frames, "frames_folder": folder, **options}
    stack, n_envs = settings["frame_stack"], settings["n_envs"]
    return SharedFrameHerReplayBuffer(
        ROWS * n_envs, space(stack), ACTIONS, point, "cpu", **settings
    )


def add(transitions, *buffers: HerReplayBuffer) -> None:
    for transition in transitions:
        for buffer in buffers:
            buffer.add(**transition)


def same_samples(*buffers: SharedFrameHerReplayBuffer) -> None:
    batches = []
    for buffer in buffers:
        np.random.seed(3)  # noqa: NPY002
        torch.manual_seed(3)
        batches.append(buffer.sample(64))
    same(*batches)


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


def test_more_transitions_than_spare_rows_are_found_out(point, tmp_path):
    buffer = make(point, tmp_path / "frames", "disk")
    episodes = iter(Episodes(2, 2, 5))
    add(islice(episodes, 40), buffer)
    buffer.save_state(tmp_path / "0")
    add(islice(episodes, SPARE), buffer)
    make(point, tmp_path / "frames", "disk").load_state(tmp_path / "0")
    add(islice(episodes, 1), buffer)
    with pytest.raises(ReplayStateError, match=r"no longer those of .* spare_rows=12"):
        make(point, tmp_path / "frames", "disk").load_state(tmp_path / "0")
    assert buffer.frame_ring.kept == []  # nothing is kept for a state that is lost


def test_an_older_state_on_disk_is_lost_with_the_first_transition_after_a_save(point, tmp_path):
    buffer = make(point, tmp_path / "frames", "disk")
    episodes = iter(Episodes(2, 2, 5))
    for name in ("old", "new"):
        add(islice(episodes, 5), buffer)
        buffer.save_state(tmp_path / name)
    add(islice(episodes, 1), buffer)
    with pytest.raises(ReplayStateError, match="no longer"):
        make(point, tmp_path / "frames", "disk").load_state(tmp_path / "old")
    make(point, tmp_path / "frames", "disk").load_state(tmp_path / "new")


def test_a_new_buffer_in_the_folder_takes_it_over_with_its_first_transition(point, tmp_path):
    add(islice(Episodes(2, 2, 5), 9), buffer := make(point, tmp_path / "frames", "disk"))
    buffer.save_state(tmp_path / "0")
    other = make(point, tmp_path / "frames", "disk")
    make(point, tmp_path / "frames", "disk").load_state(tmp_path / "0")  # not yet
    add(islice(Episodes(2, 2, 5), 1), other)
    with pytest.raises(ReplayStateError, match="no longer"):
        make(point, tmp_path / "frames", "disk").load_state(tmp_path / "0")


@pytest.mark.parametrize("lost", ["pixels.fixed", "pixels.rest", "frames.json"])
def test_lost_files_of_frames_are_found_out(point, tmp_path, lost):
    add(islice(Episodes(2, 2, 5), 9), buffer := make(point, tmp_path / "frames", "disk"))
    buffer.save_state(tmp_path / "0")
    (tmp_path / "frames" / lost).unlink()
    with pytest.raises(ReplayStateError, match="files are missing"):
        make(point, tmp_path / "frames", "disk").load_state(tmp_path / "0")


def saved_state(point, tmp_path: Path) -> None:
    add(islice(Episodes(2, 2, 5), 20), buffer := make(point, tmp_path / "frames", "memory"))
    buffer.save_state(tmp_path / "0")


def files(tmp_path: Path) -> list[Path]:
    return [path for folder in ("0", "frames") for path in sorted((tmp_path / folder).iterdir())]


def test_missing_cut_and_altered_files_are_each_named(point, tmp_path):
    saved_state(point, tmp_path)
    assert len(files(tmp_path)) == 4  # JSON, vectors, frames of rows, frames besides
    for path in files(tmp_path):
        content = path.read_bytes()
        altered = bytearray(content)
        altered[len(altered) // 2] ^= 1
        damages = [content[: len(content) // 2], b""]
        if path.suffix != ".json":  # one letter of JSON may be another setting
            damages.append(bytes(altered))
        for damage in damages:
            path.write_bytes(damage)
            with pytest.raises(ReplayStateError, match=r"damaged|missing") as error:
                make(point, tmp_path / "frames", "memory").load_state(tmp_path / "0")
            assert path.name in str(error.value)
            assert "\n" not in str(error.value)
        path.unlink()
        with pytest.raises(ReplayStateError, match=path.name):
            make(point, tmp_path / "frames", "memory").load_state(tmp_path / "0")
        path.write_bytes(content)
    make(point, tmp_path / "frames", "memory").load_state(tmp_path / "0")


def test_another_buffer_s_state_is_refused_by_what_differs(point, tmp_path):
    saved_state(point, tmp_path)
    for change, message in (
        ({"n_envs": 1}, "n_envs was 2 and is 1"),
        ({"frame_stack": 1}, "frame_stack was 2 and is 1"),
        ({"frames": "disk"}, "frames was memory and is disk"),
    ):
        other = make(point, tmp_path / "frames", **({"frames": "memory"} | change))
        with pytest.raises(ReplayStateError, match=message):
            other.load_state(tmp_path / "0")
    used = make(point, tmp_path / "frames", "memory")
    add(islice(Episodes(2, 2, 5), 1), used)
    with pytest.raises(ReplayStateError, match="into a new one"):
        used.load_state(tmp_path / "0")
    path = tmp_path / "0" / saving.DESCRIPTION
    for content in ([], {"schema": 1}, json.loads(path.read_text()) | {"segments": [3]}):
        other = tmp_path / "other"
        other.mkdir(exist_ok=True)
        (other / path.name).write_text(json.dumps(content))
        with pytest.raises(ReplayStateError, match="is damaged"):
            make(point, tmp_path / "frames", "memory").load_state(other)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))
    with pytest.raises(ReplayStateError, match="schema 99"):
        make(point, tmp_path / "frames", "memory").load_state(tmp_path / "0")


@pytest.mark.parametrize(
    "change",
    [
        {"position": 10**9},
        {"full": False},
        {"added": -1},
        {"extra": 10**9},
        {"extra": 0},
        {"state": 3},
        {"arrays": {"name": "../frames/x", "size": 1, "crc32": 1}},
        {"segments": [{"file": {"name": "..", "size": 1, "crc32": 1}, "needed_for": 1}]},
    ],
)
def test_a_description_that_no_buffer_wrote_is_refused(point, tmp_path, change):
    saved_state(point, tmp_path)
    path = tmp_path / "0" / saving.DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ReplayStateError, match="is damaged"):
        make(point, tmp_path / "frames", "memory").load_state(tmp_path / "0")


def test_what_cannot_be_saved_says_so(point, tmp_path):
    with pytest.raises(ReplayStateError, match="give frames_folder"):
        make(point, None, "memory").save_state(tmp_path / "0")
    with pytest.raises(ReplayStateError, match="copy_info_dict"):
        make(point, tmp_path / "f", "memory", copy_info_dict=True).save_state(tmp_path / "0")
    with pytest.raises(ReplayStateError, match="no replay state"):
        make(point, tmp_path / "f", "memory").load_state(tmp_path / "nothing")


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
