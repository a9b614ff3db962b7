"""A study: several runs side by side."""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from goalscope.diagnostics.material.probe_set import load_probe_set
from goalscope.diagnostics.record import PROBE_SET_FILE, last_update
from goalscope.diagnostics.updates.schedule import DENSE_UPDATES
from goalscope.training.runs.adaptive import Adaptive
from goalscope.training.runs.checkpoint.folder import CheckpointError
from goalscope.training.runs.console import LastingConsole
from goalscope.training.runs.executor import Change, Executor, State
from goalscope.training.runs.foreign import refuse_foreign
from goalscope.training.runs.interrupts import saying_when_interrupted
from goalscope.training.runs.lock import locked
from goalscope.training.runs.pace import Pace, duration
from goalscope.training.runs.run import can_gather, is_finished, make_probe_set, refuse_other_files
from goalscope.training.runs.settings import RunSettings, SettingsError
from goalscope.training.runs.study_folder import (
    PLAN_FILE,
    STUDY_FILE,
    StudyError,
    StudyRun,
    keep_plan,
    write_study,
)
from goalscope.training.runs.validation import check

_log = logging.getLogger("goalscope")


def run_study(
    runs: Sequence[RunSettings],
    folder: Path,
    executor: Executor,
    plan: Path | None = None,
    adaptive: Adaptive | None = None,
) -> list[Path]:
    """Train the runs and return their folders in the order given.

    The first run's probe set, or else one that is gathered once, is stored in the study's folder,
    and given to every run that observes as the first does. A run that fails, or whose process dies,
    is listed in study.json with its cause, and the rest go on. Started again, a study does what is
    missing.

    Args:
        runs: the runs.
        folder: the study's folder; made if missing.
        executor: trains them, wherever and however many at a time.
        plan: the plan file that the runs were read from; kept in the folder.
        adaptive: has arms and seeds trained group by group, and leaves out those that it does not
            need; None trains them all.

    Raises:
        RunLocked: another process works on the study.
        SettingsError, UnknownArm: a run cannot be run; nothing was started.
        CheckpointError: a run's folder holds one of other settings; nothing was started.
        ForeignFolder: the study's folder, or a run's, holds something else; nothing was started.
        StudyError: runs failed, and the others are whole; or the folder holds another plan, or
            another probe set than the one given.
        ProbeSetError: the one given cannot be read.
        KeyboardInterrupt: interrupted; the runs under way were saved first.
    """
    _check(runs)
    own = [STUDY_FILE, *(run.out.name for run in runs)]
    refuse_foreign(folder, own, left=[PLAN_FILE, PROBE_SET_FILE])
    for run in runs:
        refuse_other_files(run.out)
    with locked(folder, worth_keeping=(folder / STUDY_FILE).exists):
        if plan is not None:
            keep_plan(plan, folder)
        probe_file = folder / PROBE_SET_FILE
        first = runs[0].environment
        if can_gather(first):
            _provide(probe_file, runs[0])
        ready = [
            replace(
                run,
                probe_set=probe_file if can_gather(first) and run.environment == first else None,
                threads=run.threads or executor.threads,
            )
            for run in runs
        ]
        states = _work(ready, folder, executor, adaptive)
    if states.causes:
        names = [run.out.name for run in runs if run.out.name in states.causes]
        listed = "; ".join(f"{name} ({states.causes[name]})" for name in names)
        raise StudyError(f"{len(states.causes)} of {len(runs)} runs failed: {listed}")
    return [run.out for run in states.finished]


def _check(runs: Sequence[RunSettings]) -> None:
    if not runs:
        raise SettingsError("a study needs an arm and a seed or more; see: goalscope study --help")
    for run in runs:
        check(run)
    names = [run.out.name for run in runs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"the study would make {twice} twice; name each arm and seed once")


def _provide(file: Path, run: RunSettings) -> None:
    """Put a probe set where every run of the study finds it."""
    given = None if run.probe_set is None else load_probe_set(run.probe_set)
    if not file.exists():
        (given or make_probe_set(run.environment)).save(file)
    elif given is not None and load_probe_set(file).sha256 != given.sha256:
        raise StudyError(
            f"{file.parent} holds a study with another probe set than {run.probe_set}; choose "
            "another folder, or leave --probe-set out"
        )


