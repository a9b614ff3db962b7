"""A study keeps its failures, goes on without them, and does only what is missing."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from goalscope.diagnostics.material.probe_set import ProbeSetError, gather_probe_set
from goalscope.diagnostics.record import is_run, last_update, read_run
from goalscope.training.envs.making import make_environment
from goalscope.training.executors.processes import Processes
from goalscope.training.runs import study
from goalscope.training.runs.checkpoint.folder import CheckpointError
from goalscope.training.runs.executor import Change
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings
from goalscope.training.runs.study import run_study
from goalscope.training.runs.study_folder import StudyError, read_study, write_study


def settings(folder, seed) -> RunSettings:
    return RunSettings(
        arm="pixel-her",
        out=folder / f"pixel-her-seed{seed}",
        total_steps=103,
        seed=seed,
        learning_starts=100,
        batch_size=16,
        net_arch=(16,),
        env="PixelPoint-v0",
        image_size=36,
        every=Cadence(sensitivity=50),
        evaluation=EvaluationSettings(every=0),
    )


def kill_once_it_trains(run: RunSettings) -> None:
    while not (run.out / "run.json").exists():
        time.sleep(0.01)
    os.kill(int((run.out / ".lock").read_text()), signal.SIGKILL)


def test_failed_runs_are_listed_and_only_what_is_missing_is_done_again(tmp_path):
    folder = tmp_path / "study"
    runs = [settings(folder, seed) for seed in (0, 1, 2)]
    runs[0].out.mkdir(parents=True)
    (runs[0].out / "run.json").write_text("{}")  # somebody else's
    threading.Thread(target=kill_once_it_trains, args=(runs[1],)).start()
    with pytest.raises(StudyError, match=r"2 of 3 runs failed: pixel-her-seed0 .*already holds"):
        run_study(runs, folder, Processes(2))
    assert read_run(runs[2].out).end is not None
    failures = [run for run in read_study(folder) if run.state == "failed"]
    assert [run.name for run in failures] == ["pixel-her-seed0", "pixel-her-seed1"]
    assert failures[1].cause == "its process was ended by signal 9"
    states = [row["state"] for row in json.loads((folder / "study.json").read_text())["runs"]]
    assert states == ["failed", "failed", "finished"]
    written = (runs[2].out / "measurements.jsonl").stat().st_mtime_ns
    (runs[0].out / "run.json").unlink()
    assert run_study(runs, folder, Processes(2)) == [run.out for run in runs]
    assert {run.state for run in read_study(folder)} == {"finished"}
    assert (runs[2].out / "measurements.jsonl").stat().st_mtime_ns == written
    digests = {read_run(run.out).info.probe_set["sha256"] for run in runs}
    assert len(digests) == 1


class Done:
    """Has trained each run as soon as it is asked."""

    threads = 1

    def __init__(self):
        self.changes = []

    def submit(self, run):
        self.changes.append(Change(run.out.name, "finished"))

    def poll(self):
        return [self.changes.pop()] if self.changes else []


def test_a_study_goes_on_where_its_state_cannot_be_written(tmp_path, monkeypatch, caplog):
    runs = [settings(tmp_path, seed) for seed in (0, 1)]
    (tmp_path / "probe_set.safetensors").touch()  # not gathered, for nobody asks
    refusals = [OSError(errno.ENOSPC, "No space left on device")] * 2

    def write(folder, rows, adaptive):
        if refusals:
            raise refusals.pop()
        write_study(folder, rows, adaptive)

    monkeypatch.setattr(study, "write_study", write)
    run_study(runs, tmp_path, Done())
    assert caplog.text.count("No space left on device") == 1
    assert [row.state for row in read_study(tmp_path)] == ["finished", "finished"]


def test_a_study_that_is_asked_to_end_saves_its_runs(tmp_path):
    folder = tmp_path / "study"
    run = folder / "pixel-her-seed0"
    command = [sys.executable, "-m", "goalscope.cli.main", "study", "pixel-her", "--seeds", "0"]
    command += ["--env", "PixelPoint-v0", "--image-size", "36", "--net-arch", "16"]
    command += ["--batch-size", "16", "--learning-starts", "25", "--out", str(folder)]
    command += ["--evaluation.every", "0", "--threads", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not is_run(run) or last_update(run) < 1:
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "interrupted" in said
    (row,) = read_study(folder)
    assert row.state == "failed"
    assert row.cause.startswith("Interrupted: stopped at step ")
    assert list((run / "checkpoints").iterdir())


def test_a_study_of_other_settings_is_not_mixed_in(tmp_path):
    folder = tmp_path / "study"
    run_study([settings(folder, 0)], folder, Processes(1))
    other = [replace(settings(folder, seed), lr=0.01) for seed in (0, 1)]
    with pytest.raises(CheckpointError, match=r"holds a run with other settings: .*learning_rate"):
        run_study(other, folder, Processes(1))
    assert not other[1].out.exists()


def test_a_study_takes_the_probe_set_it_is_given(tmp_path):
    folder, file = tmp_path / "study", tmp_path / "mine.safetensors"
    env = make_environment(settings(folder, 0).environment)
    mine = gather_probe_set(env, 16, seed=3)
    mine.save(file)
    runs = [replace(settings(folder, 0), probe_set=file)]
    run_study(runs, folder, Processes(1))
    assert read_run(runs[0].out).info.probe_set["sha256"] == mine.sha256
    gather_probe_set(env, 16, seed=4).save(file)
    with pytest.raises(StudyError, match="with another probe set than"):
        run_study(runs, folder, Processes(1))
    with pytest.raises(ProbeSetError, match="nowhere"):
        run_study([replace(runs[0], probe_set=tmp_path / "nowhere")], folder, Processes(1))
