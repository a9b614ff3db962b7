"""A study on a real cluster of three nodes comes out as it does here, though one of them dies."""

import shutil
import threading
import time
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import ray
from helpers.command import goalscope, refused
from ray.cluster_utils import Cluster
from safetensors.torch import load_file

from goalscope.diagnostics.record import last_update, read_run
from goalscope.training.executors.cluster import RayCluster
from goalscope.training.executors.processes import Processes
from goalscope.training.runs.checkpoint.folder import list_checkpoints
from goalscope.training.runs.checkpoint.names import POLICY
from goalscope.training.runs.run import is_finished, train
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings, SettingsError
from goalscope.training.runs.study import run_study
from goalscope.training.runs.study_folder import read_study

STORE = 80 * 2**20


def settings(folder, seed, **changes) -> RunSettings:
    given = {
        "arm": "pixel-her",
        "out": folder / f"pixel-her-seed{seed}",
        "total_steps": 300,
        "seed": seed,
        "learning_starts": 100,
        "batch_size": 16,
        "env": "PixelPoint-v0",
        "image_size": 36,
        "threads": 1,
        "checkpoint_every": 50,
        "every": Cadence(sensitivity=50),
        "evaluation": EvaluationSettings(every=100, episodes=1),
    }
    return RunSettings(**given | changes)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without processors, and two nodes with one each."""
    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        made.add_node(num_cpus=1, memory=4 * 2**30, object_store_memory=STORE)
    yield made
    ray.shutdown()
    made.shutdown()


def once(condition: Callable[[], bool], do: Callable[[], object]) -> threading.Thread:
    def watch() -> None:
        while not condition():
            time.sleep(0.02)
        do()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_study_that_loses_a_node_comes_out_as_it_does_here(cluster, tmp_path):
    runs = [settings(tmp_path / "there", seed) for seed in (0, 1)]
    doomed = next(iter(cluster.worker_nodes))

    def both_train() -> bool:
        begun = all(last_update(run.out) > 20 for run in runs)
        return begun and not any(map(is_finished, runs))

    killing = once(both_train, lambda: cluster.remove_node(doomed, allow_graceful=False))
    run_study(runs, tmp_path / "there", RayCluster(cluster.address, 2, 1.0))
    killing.join()
    assert {run.state for run in read_study(tmp_path / "there")} == {"finished"}
    resumed = []
    for run in runs:
        here = replace(run, out=tmp_path / "here" / run.out.name)
        train(here)
        one, other = read_run(here.out), read_run(run.out)
        assert one.measurements == other.measurements
        assert one.info.settings == other.info.settings
        assert one.info.probe_set == other.info.probe_set
        saved = [list_checkpoints(folder) for folder in (here.out, run.out)]
        assert [c.step for c in saved[0]] == [c.step for c in saved[1]]
        assert [c.resumable for c in saved[0]] == [c.resumable for c in saved[1]]
        weights = [load_file(checkpoints[-1].folder / POLICY) for checkpoints in saved]
        assert all((weights[1][key] == value).all() for key, value in weights[0].items())
        resumed += [line.update > 0 for line in other.resumes]
    assert resumed == [True]  # the one whose node was lost, and not from its beginning


def test_a_study_that_is_stopped_is_saved_and_gone_on_with_here(cluster, tmp_path):
    failing = settings(tmp_path, 0)
    failing.out.mkdir(parents=True)
    (failing.out / "run.json").write_text("{}")  # somebody else's
    stopped = settings(tmp_path, 1, total_steps=5_000, evaluation=EvaluationSettings(every=0))
    begun = once(lambda: last_update(stopped.out) > 20, interrupt_main)
    with pytest.raises(KeyboardInterrupt):
        run_study([failing, stopped], tmp_path, RayCluster(cluster.address, 2, 1.0))
    begun.join()
    first, second = read_study(tmp_path)
    assert (first.state, second.state) == ("failed", "failed")
    assert "already holds a run" in str(first.cause)
    assert str(second.cause).startswith("Stopped: stopped at step ")
    newest = list_checkpoints(stopped.out)[-1]
    assert newest.resumable
    assert newest.step % 50  # saved as it was asked to stop, not at the cadence
    shutil.rmtree(failing.out)
    (again,) = run_study([replace(stopped, total_steps=newest.step + 5)], tmp_path, Processes(1))
    assert len(read_run(again).resumes) == 1


def test_what_no_node_can_train_is_refused(cluster, tmp_path):
    executor = RayCluster(cluster.address, 1, 1.0)
    with pytest.raises(SettingsError, match=r"no node .* needs \(64 CPU, 1\.\d GiB memory\)"):
        executor.submit(settings(tmp_path, 0, threads=64))
    with pytest.raises(
        SettingsError, match=r"no node .* GiB memory\); use a smaller --buffer-size"
    ):
        executor.submit(settings(tmp_path, 0, total_steps=8_000_000))
    with pytest.raises(SettingsError, match="lost with the node; use --frames memory"):
        executor.submit(settings(tmp_path, 0, frames="disk"))


def test_a_cluster_that_is_not_there_is_named_in_one_line(tmp_path):
    arguments = ["study", "pixel-her", "--env", "PixelPoint-v0", "--out", tmp_path / "study"]
    arguments += ["--executor", "ray", "--address", "nowhere:1"]
    refused(goalscope(*arguments), "no Ray cluster at nowhere:1", "ray start --head")
    assert not (tmp_path / "study").exists()
