"""Saved replay that is lost, damaged or another buffer's is found out and named."""

import json
from itertools import islice
from pathlib import Path

import pytest
from helpers.replay_streams import Episodes
from helpers.saved_replay import SPARE, add, make

from goalscope.training.replay import ReplayStateError, saving


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
