"""A study: several runs side by side, each in a process of its own."""

import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from goalscope.diagnostics.record import PROBE_SET_FILE, last_update, write_json_atomically
from goalscope.errors import UserError
from goalscope.training.runs.lock import locked
from goalscope.training.runs.run import is_finished, make_probe_set, train
from goalscope.training.runs.settings import RunSettings
from goalscope.training.runs.validation import check

STUDY_FILE = "study.json"
_POLL_SECONDS = 0.5


class StudyError(UserError):
    """A study in which runs failed; the message is one line and names them."""


def run_study(runs: Sequence[RunSettings], folder: Path, parallel: int) -> list[Path]:
    """Train the runs, `parallel` at a time, and return their folders in the order given.

    The probe set is gathered once, stored in the study's folder, and given to every run that
    observes as the first does. The cores are shared out evenly, so that runs do not slow each other
    down by changing places. A run that fails, or whose process dies, is listed in study.json with
    its cause, and the rest go on. Started again, a study does what is missing.

    Args:
        runs: the runs.
        folder: the study's folder; made if missing.
        parallel: runs at a time, at least 1.

    Raises:
        RunLocked: another process works on the study.
        SettingsError, UnknownArm: a run cannot be run; nothing was started.
        StudyError: runs failed; the others are whole.
        KeyboardInterrupt: interrupted; the runs under way were saved first.
    """
    for run in runs:
        check(run)
    with locked(folder):
        probe_file = folder / PROBE_SET_FILE
        first = runs[0].resolved_environment
        if not probe_file.exists():
            make_probe_set(first).save(probe_file)
        threads = max(1, (os.cpu_count() or 1) // parallel)
        ready = [
            replace(
                run,
                probe_set=probe_file if run.resolved_environment == first else None,
                threads=run.threads or threads,
            )
            for run in runs
        ]
        failures = _Workers(ready, folder, parallel).work()
    if failures:
        listed = "; ".join(f"{name} ({cause})" for name, cause in failures.items())
        raise StudyError(f"{len(failures)} of {len(runs)} runs failed: {listed}")
    return [run.out for run in ready]


@dataclass(frozen=True)
class StudyRun:
    """A run of a study as study.json has it.

    Attributes:
        name: of its folder.
        arm: its arm.
        seed: its seed.
        state: "waiting", "running", "finished" or "failed".
        cause: why it failed; None unless it did.
    """

    name: str
    arm: str
    seed: int
    state: str
    cause: str | None


def read_study(folder: Path) -> list[StudyRun]:
    """Return the runs of a study as they stood when it was last at work; none where it is none.

    Raises:
        StudyError: its study.json is damaged.
    """
    path = folder / STUDY_FILE
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["runs"]
        return [StudyRun(**row) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path} is damaged ({error}); start the study again") from error


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
        rows: list[dict[str, Any]] = [
            {
                "name": run.out.name,
                "arm": run.arm,
                "seed": run.seed,
                "state": self._states[run.out.name],
                "cause": self._causes.get(run.out.name),
            }
            for run in self._runs
        ]
        write_json_atomically(self._folder / STUDY_FILE, {"schema": 1, "runs": rows})


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
            TextColumn("updates"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=Console())
        self._bars = {run: self._progress.add_task(run.out.name, total=run.updates) for run in runs}

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
            failed = f"{run.out.name} (failed)" if state == "failed" else run.out.name
            self._progress.update(bar, completed=done, description=failed)
