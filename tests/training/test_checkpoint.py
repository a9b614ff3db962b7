"""A checkpoint is whole or not there, and says what is wrong with it."""

import errno
import hashlib
import json
import shutil
from dataclasses import replace
from functools import reduce
from operator import getitem

import pytest
import torch
from safetensors.torch import load_file, save_file

from goalscope.diagnostics.record import read_run
from goalscope.errors import EnvironmentLost
from goalscope.training.runs.checkpoint import folder as checkpoints
from goalscope.training.runs.checkpoint.agent_state import _like
from goalscope.training.runs.checkpoint.folder import CheckpointError, list_checkpoints
from goalscope.training.runs.run import train
from goalscope.training.runs.saving import CheckpointCallback
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings


def settings(out, total_steps=80) -> RunSettings:
    return RunSettings(
        arm="pixel-her",
        out=out,
        total_steps=total_steps,
        learning_starts=40,
        batch_size=16,
        net_arch=(16,),
        env="PixelPoint-v0",
        image_size=36,
        every=Cadence(sensitivity=50),
        evaluation=EvaluationSettings(every=0),
        checkpoint_every=40,
        fast=True,
        threads=1,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return train(settings(tmp_path_factory.mktemp("runs") / "run"))


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def test_weights_stay_and_only_the_newest_can_be_gone_on_with(run):
    found = list_checkpoints(run)
    assert [checkpoint.step for checkpoint in found] == [0, 40, 80]
    assert [checkpoint.resumable for checkpoint in found] == [False, False, True]
    assert all((checkpoint.folder / "policy.safetensors").is_file() for checkpoint in found)
    assert not [path for path in run.rglob("*") if path.suffix in (".pkl", ".pt", ".pth", ".zip")]


def spoil_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "name", ["policy.safetensors", "resume/state.safetensors", "resume/state.json"]
)
@pytest.mark.parametrize("spoil", [spoil_half, flip_a_bit, lambda path: path.unlink()])
def test_a_damaged_file_is_named(run, name, spoil):
    spoil(list_checkpoints(run)[-1].folder / name)
    record = (run / "measurements.jsonl").read_bytes()
    with pytest.raises(CheckpointError, match="missing or damaged") as caught:
        train(settings(run, 300))
    assert name in str(caught.value)
    assert (run / "measurements.jsonl").read_bytes() == record


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("step", -1, "step: expected `int` >= 0"),
        ("episodes", "many", "episodes: expected `int`"),
        ("environments", [3], r"environments\[0\]: expected `mapping`"),
        ("environments", [{"generator": 3}], "cannot be read"),
        ("generator.numpy", ["MT19937", [1] * 624, 10**9, 0, 0.0], "<= 624"),
        ("generator.python", [3, [2**40], None], "expected `int`"),
        ("recent_successes", None, "recent_successes: expected `list`"),
        ("callbacks", {}, "callbacks: mapping missing required field `diagnostics`"),
        ("callbacks.diagnostics.lines", "all", "callbacks.diagnostics.lines: expected `int`"),
        ("callbacks.diagnostics.failures", [3], "callbacks.diagnostics.failures: expected"),
        (
            "callbacks.diagnostics.instruments.training_state.returns",
            [[]],
            r"training_state.returns\[0\]: expected `float`",
        ),
        ("callbacks.diagnostics.instruments.transitions", {}, "missing required field `update`"),
    ],
)
def test_a_state_that_no_run_saves_is_refused_in_one_line(run, key, value, says):
    newest = list_checkpoints(run)[-1].folder
    state, description = newest / "resume/state.json", newest / "checkpoint.json"
    content = json.loads(state.read_text())
    *path, name = key.split(".") if key.startswith("callbacks") else [key]
    reduce(getitem, path, content)[name] = value
    state.write_text(json.dumps(content))
    described = json.loads(description.read_text())
    described["sha256"]["resume/state.json"] = hashlib.sha256(state.read_bytes()).hexdigest()
    description.write_text(json.dumps(described))
    with pytest.raises(CheckpointError, match=says) as caught:
        train(settings(run, 300))
    assert "\n" not in str(caught.value)


def test_an_environment_that_dies_as_it_is_restored_is_not_the_checkpoint_s_fault(run, monkeypatch):
    def lose(*_):
        raise EnvironmentLost("the process of environment 0 (1) was ended by signal 9")

    monkeypatch.setattr(checkpoints, "restore_state", lose)
    with pytest.raises(EnvironmentLost, match="the process of environment 0"):
        train(settings(run, 300))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_run_begun_on_a_gpu_goes_on_without_one(run):
    newest = list_checkpoints(run)[-1].folder
    state, description = newest / "resume/state.safetensors", newest / "checkpoint.json"
    save_file(load_file(state) | {"generator.cuda": torch.zeros(16, dtype=torch.uint8)}, state)
    content = json.loads(description.read_text())
    digest = hashlib.sha256(state.read_bytes()).hexdigest()
    content["sha256"]["resume/state.safetensors"] = digest
    description.write_text(json.dumps(content))
    assert read_run(train(settings(run, 120))).end.step == 120


