"""`goalscope train`: bad input first: one line, exit code 2, nothing left or overwritten."""

import pytest
from helpers.command import TINY, content, goalscope, refused

from goalscope.diagnostics.record import Line, RecordWriter, RunInfo


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "pixel-hor", *TINY], ["did you mean pixel-her"]),
        (["train", "pixel-her", "--env", "FetchPussh-v4"], ["did you mean FetchPush-v4"]),
        (["train", "pixel-her", "--env", "Pendulum-v1"], ["observes a Box"]),
        (["train", "pixel-her", "--colour", "red"], ["--colour"]),
        (["train", "pixel-her", "--camera", "moon"], ["head_camera_rgb"]),
        (["train", "pixel-her", "--total-steps", "50"], ["--learning-starts"]),
        (["train", "pixel-her", "--image-size", "8"], ["too small"]),
        (["train", "pixel-her", "--every.features", "0"], ["--every.features must be at least 1"]),
        (
            ["train", "pixel-her", "--probe-set", "nowhere.safetensors"],
            ["nowhere.safetensors does not exist", "goalscope probe-set makes one"],
        ),
        (["train", "pixel-her", "--probe-set", "/proc/version"], ["is not a readable probe set"]),
        (["train", "pixel-her", "--device", "abacus"], ["abacus", "use auto"]),
        (["train", "plain", "--env", "nowhere.py:make"], ["there is no file nowhere.py"]),
    ],
)
def test_bad_training_input(tmp_path, arguments, says):
    refused(goalscope(*arguments, "--out", tmp_path / "run"), *says)
    assert not (tmp_path / "run").exists()


def test_a_folder_of_other_things_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    before = content(tmp_path)
    monkeypatch.chdir(tmp_path)
    foreign = ["full holds notes.txt", "choose a new folder"]
    refused(goalscope("train", "pixel-her", *TINY, "--out", "full"), *foreign)
    refused(goalscope("study", "pixel-her", *TINY, "--out", "full"), *foreign)
    refused(goalscope("train", "pixel-her", *TINY, "--out", "."), "holds full")
    refused(goalscope("train", "pixel-her", *TINY, "--out", "full/notes.txt"), "no folder")
    refused(goalscope("study", "pixel-her", *TINY, "--out", "full/notes.txt"), "no folder")
    study = ["study", "pixel-her", *TINY, "--seeds", "0", "--out", "study"]
    (tmp_path / "study" / "pixel-her-seed0").mkdir(parents=True)
    (tmp_path / "study" / "pixel-her-seed0" / "notes.txt").write_text("mine")
    refused(goalscope(*study), "pixel-her-seed0 holds notes.txt")
    (tmp_path / "study" / "pixel-her-seed0" / "notes.txt").unlink()
    assert content(tmp_path) == before


def test_an_output_folder_with_a_run_in_it(runs, tmp_path):
    before = content(runs / "pixel-her-0")
    other = goalscope("train", "pixel-her-norm", *TINY, "--out", runs / "pixel-her-0")
    refused(other, "other settings", "arm was 'pixel-her', is 'pixel-her-norm'")
    again = goalscope("train", "pixel-her", *TINY, "--out", runs / "pixel-her-0")
    assert again.returncode == 0
    assert "already" in again.stdout
    assert content(runs / "pixel-her-0") == before
    callbacks = RecordWriter(tmp_path / "mine", RunInfo())  # it keeps no checkpoints
    callbacks.write(Line(1, 1))
    refused(goalscope("train", "pixel-her", *TINY, "--out", tmp_path / "mine"), "already holds")


def test_no_working_opengl(tmp_path):
    short = ["train", "pixel-her", *TINY, "--env", "FetchReach-v4", "--out", tmp_path / "run"]
    done = goalscope(*short, MUJOCO_GL="osmesa")
    if done.returncode != 0:  # where OSMesa happens to be installed it simply trains
        refused(done, "apt-get install")
    done = goalscope("doctor", MUJOCO_GL="nonsense")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_said_in_one_line():
    refused(
        goalscope("train", "pixel-her", *TINY, "--out", "/proc/run"), "/proc/run", "another path"
    )
