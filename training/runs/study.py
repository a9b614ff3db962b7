"""A study: several runs side by side, each in a process of its own."""

import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from goalscope.diagnostics.record import PROBE_SET_FILE, last_update
from goalscope.diagnostics.updates.schedule import DENSE_UPDATES
from goalscope.training.runs.interrupts import interrupts_kept_from_workers
from goalscope.training.runs.lock import locked
from goalscope.training.runs.pace import Pace, duration
from goalscope.training.runs.run import can_gather, is_finished, make_probe_set, train
from goalscope.training.runs.settings import RunSettings, SettingsError
from goalscope.training.runs.study_folder import (
    STUDY_FILE,
    StudyError,
    StudyRun,
    keep_plan,
    write_study,
)
from goalscope.training.runs.validation import check

_POLL_SECONDS = 0.5


def run_study(
    runs: Sequence[RunSettings], folder: Path, parallel: int, plan: Path | None = None
) -> list[Path]:
    """Train the runs, `parallel` at a time, and return their folders in the order given.

    The probe set is gathered once, stored in the study's folder, and given to every run that
    observes as the first does. The cores are shared out evenly, so that runs do not slow each other
    down by changing places. A run that fails, or whose process dies, is listed in study.json with
    its cause, and the rest go on. Started again, a study does what is missing.

    Args:
        runs: the runs.
        folder: the study's folder; made if missing.
        parallel: runs at a time, at least 1.
        plan: the plan file that the runs were read from; kept in the folder.

    Raises:
        RunLocked: another process works on the study.
        SettingsError, UnknownArm: a run cannot be run; nothing was started.
        StudyError: runs failed, and the others are whole; or the folder holds another plan.
        KeyboardInterrupt: interrupted; the runs under way were saved first.
    """
    _check(runs, parallel)
    with locked(folder, worth_keeping=(folder / STUDY_FILE).exists):
        if plan is not None:
            keep_plan(plan, folder)
        probe_file = folder / PROBE_SET_FILE
        first = runs[0].environment
        if can_gather(first) and not probe_file.exists():
            make_probe_set(first).save(probe_file)
        threads = max(1, (os.cpu_count() or 1) // parallel)
        ready = [
            replace(
                run,
                probe_set=probe_file if can_gather(first) and run.environment == first else None,
                threads=run.threads or threads,
            )
            for run in runs
        ]
        failures = _Workers(ready, folder, parallel).work()
    if failures:
        listed = "; ".join(f"{name} ({cause})" for name, cause in failures.items())
        raise StudyError(f"{len(failures)} of {len(runs)} runs failed: {listed}")
    return [run.out for run in ready]


def _check(runs: Sequence[RunSettings], parallel: int) -> None:
    if not runs:
        raise SettingsError("a study needs an arm and a seed or more; see: goalscope study --help")
    if parallel < 1:
        raise SettingsError(f"--parallel must be at least 1, and {parallel} is not")
    for run in runs:
        check(run)
    names = [run.out.name for run in runs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"the study would make {twice} twice; name each arm and seed once")


@dataclass
class _Worker:
    run: RunSettings
    process: BaseProcess
    said: Connection


class _Workers:
    """The processes of a study."""

    def __init__(self, runs: Sequence[RunSettings], folder: Path, parallel: int) -> None:
        self._runs = runs
        self._folder = folder
        self._parallel = parallel
        self._states = {run.out.name: "finished" if is_finished(run) else "waiting" for run in runs}
        self._causes: dict[str, str] = {}

    def work(self) -> dict[str, str]:
        """Train all that is missing and return run -> cause of those that failed."""
        waiting = [run for run in self._runs if self._states[run.out.name] == "waiting"]
        working: list[_Worker] = []
        self._write()
        try:
            with _Bars(self._runs) as bars:
                while waiting or working:
                    while waiting and len(working) < self._parallel:
                        with interrupts_kept_from_workers():  # they are asked to end with SIGTERM
                            working.append(self._start(waiting.pop(0)))
                    time.sleep(_POLL_SECONDS)
                    ended = [worker for worker in working if not worker.process.is_alive()]
                    for worker in ended:
                        working.remove(worker)
                        self._end(worker)
                    bars.update(self._states)
        except KeyboardInterrupt:
            for worker in working:  # each saves itself and ends
                worker.process.terminate()
            for worker in working:
                worker.process.join()
                self._end(worker)
            raise
        return self._causes

    def _start(self, run: RunSettings) -> _Worker:
        # A fresh interpreter: neither torch's threads nor an OpenGL context survive a fork.
        context = multiprocessing.get_context("spawn")
        said, says = context.Pipe(duplex=False)
        process = context.Process(target=_train, args=(run, says), name=run.out.name)
        process.start()
        says.close()
        self._states[run.out.name] = "running"
        self._write()
        return _Worker(run, process, said)

    def _end(self, worker: _Worker) -> None:
        name, code = worker.run.out.name, worker.process.exitcode
        self._states[name] = "finished" if code == 0 else "failed"
        if code != 0:
            by_signal = f"its process was ended by signal {-(code or 0)}"
            self._causes[name] = by_signal
            if worker.said.poll():
                try:
                    self._causes[name] = worker.said.recv()
                except EOFError:  # it died without a word
                    pass
        worker.said.close()
        self._write()

    def _write(self) -> None:
        rows = []
        for run in self._runs:
            name = run.out.name
            rows.append(
                StudyRun(name, run.arm, run.seed, self._states[name], self._causes.get(name))
            )
        write_study(self._folder, rows)


def _train(run: RunSettings, says: Connection) -> None:
    """What a worker does: train, and where that fails say why."""
    try:
        train(run)
    except BaseException as error:
        says.send(" ".join(f"{type(error).__name__}: {error}".split()))
        raise SystemExit(1) from error


class _Bars:
    """A bar per run, drawn from its record."""

    def __init__(self, runs: Sequence[RunSettings]) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("updates{task.fields[left]}"),
        )
        self._progress = Progress(*columns, console=Console())
        self._bars = {
            run: self._progress.add_task(run.out.name, total=run.updates, left="") for run in runs
        }
        self._paces = {run: Pace(run.updates) for run in runs}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, states: dict[str, str]) -> None:
        """Draw how far each run is."""
        for run, bar in self._bars.items():
            state = states[run.out.name]
            done = run.updates if state == "finished" else last_update(run.out)
            pace, left = self._paces[run], ""
            if state == "running" and done > DENSE_UPDATES:  # those are all measured
                pace.see(time.monotonic(), done)
                left = "" if pace.left is None else f", {duration(pace.left)} left"
            failed = f"{run.out.name} (failed)" if state == "failed" else run.out.name
            self._progress.update(bar, completed=done, description=failed, left=left)
