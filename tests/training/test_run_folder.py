"""The folder of a run: gone on with, left as it is, or refused with its reason in one line."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from goalscope.diagnostics.record import read_run
from goalscope.training.replay.sizes import BufferTooLarge
from goalscope.training.runs.checkpoint.folder import CheckpointError
from goalscope.training.runs.foreign import ForeignFolder
from goalscope.training.runs.lock import RunLocked, locked
from goalscope.training.runs.run import train
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings, SettingsError


def settings(out, **changes) -> RunSettings:
    return replace(
        RunSettings(
            arm="pixel-her",
            out=out,
            total_steps=80,
            learning_starts=50,
            batch_size=16,
            net_arch=(16,),
            env="PixelPoint-v0",
            image_size=36,
            every=Cadence(sensitivity=50),
            evaluation=EvaluationSettings(every=0),
            threads=1,
        ),
        **changes,
    )


def test_a_lost_buffer_is_gathered_anew_and_said(tmp_path):
    out = tmp_path / "run"
    train(settings(out, save_buffer=False))
    train(settings(out, save_buffer=False, total_steps=160))
    run = read_run(out)
    assert [line.details["lost_buffer"] for line in run.resumes] == [True]
    assert run.end.step == 160
    assert run.end.update == 30 + 30  # fifty steps refilled replay


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    return train(settings(tmp_path_factory.mktemp("finished") / "run"))


def test_a_finished_run_is_left_as_it_is(finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*.json*")}
    train(settings(finished))
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("*.json*")}


def test_other_settings_are_refused_by_name_and_nothing_changes(finished):
    record = (finished / "measurements.jsonl").read_bytes()
    with pytest.raises(CheckpointError, match="batch_size was 16, is 32"):
        train(settings(finished, batch_size=32, total_steps=300))
    assert (finished / "measurements.jsonl").read_bytes() == record


def test_two_runs_into_one_folder_are_refused(tmp_path):
    out = tmp_path / "run"
    with (
        locked(out, worth_keeping=lambda: True),
        pytest.raises(RunLocked, match=f"process {os.getpid()}"),
    ):
        train(settings(out))


def test_what_a_start_that_was_killed_left_is_used(tmp_path):
    out = tmp_path / "run"
    (out / "checkpoints").mkdir(parents=True)
    (out / "replay").mkdir()
    for name in (".lock", ".run.json.a1b2.tmp", "measurements.jsonl"):
        (out / name).touch()
    assert read_run(train(settings(out))).end.step == 80


@pytest.mark.parametrize("left", [".lock", "checkpoints"])
def test_nothing_is_written_among_a_user_s_own_files(tmp_path, left):
    out = tmp_path / "run"
    (out / left).mkdir(parents=True)
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(ForeignFolder, match=r"run holds thesis.tex and nothing of goalscope's"):
        train(settings(out))
    assert {path.name for path in out.iterdir()} == {left, "thesis.tex"}


def test_a_buffer_larger_than_memory_does_not_start(tmp_path):
    with pytest.raises(BufferTooLarge, match="GiB"):
        train(settings(tmp_path / "run", buffer_size=10**10))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_envs": 3, "total_steps": 400, "learning_starts": 150}, "--n-envs 3; use 399"),
        ({"n_envs": 2, "buffer_size": 201}, "--buffer-size 201 does not divide by --n-envs 2"),
        ({"precision": "bfloat16"}, "option of --fast"),
        ({"arm": "reach-pixel+drq"}, "leave drq out"),
        ({"arm": "pixel-her-norm+simnorm"}, "use --cnn-dim 48"),
        ({"arm": "pixel-her+keypoints", "cnn_dim": 15}, "use --cnn-dim 16"),
        ({"arm": "goal-only+inverse-dynamics"}, "need pixels to be observed"),
        ({"arm": "reach-pixel+moved-half"}, "moved-half needs hindsight replay"),
        ({"arm": "reach-pixel+target-clip"}, "these are dense"),
        ({"arm": "reach-pixel+goal-std", "env": "FetchReach-v4"}, "standardises goals, and none"),
        ({"arm": "reach-pixel"}, "sets --env to FetchReach-v4, and PixelPoint-v0 is given beside"),
        ({"arm": "pixel-her-stack4", "frame_stack": 2}, "sets --frame-stack to 4, and 2 is given"),
        ({"arm": "pixel-her-close-camera", "camera": "top"}, "sets --camera to close, and top"),
        ({"arm": "pixel-her-asymmetric-critic+share"}, "state beside pixels is for an asymmetric"),
        ({"arm": "goal-only+gain"}, "gain is measured on NatureCNN's features"),
        ({"arm": "pixel-her-gain+spatial"}, "gain is measured on NatureCNN's features"),
        ({"arm": "pixel-her-norm+gain"}, "with nothing behind them"),
        ({"arm": "plain", "frames": "disk"}, "leave --frames out"),
        ({"arm": "plain", "n_sampled_goal": 8}, "relabels nothing"),
        ({"gamma": 1.5}, "--gamma must be above 0 and at most 1"),
        ({"ent_coef": "much"}, "--ent-coef much is not SB3's"),
        ({"n_sampled_goal": -1}, "--n-sampled-goal must be at least 0"),
        ({"checkpoint_every": 0}, "at least 1"),
        ({"learning_starts": 24}, "use at least 25"),
        ({"buffer_size": 49}, "a whole episode of the environment while the next is made"),
        ({"buffer_size": 49}, "use --buffer-size 50 or more"),
    ],
)
def test_settings_that_cannot_be_run_are_said_in_one_line(changes, said, tmp_path):
    with pytest.raises(SettingsError) as caught:
        train(settings(tmp_path / "run", **changes))
    assert said in str(caught.value)
    assert not (tmp_path / "run").exists()