@pytest.mark.parametrize("options", [{"fused": True}, {"capturable": True}, {}])
def test_a_step_count_is_put_where_torch_keeps_it(options):
    """A fused step on a GPU reads its count there; the device "meta" stands for one."""
    parameter = torch.nn.Parameter(torch.zeros(3, device="meta"))
    optimizer = torch.optim.Adam([parameter])
    optimizer.param_groups[0].update(options)
    saved = {"step": torch.tensor(5.0), "exp_avg": torch.zeros(3), "exp_avg_sq": torch.zeros(3)}
    content = {"state": {0: saved}, "param_groups": optimizer.state_dict()["param_groups"]}
    optimizer.load_state_dict(content)
    torchs = {key: value.device for key, value in optimizer.state[parameter].items()}
    group = optimizer.param_groups[0]
    ours = {key: _like(value, parameter, group).device for key, value in saved.items()}
    assert ours == torchs


def test_damaged_replay_is_said(run):
    files = sorted((list_checkpoints(run)[-1].folder / "resume/replay").rglob("*"))
    spoil_half(max(files, key=lambda path: path.stat().st_size))
    with pytest.raises(Exception, match=r"replay") as caught:
        train(settings(run, 300))
    assert type(caught.value).__name__ in ("CheckpointError", "ReplayStateError")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 99}, "checkpoint schema 99"),
        ({"goalscope": "other"}, "was not written by goalscope"),
    ],
)
def test_a_foreign_checkpoint_is_refused(run, change, said):
    path = list_checkpoints(run)[-1].folder / "checkpoint.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=said):
        train(settings(run, 300))


def test_a_truncated_description_is_refused(run):
    spoil_half(list_checkpoints(run)[-1].folder / "checkpoint.json")
    with pytest.raises(CheckpointError, match="is not JSON"):
        train(settings(run, 300))


def killed_after_failed_saves(out, monkeypatch, frames, fails, at):
    """Train with a full ring until a step, no save from step 90 on having come to its end."""

    class Killed(BaseException):
        pass

    asked = replace(
        settings(out, 130), buffer_size=50, learning_starts=50, checkpoint_every=10, frames=frames
    )
    real, begun = checkpoints.write_json_atomically, CheckpointCallback._on_rollout_start

    def full(path, content):
        step = content["step"] if path.name == fails and "step" in content else 0
        if step >= 90:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, content)

    def kill(callback):
        begun(callback)
        if callback.model.num_timesteps == at:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "write_json_atomically", full)
        patched.setattr(CheckpointCallback, "_on_rollout_start", kill)
        with pytest.raises(Killed):
            train(asked)
    return asked


@pytest.mark.parametrize(
    ("frames", "fails", "at"),
    [
        ("memory", "checkpoint.json", 95),
        pytest.param("memory", "checkpoint.json", 115, marks=pytest.mark.slow),
        ("memory", "state.json", 115),
        pytest.param("disk", "checkpoint.json", 91, marks=pytest.mark.slow),
        ("disk", "state.json", 91),
    ],
)
def test_the_checkpoint_before_a_failed_one_can_be_gone_on_with(
    tmp_path, monkeypatch, caplog, frames, fails, at
):
    """Replay is full, and what comes after the last whole checkpoint is written over the oldest."""
    again = killed_after_failed_saves(tmp_path / "run", monkeypatch, frames, fails, at)
    assert list_checkpoints(again.out)[-1].step == 80
    assert ("frames on disk are written over" in caplog.text) == (frames == "disk")
    train(again)
    assert list_checkpoints(again.out)[-1].step == 130


def test_what_a_killed_process_left_is_cleared_by_the_next_save(run):
    left = run / "checkpoints" / ".draft-000000073"
    (left / "resume").mkdir(parents=True)
    train(settings(run, 300))
    assert not left.exists()


def test_a_file_of_the_user_s_among_checkpoints_does_not_end_the_run(tmp_path, monkeypatch):
    begun = CheckpointCallback._on_training_start

    def noted(callback):
        begun(callback)
        (tmp_path / "run" / "checkpoints").mkdir(exist_ok=True)
        (tmp_path / "run" / "checkpoints" / "notes.txt").write_text("mine")

    monkeypatch.setattr(CheckpointCallback, "_on_training_start", noted)
    out = train(settings(tmp_path / "run"))
    assert read_run(out).end is not None


def test_a_folder_that_is_not_ours_is_refused(run):
    (run / "checkpoints" / "holiday").mkdir()
    with pytest.raises(CheckpointError, match="is no checkpoint of goalscope"):
        train(settings(run, 300))


def test_a_full_disk_costs_the_checkpoint_and_not_the_run(tmp_path, monkeypatch, caplog):
    real = checkpoints._save_tensors
    calls = []

    def full(path, tensors):
        calls.append(path)
        if len(calls) == 3:  # the weights of the second checkpoint
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, tensors)

    monkeypatch.setattr(checkpoints, "_save_tensors", full)
    out = train(settings(tmp_path / "run"))
    assert [checkpoint.step for checkpoint in list_checkpoints(out)] == [0, 80]
    assert not list((out / "checkpoints").glob(".draft*"))
    assert "No space left on device" in caplog.text
    run = read_run(out)
    assert run.end is not None
    assert [line.details["instrument"] for line in run.failures] == ["checkpoint"]
