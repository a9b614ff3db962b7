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
from types import SimpleNamespace

import pytest

from goalscope.diagnostics.material.probe_set import ProbeSetError, gather_probe_set
from goalscope.diagnostics.record import is_run, last_update, read_run
from goalscope.training.envs.making import make_environment
from goalscope.training.executors import processes
from goalscope.training.executors.processes import Processes
from goalscope.training.replay.sizes import GIB
from goalscope.training.runs import capacity, study
from goalscope.training.runs.checkpoint.folder import CheckpointError
from goalscope.training.runs.executor import Change
from goalscope.training.runs.run import train
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
        self.changes, self.ended, self.stopped = [], set(), False

    def submit(self, run):
        self.changes.append(Change(run.out.name, "finished"))

    def poll(self):
        change = self.changes.pop()
        self.ended.add(change.name)
        return [change]

    def stop(self):
        self.stopped = True
        return [Change(change.name, "failed", "stopped") for change in self.changes]


def test_a_study_goes_on_where_its_state_cannot_be_written(tmp_path, monkeypatch, caplog):
    runs = [settings(tmp_path, seed) for seed in (0, 1)]
    (tmp_path / "probe_set.safetensors").touch()  # not gathered, for nobody asks
    refusals = [OSError(errno.ENOSPC, "No space left on device")] * 2

    def write(folder, rows, adaptive):
        if refusals:
            raise refusals.pop()
        write_study(folder, rows, adaptive)

    monkeypatch.setattr(study, "write_study", write)
    done = Done()
    monkeypatch.setattr(study, "is_finished", lambda run: run.out.name in done.ended)
    run_study(runs, tmp_path, done)
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
    assert f"interrupted; {folder} keeps what its runs have saved" in said
    (row,) = read_study(folder)
    assert row.state == "failed"
    assert row.cause.startswith("Interrupted: stopped at step ")
    assert list((run / "checkpoints").iterdir())


def test_a_study_of_other_settings_is_not_mixed_in(tmp_path):
    folder = tmp_path / "study"
    train(settings(folder, 0))
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


def test_a_study_uses_what_one_that_was_killed_left(tmp_path):
    for name in (".lock", "plan.toml"):
        (tmp_path / name).touch()
    run_study([settings(tmp_path, 0)], tmp_path, Processes(1))
    (tmp_path / "study.json").unlink()
    (tmp_path / "comparison").mkdir()  # a page of its runs
    run_study([settings(tmp_path, 0)], tmp_path, Processes(1))


def test_a_run_whose_end_was_not_saved_has_failed(tmp_path):
    (tmp_path / "probe_set.safetensors").touch()
    with pytest.raises(StudyError, match="its end was not saved; started again"):
        run_study([settings(tmp_path, 0)], tmp_path, Done())
    (row,) = read_study(tmp_path)
    assert row.state == "failed"


def test_an_executor_that_fails_leaves_no_run_to_itself(tmp_path):
    class Failing(Done):
        def poll(self):
            raise OSError(errno.EIO, "no answer")

    (tmp_path / "probe_set.safetensors").touch()
    failing = Failing()
    with pytest.raises(OSError, match="no answer"):
        run_study([settings(tmp_path, seed) for seed in (0, 1)], tmp_path, failing)
    assert failing.stopped
    assert {row.cause for row in read_study(tmp_path)} == {"stopped"}


def test_a_run_that_does_not_start_is_listed(tmp_path, monkeypatch):
    def refuse(run):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(processes, "RunProcess", refuse)
    (tmp_path / "probe_set.safetensors").touch()
    with pytest.raises(StudyError, match=r"did not start \(Resource temporarily unavailable\)"):
        run_study([settings(tmp_path, 0)], tmp_path, Processes(1))


def test_runs_side_by_side_share_what_memory_is_free(tmp_path, monkeypatch):
    run = replace(settings(tmp_path, 0), fast=True, buffer_size=200_000, total_steps=200_000)
    free = SimpleNamespace(available=2 * GIB)  # and memory alone would take 0.77 GiB
    monkeypatch.setattr(capacity.psutil, "virtual_memory", lambda: free)
    begun = []
    monkeypatch.setattr(processes, "RunProcess", begun.append)
    last = Processes(8)  # of which no other will be there
    last.submit(run)
    assert last.poll() == [Change(run.out.name, "running")]
    beside = Processes(8)
    for seed in (1, 2):
        beside.submit(replace(run, out=tmp_path / str(seed)))
    beside.poll()
    assert [taken.frames for taken in begun] == [None, "disk"]


def test_a_run_too_large_to_stand_beside_others_fails_alone(tmp_path, monkeypatch):
    free = SimpleNamespace(available=GIB)
    monkeypatch.setattr(capacity.psutil, "virtual_memory", lambda: free)
    monkeypatch.setattr(processes, "RunProcess", lambda run: None)
    taken = Processes(64)
    for seed in range(64):
        run = settings(tmp_path, seed)
        taken.submit(replace(run, buffer_size=20_000, total_steps=20_000) if seed == 5 else run)
    (refused,) = taken.poll()
    assert refused.name == "pixel-her-seed5"
    assert "each of 64 runs at a time: --parallel" in refused.cause
    assert taken.poll() == [Change("pixel-her-seed0", "running")]


LAST_WORDS = """
import os, sys, time
from goalscope.training.runs.console import LastingConsole
console = LastingConsole()
sys.stdin.read()
for word in ("told", "to", "nobody"):
    console.print(word)
print("goes on", file=sys.stderr)
"""


def test_work_goes_on_where_nobody_reads_of_it_any_more():
    process = subprocess.Popen(
        [sys.executable, "-c", LAST_WORDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    _, said = process.communicate("", timeout=60)
    assert (process.returncode, said) == (0, "goes on\n")
