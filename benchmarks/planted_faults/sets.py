"""Which runs there are, and the making of those that are missing, several at a time."""

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.planted_faults.faults import FAULTS, PAIRS, Planting, plantings
from benchmarks.planted_faults.running import Outcome, PlannedRun, make_run, read_outcome
from goalscope.diagnostics.record import last_update

SetName = Literal["blind", "known", "developing", "controls", "combinations", "learning", "setting"]
SCORED: tuple[SetName, ...] = (
    "blind",
    "known",
    "developing",
    "controls",
    "combinations",
    "learning",
)
SEEDS: Mapping[SetName, tuple[int, ...]] = {
    "blind": (0,),  # each in two tasks; runs of one fault are alike, and more tell little more
    "known": (1,),
    "developing": (0,),
    "controls": tuple(range(20, 27)),  # those before were looked at as thresholds were set
    "combinations": (0,),
    "learning": (0,),
    "setting": (100, 101, 102),  # known faults and controls: what thresholds may be set on
}
LEARNING_UPDATES = 1_900
DEVELOPING_UPDATES = 800  # of which a quarter are healthy
_SLOW_TO_LEARN = ("push_state", "push_state_td3")  # a hundred times as long
_POLL_SECONDS = 2.0


def planned_runs(name: SetName, folder: Path) -> list[PlannedRun]:
    """Return the runs of a set, seed by seed.

    Args:
        name: of the set.
        folder: of all sets.
    """
    runs = [
        PlannedRun(planted, seed, _updates(name, planted), folder)
        for seed in SEEDS[name]
        for fault in _names(name)
        for planted in plantings(fault)
    ]
    return [replace(run, folder=folder / name / run.name) for run in runs]


def _updates(name: SetName, planted: Planting) -> int:
    least = {"learning": LEARNING_UPDATES, "developing": DEVELOPING_UPDATES}.get(name, 0)
    return max(least, planted.ground.updates)


def _names(name: SetName) -> list[str]:
    if name == "combinations":
        return ["+".join(pair) for pair in PAIRS]
    kinds = {
        "blind": ("blind",),
        "known": ("known",),
        "developing": ("developing",),
        "setting": ("known", "control"),
    }.get(name, ("control",))
    return [
        fault.name
        for fault in FAULTS.values()
        if fault.kind in kinds and not (name == "learning" and fault.grounds[0] in _SLOW_TO_LEARN)
    ]


def make_missing(runs: Sequence[PlannedRun], parallel: int) -> None:
    """Make the runs that have not been made to their end, and draw how far they are.

    Args:
        runs: all of them.
        parallel: processes, each with one thread of torch.

    Raises:
        BrokenProcessPool: a process died; what was finished is kept, start again for the rest.
    """
    missing = [run for run in runs if read_outcome(run) is None]
    os.environ["OMP_NUM_THREADS"] = "1"  # inherited, and read as torch is imported
    context = multiprocessing.get_context("spawn")  # an OpenGL context does not survive a fork
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("runs"),
        TimeRemainingColumn(),
    )
    with (
        Progress(*columns, console=Console()) as progress,
        # Python 3.11 hangs where max_tasks_per_child is reached with work left (cpython 115634).
        ProcessPoolExecutor(parallel, mp_context=context) as pool,
    ):
        bar = progress.add_task("", total=len(runs), completed=len(runs) - len(missing))
        waiting: dict[Future[object], PlannedRun] = {}
        try:
            waiting = {pool.submit(_make, *_told(run)): run for run in missing}
            while waiting:
                done, _ = wait(waiting, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    run = waiting.pop(future)
                    outcome = future.result()
                    progress.console.print(f"{run.name}: {outcome}", highlight=False)
                    progress.advance(bar)
                progress.update(bar, description=_running(waiting))
        except BaseException:
            for future in waiting:
                future.cancel()
            raise


def _told(run: PlannedRun) -> tuple[str, str, int, int, Path]:
    """Return what tells a run to another process, which no function is sent to."""
    return run.planted.name, run.planted.ground_name, run.seed, run.updates, run.folder


def _make(name: str, ground: str, seed: int, updates: int, folder: Path) -> Outcome:
    (planted,) = (one for one in plantings(name) if one.ground_name == ground)
    return make_run(PlannedRun(planted, seed, updates, folder))


def _running(waiting: dict[Future[object], PlannedRun]) -> str:
    """Return the runs under way, and how far each is."""
    running = [run for future, run in waiting.items() if future.running()]
    started = [run for run in running if run.folder.exists()]
    return ", ".join(f"{run.name} {last_update(run.folder)}/{run.updates}" for run in started)
