"""A study: several runs side by side, each in a process of its own."""

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from goalscope.diagnostics.record import PROBE_SET_FILE, last_update
from goalscope.training.run import RunSettings, make_probe_set, train

POLL_SECONDS = 1.0


class StudyError(Exception):
    """A study in which runs failed; the message is one line and names them."""


def run_study(runs: Sequence[RunSettings], folder: Path, parallel: int) -> list[Path]:
    """Train the runs, `parallel` at a time, and return their folders in the order given.

    The probe set is gathered once, stored in the study's folder, and given to every run. The cores
    are shared out evenly, so that runs do not slow each other down by changing places.

    Args:
        runs: the runs, all on one environment.
        folder: the study's folder; made if missing.
        parallel: runs at a time, at least 1.

    Raises:
        StudyError: runs failed; the others are whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    probe_file = folder / PROBE_SET_FILE
    make_probe_set(runs[0].environment).save(probe_file)
    threads = max(1, (os.cpu_count() or 1) // parallel)
    ready = [replace(run, probe_set=probe_file, threads=run.threads or threads) for run in runs]
    # Fresh interpreters: neither torch's threads nor an OpenGL context survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(parallel, mp_context=context, max_tasks_per_child=1) as pool:
        futures = [pool.submit(train, run) for run in ready]
        _show_progress(ready, futures)
    errors = [
        f"{run.out.name} ({error})"
        for run, future in zip(ready, futures, strict=True)
        if (error := future.exception()) is not None
    ]
    if errors:
        raise StudyError(f"{len(errors)} of {len(runs)} runs failed: {'; '.join(errors)}")
    return [run.out for run in ready]


def _show_progress(runs: Sequence[RunSettings], futures: Sequence[Future[Path]]) -> None:
    """Draw a bar per run from its record until all have ended."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("updates"),
        TimeRemainingColumn(),
    )
    console = Console()
    with Progress(*columns, console=console) as progress:
        bars = [progress.add_task(run.out.name, total=run.updates) for run in runs]
        while True:
            for run, future, bar in zip(runs, futures, bars, strict=True):
                done = future.done() and future.exception() is None
                progress.update(bar, completed=run.updates if done else last_update(run.out))
            if all(future.done() for future in futures):
                return
            time.sleep(POLL_SECONDS)