class _States:
    """How the runs of a study stand; study.json says it, too.

    Args:
        runs: of the study.
        folder: of the study.
        adaptive: says which runs are needed; None needs them all.
    """

    def __init__(
        self, runs: Sequence[RunSettings], folder: Path, adaptive: Adaptive | None
    ) -> None:
        self._runs, self._folder, self._adaptive = runs, folder, adaptive
        self.of: dict[str, State] = {
            run.out.name: "finished" if is_finished(run) else "waiting" for run in runs
        }
        self.causes: dict[str, str] = {}  # of those that failed
        self.is_written = True
        self.note([])

    @property
    def finished(self) -> list[RunSettings]:
        """The runs that are whole."""
        return [run for run in self._runs if self.of[run.out.name] == "finished"]

    def look(self, adaptive: Adaptive) -> list[str]:
        """Let adaptive seeds look at what is finished, and take over which runs need no turn.

        Returns:
            what was found, in lines.
        """
        said = adaptive.look({(run.arm, run.seed): run.out for run in self.finished})
        names = [run.out.name for run in self._runs if run.arm in adaptive.settled]
        self.note([Change(name, "settled") for name in names if self.of[name] == "waiting"])
        return said

    def _seen(self, change: Change) -> Change:
        """Return a change as the run's folder bears it out.

        A full disk ends no run, but its last checkpoint may be missing then.
        """
        if change.state != "finished":
            return change
        run = next(run for run in self._runs if run.out.name == change.name)
        try:
            if is_finished(run):
                return change
            cause = "its end was not saved; started again, the study goes on from what was"
        except CheckpointError as error:
            cause = str(error)
        return Change(change.name, "failed", cause)

    def note(self, changes: Sequence[Change]) -> None:
        """Take over what an executor says has changed.

        A disk that takes no more costs the file, not the study.
        """
        for change in map(self._seen, changes):
            self.of[change.name] = change.state
            if change.cause is not None:
                self.causes[change.name] = change.cause
        rows = [
            StudyRun(name, run.arm, run.seed, self.of[name], self.causes.get(name))
            for run in self._runs
            for name in [run.out.name]
        ]
        adaptive = None if self._adaptive is None else self._adaptive.content
        try:
            write_study(self._folder, rows, adaptive)
            self.is_written = True
        except OSError as error:
            if self.is_written:
                _log.warning(
                    "goalscope: cannot write %s (%s); the runs go on, and it is written again as "
                    "soon as it can be",
                    self._folder / STUDY_FILE,
                    error.strerror or error,
                )
            self.is_written = False


def _work(
    runs: Sequence[RunSettings], folder: Path, executor: Executor, adaptive: Adaptive | None
) -> _States:
    """Train all that is missing and needed, and return how the runs stand then."""
    states = _States(runs, folder, adaptive)
    groups = [{run.seed for run in runs}] if adaptive is None else adaptive.groups
    kept = f"interrupted; {folder} keeps what its runs have saved"
    try:
        with saying_when_interrupted(kept), _Bars(runs) as bars:
            for seeds in groups:
                group = [run for run in runs if run.seed in seeds]
                _train_group(group, states, executor, bars)
                if adaptive is not None:
                    bars.say(states.look(adaptive))
                    bars.update(states.of)
    except BaseException:  # an interrupt or a failure: no run goes on with nobody to look after it
        states.note(executor.stop())
        raise
    return states


def _train_group(
    group: Sequence[RunSettings], states: _States, executor: Executor, bars: "_Bars"
) -> None:
    for run in group:
        if states.of[run.out.name] == "waiting":
            executor.submit(run)
    while any(states.of[run.out.name] in ("waiting", "running") for run in group):
        changes = executor.poll()
        if changes or not states.is_written:
            states.note(changes)
        bars.update(states.of)


class _Bars:
    """A bar per run, drawn from its record."""

    def __init__(self, runs: Sequence[RunSettings]) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("updates{task.fields[left]}"),
        )
        self._progress = Progress(*columns, console=LastingConsole())
        self._bars = {
            run: self._progress.add_task(run.out.name, total=run.updates, left="") for run in runs
        }
        self._paces = {run: Pace(run.updates) for run in runs}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # the disk of a log is full, say
            self._progress.stop()

    def say(self, lines: Sequence[str]) -> None:
        """Print lines above the bars."""
        with suppress(OSError):
            for line in lines:
                self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def update(self, states: Mapping[str, State]) -> None:
        """Draw how far each run is."""
        for run, bar in self._bars.items():
            state = states[run.out.name]
            done = run.updates if state == "finished" else last_update(run.out)
            pace, left = self._paces[run], ""
            if state == "running" and done > DENSE_UPDATES:  # those are all measured
                pace.see(time.monotonic(), done)
                left = "" if pace.left is None else f", {duration(pace.left)} left"
            ended = f" ({state})" if state in ("failed", "settled") else ""
            self._progress.update(
                bar, completed=done, description=f"{run.out.name}{ended}", left=left
            )
