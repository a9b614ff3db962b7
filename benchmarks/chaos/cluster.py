"""Nodes of a cluster die in the middle of studies, which must come out as if none had."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from benchmarks.chaos.row import Row
from benchmarks.chaos.runs import differences
from goalscope.diagnostics.record import last_update, read_run
from goalscope.training.executors.cluster import RayCluster
from goalscope.training.runs.run import is_finished, train
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings
from goalscope.training.runs.study import run_study

_STORE_BYTES = 80 * 2**20
_MEMORY_BYTES = 4 * 2**30


@contextmanager
def three_nodes() -> Iterator[Cluster]:
    """Inside there is a cluster: a head without processors, and two nodes with one each."""
    head = {"num_cpus": 0, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            add_node(cluster)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def add_node(cluster: Cluster) -> None:
    """Give a cluster one more node, with room for one run."""
    cluster.add_node(num_cpus=1, memory=_MEMORY_BYTES, object_store_memory=_STORE_BYTES)


def small_run(folder: Path, seed: int) -> RunSettings:
    """Return a run of some hundred updates, evaluated and saved on its way."""
    return RunSettings(
        arm="pixel-her",
        out=folder / f"pixel-her-seed{seed}",
        total_steps=300,
        seed=seed,
        learning_starts=100,
        batch_size=16,
        net_arch=(16,),
        env="PixelPoint-v0",
        image_size=36,
        threads=1,
        checkpoint_every=50,
        every=Cadence(sensitivity=50),
        evaluation=EvaluationSettings(every=100, episodes=1),
    )


def once(condition: Callable[[], bool], do: Callable[[], object]) -> threading.Thread:
    """Do something as soon as a condition holds; return the thread that waits for it."""

    def watch() -> None:
        while not condition():
            time.sleep(0.02)
        do()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def study_that_loses_a_node(
    cluster: Cluster, runs: Sequence[RunSettings], folder: Path, update: int
) -> None:
    """Train two runs, a node each; one node dies once both have made so many updates."""
    doomed = next(iter(cluster.worker_nodes))

    def both_train() -> bool:
        return all(last_update(run.out) >= update for run in runs)

    killing = once(both_train, lambda: cluster.remove_node(doomed, allow_graceful=False))
    try:
        run_study(runs, folder, RayCluster(cluster.address, len(runs), 1.0))
    finally:
        ray.shutdown()  # a process has one connection, and the next study makes its own
    killing.join()


def trials(budget_s: float) -> list[Row]:
    """Kill nodes, at another update each time, until the time is used up; once at least."""
    ends = time.monotonic() + budget_s
    failures: list[str] = []
    tries = resumed = 0
    with tempfile.TemporaryDirectory() as scratch, three_nodes() as cluster:
        alone = [small_run(Path(scratch) / "here", seed) for seed in (0, 1)]
        for run in alone:
            train(run)
        longest = 0.0
        while tries == 0 or time.monotonic() + longest < ends:
            begun = time.monotonic()
            folder = Path(scratch) / f"try{tries}"
            runs = [replace(run, out=folder / run.out.name) for run in alone]
            study_that_loses_a_node(cluster, runs, folder, update=5 + 37 * tries % 150)
            for here, there in zip(alone, runs, strict=True):
                whole = is_finished(there)
                wrong = (
                    differences(here.out, there.out) if whole else ["it did not come to its end"]
                )
                failures += [f"{there.out.name} of try {tries + 1}: {what}" for what in wrong]
                resumed += len(read_run(there.out).resumes)
            shutil.rmtree(folder)
            add_node(cluster)
            tries, longest = tries + 1, max(longest, time.monotonic() - begun)
    return [
        Row(
            "a node of a Ray cluster dies in mid-study: the run on it goes on elsewhere, and "
            "weights, and measurements but for those that begin anew in a resumed run, equal those "
            "of an undisturbed run",
            tries,
            len(failures),
            f"{resumed} runs went on from a checkpoint; "
            + (failures[0] if failures else "all equal bit for bit"),
        )
    ]
