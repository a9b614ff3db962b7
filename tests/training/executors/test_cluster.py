"""A study on a real cluster of three nodes comes out as it does here, though one of them dies."""

import shutil
from _thread import interrupt_main
from collections.abc import Iterator
from dataclasses import replace

import pytest
import ray
from helpers.command import goalscope, refused
from ray.cluster_utils import Cluster

from benchmarks.chaos.cluster import (
    differences,
    once,
    small_run,
    study_that_loses_a_node,
    three_nodes,
)
from goalscope.diagnostics.record import (
    Line,
    RecordWriter,
    RunInfo,
    is_run,
    last_update,
    read_run,
)
from goalscope.diagnostics.record.metrics import SUCCESS_RATE
from goalscope.training.executors.cluster import RayCluster
from goalscope.training.executors.processes import Processes
from goalscope.training.runs import study
from goalscope.training.runs.checkpoint.folder import list_checkpoints
from goalscope.training.runs.run import train
from goalscope.training.runs.settings import SettingsError
from goalscope.training.runs.study import run_study
from goalscope.training.runs.study_folder import read_study
from goalscope.underway import adaptive
from goalscope.underway.adaptive import AdaptiveSeeds

pytestmark = pytest.mark.usefixtures("all_states")  # runs of other processes are compared with


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with three_nodes() as made:
        yield made


@pytest.fixture(autouse=True)
def one_driver() -> Iterator[None]:
    """Each test is a program of its own to the cluster."""
    yield
    ray.shutdown()


@pytest.mark.slow  # a minute, in which Ray waits to be sure that the node is gone
def test_a_study_that_loses_a_node_comes_out_as_it_does_here(cluster, tmp_path, caplog):
    runs = [small_run(tmp_path / "there", seed) for seed in (0, 1)]
    (runs[0].out / "checkpoints").mkdir(parents=True)  # cut off here before its first step
    (runs[0].out / "run.json").write_text("{}")
    study_that_loses_a_node(cluster, runs, tmp_path / "there", update=20)
    lost = [message for message in caplog.messages if "its node was lost" in message]
    assert len(lost) == 1  # not sent once more to the node that is gone
    assert {run.state for run in read_study(tmp_path / "there")} == {"finished"}
    resumed = []
    for run in runs:
        here = replace(run, out=tmp_path / "here" / run.out.name)
        train(here)
        assert differences(here.out, run.out) == []
        resumed += [line.step > 0 for line in read_run(run.out).resumes]
    assert resumed == [True]  # the one whose node was lost, and not from its beginning


def test_a_study_that_is_stopped_is_saved_and_gone_on_with_here(cluster, tmp_path):
    failing = small_run(tmp_path, 0)
    failing.out.mkdir(parents=True)
    (failing.out / "run.json").write_text("{}")  # somebody else's
    stopped = replace(small_run(tmp_path, 1), total_steps=5_000)
    begun = once(lambda: last_update(stopped.out) > 20, interrupt_main)
    with pytest.raises(KeyboardInterrupt):
        run_study([failing, stopped], tmp_path, RayCluster(cluster.address, 2, 1.0))
    begun.join()
    first, second = read_study(tmp_path)
    assert (first.state, second.state) == ("failed", "failed")
    assert "already holds a run" in str(first.cause)
    newest = list_checkpoints(stopped.out)[-1]
    assert newest.resumable
    assert f"stopped at step {newest.step:,}," in str(second.cause)  # that is what came back
    shutil.rmtree(failing.out)
    (again,) = run_study([replace(stopped, total_steps=newest.step + 5)], tmp_path, Processes(1))
    assert len(read_run(again).resumes) == 1


@pytest.mark.slow  # four runs, each in a process of its own
def test_adaptive_seeds_are_looked_at_as_they_come_home(cluster, tmp_path, monkeypatch):
    arms = ("pixel-her", "pixel-her-norm")
    runs = [
        replace(run, arm=arm, out=tmp_path / f"{arm}-seed{seed}", total_steps=120)
        for seed in range(5)
        for arm in arms
        for run in [small_run(tmp_path, seed)]
    ]
    for run in runs[:6]:  # trained before: three seeds of four that are looked at together
        writer = RecordWriter(run.out, RunInfo(arm=run.arm, seed=run.seed))
        writer.write(Line(0, 0, {SUCCESS_RATE.key(): 0.0}))
        writer.close()
    monkeypatch.setattr(study, "is_finished", lambda run: is_run(run.out))
    measured = adaptive._final_success

    def told_apart(run):
        assert 0 <= measured(run) <= 1
        return 0.01 * int(run.name[-1]) + ("norm" in run.name)

    monkeypatch.setattr(adaptive, "_final_success", told_apart)
    seeds = AdaptiveSeeds(arms, range(5), 4, tmp_path / "study.json")
    run_study(runs, tmp_path, RayCluster(cluster.address, 2, 1.0), adaptive=seeds)
    states = {(run.arm, run.seed): run.state for run in read_study(tmp_path)}
    assert [states[arm, 3] for arm in arms] == ["finished", "finished"]
    assert [states[arm, 4] for arm in arms] == ["settled", "settled"]
    assert read_run(runs[6].out).end.step == 120  # trained there, and whole here


def test_what_no_node_can_train_is_refused(cluster, tmp_path):
    executor, run = RayCluster(cluster.address, 1, 1.0), small_run(tmp_path, 0)
    with pytest.raises(SettingsError, match=r"no node .* needs \(64 CPU, 1\.\d GiB memory\)"):
        executor.submit(replace(run, threads=64))
    with pytest.raises(
        SettingsError, match=r"no node .* GiB memory\); use a smaller --buffer-size"
    ):
        executor.submit(replace(run, total_steps=8_000_000))
    with pytest.raises(SettingsError, match="lost with the node; use --frames memory"):
        executor.submit(replace(run, frames="disk"))


def test_a_cluster_that_is_not_there_is_named_in_one_line(tmp_path):
    arguments = ["study", "pixel-her", "--env", "PixelPoint-v0", "--out", tmp_path / "study"]
    arguments += ["--executor", "ray", "--address", "nowhere:1"]
    refused(goalscope(*arguments), "no Ray cluster at nowhere:1", "ray start --head")
    assert not (tmp_path / "study").exists()
