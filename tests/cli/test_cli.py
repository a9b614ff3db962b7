"""The command as a user types it, bad input first: one line, exit code 2, nothing overwritten."""

import json
from pathlib import Path

import pytest
from helpers.command import TINY, goalscope, refused

from goalscope.diagnostics.record import Line, RecordWriter, RunInfo, read_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for arm in ("pixel-her", "pixel-her-norm"):
        for seed in (0, 1):
            out = folder / f"{arm}-{seed}"
            done = goalscope("train", arm, *TINY, "--seed", seed, "--out", out)
            assert done.returncode == 0, done.stderr
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_train_report_compare(runs):
    one = runs / "pixel-her-0"
    info = read_run(one).info
    assert info.arm == "pixel-her"
    assert info.settings["env.id"] == "FetchReach-v4"
    assert info.settings["env.renderer"]
    assert info.settings["agent.learning_rate"] == pytest.approx(3e-4)
    report = goalscope("report", one)
    assert report.returncode == 0, report.stderr
    assert (one / "report.html").exists()
    folders = sorted(path for path in runs.iterdir() if path.name.startswith("pixel"))
    compared = goalscope("compare", *folders, "--out", runs / "comparison")
    assert compared.returncode == 0, compared.stderr
    assert (runs / "comparison" / "comparison.html").exists()
    lines = compared.stdout.splitlines()
    assert lines[0].startswith("That the image features drown the goal")
    assert lines[5].startswith("The page: ")  # after three sentences and success
    assert all(line.startswith("Try next") for line in lines[6:])
    whole = goalscope("compare", runs, "--out", runs / "again")
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.splitlines()[:3] == compared.stdout.splitlines()[:3]


def test_every_seed_of_a_study_shares_the_probe_set(runs):
    digests = {read_run(p).info.probe_set["sha256"] for p in runs.glob("pixel-*")}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "pixel-hor", *TINY], ["did you mean pixel-her"]),
        (["train", "pixel-her", "--env", "FetchPussh-v4"], ["did you mean FetchPush-v4"]),
        (["train", "pixel-her", "--env", "Pendulum-v1"], ["not a Dict"]),
        (["train", "pixel-her", "--colour", "red"], ["--colour"]),
        (["train", "pixel-her", "--camera", "moon"], ["head_camera_rgb"]),
        (["train", "pixel-her", "--total-steps", "50"], ["--learning-starts"]),
        (["train", "pixel-her", "--image-size", "8"], ["too small"]),
        (["train", "pixel-her", "--every.features", "0"], ["--every.features must be at least 1"]),
        (["train", "pixel-her", "--probe-set", "nowhere.safetensors"], ["nowhere.safetensors"]),
        (["train", "pixel-her", "--device", "abacus"], ["abacus"]),
    ],
)
def test_bad_training_input(tmp_path, arguments, says):
    refused(goalscope(*arguments, "--out", tmp_path / "run"), *says)
    assert not (tmp_path / "run").exists()


def test_an_output_folder_with_a_run_in_it(runs, tmp_path):
    before = content(runs / "pixel-her-0")
    other = goalscope("train", "pixel-her-norm", *TINY, "--out", runs / "pixel-her-0")
    refused(other, "other settings", "arm was 'pixel-her', is 'pixel-her-norm'")
    again = goalscope("train", "pixel-her", *TINY, "--out", runs / "pixel-her-0")
    assert again.returncode == 0
    assert "already" in again.stdout
    assert content(runs / "pixel-her-0") == before
    RecordWriter(tmp_path / "mine", RunInfo()).write(
        Line(1, 1)
    )  # of a callback, without checkpoints
    refused(goalscope("train", "pixel-her", *TINY, "--out", tmp_path / "mine"), "already holds")


def test_no_working_opengl(tmp_path):
    done = goalscope("train", "pixel-her", "--out", tmp_path / "run", MUJOCO_GL="osmesa")
    if done.returncode != 0:  # where OSMesa happens to be installed it simply trains
        refused(done, "apt-get install")
    done = goalscope("doctor", MUJOCO_GL="nonsense")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["missing", "empty", "not a run", "schema", "truncated"])
def test_run_folders_that_cannot_be_read(tmp_path, kind):
    folder = tmp_path / "run"
    if kind != "missing":
        folder.mkdir()
    if kind == "not a run":
        (folder / "notes.txt").write_text("hello")
    if kind in ("schema", "truncated"):
        RecordWriter(tmp_path / "good", RunInfo()).write(
            Line(1, 1, {"signal/critic.goal.share": 0.5})
        )
        for path in (tmp_path / "good").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    if kind == "schema":
        (folder / "run.json").write_text(json.dumps({"schema": 99}))
    if kind == "truncated":
        (folder / "run.json").write_text('{"schema": 1, "ar')
    before = content(tmp_path)
    refused(goalscope("report", folder))
    refused(goalscope("compare", folder, folder))
    assert content(tmp_path) == before


def test_comparing_what_cannot_be_compared(runs, tmp_path):
    writer = RecordWriter(tmp_path / "other", RunInfo(arm="other", seed=0))
    writer.write(Line(1, 1, {"something/else.entirely": 1.0}))
    refused(goalscope("compare", runs / "pixel-her-0", tmp_path / "other"))
    refused(goalscope("compare", runs / "pixel-her-0"))
    assert not (runs / "comparison-of-nothing").exists()


def test_nan_in_the_record_is_said_and_shown(runs, tmp_path):
    run = read_run(runs / "pixel-her-0")
    writer = RecordWriter(tmp_path / "run", run.info)
    for line in run.lines:
        poisoned = {
            k: float("nan") if "critic.goal.share" in k else v for k, v in line.values.items()
        }
        writer.write(Line(line.step, line.update, poisoned, line.event, line.details))
    done = goalscope("report", tmp_path / "run")
    refused(done, "NaN", "signal/critic.goal.share")
    assert (tmp_path / "run" / "report.html").exists()  # the page is made, and marks it


def test_help_shows_examples():
    for command in ("train", "report", "compare", "demo", "doctor"):
        done = goalscope(command, "--help")
        assert done.returncode == 0
        assert f"For example: goalscope {command}" in " ".join(done.stdout.split())


def test_doctor():
    done = goalscope("doctor")
    assert done.returncode == 0, done.stdout
    for word in ("OpenGL renderer", "torch device", "memory", "disk", "mujoco"):
        assert word in done.stdout
