"""A study on a real cluster of three nodes comes out as it does here, though one of them dies."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import ray
from ray.cluster_utils import Cluster
from safetensors.torch import load_file

from goalscope.diagnostics.record import last_update, read_run
from goalscope.training.executors.cluster import ClusterError, RayCluster
from goalscope.training.executors.processes import Processes
from goalscope.training.runs.checkpoint.folder import POLICY, list_checkpoints
from goalscope.training.runs.run import is_finished
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings, SettingsError
from goalscope.training.runs.study import run_study
from goalscope.training.runs.study_folder import StudyError, read_study

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
    here, there = tmp_path / "here", tmp_path / "there"
    run_study([settings(here, seed) for seed in range(3)], here, Processes(1))
    runs = [settings(there, seed) for seed in range(3)]
    node = next(node for node in cluster.worker_nodes)

    def two_train() -> bool:
        begun = [run for run in runs if last_update(run.out) > 20]
        return len(begun) == 2 and not any(is_finished(run) for run in begun)

    killing = once(two_train, lambda: cluster.remove_node(node, allow_graceful=False))
    t = time.time()
    folders = run_study(runs, there, RayCluster(cluster.address, 3, 1.0))
    print("cluster study", time.time() - t)
    killing.join()
    assert {run.state for run in read_study(there)} == {"finished"}
    resumed = 0
    for folder in folders:
        one, other = read_run(here / folder.name), read_run(folder)
        resumed += len(other.resumes)
        assert one.measurements == other.measurements
        assert one.info.settings == other.info.settings
        assert one.info.probe_set == other.info.probe_set
        ends = [list_checkpoints(at)[-1] for at in (here / folder.name, folder)]
        weights = [load_file(end.folder / POLICY) for end in ends]
        assert all((weights[1][key] == value).all() for key, value in weights[0].items())
        names = [{c.folder.name for c in list_checkpoints(at)} for at in (here / folder.name, folder)]
        assert names[0] == names[1]
    assert resumed == 1
