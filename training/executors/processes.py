"""Runs side by side on this machine, each in a process of its own."""

import os
import signal
from dataclasses import replace
from multiprocessing.connection import wait

from goalscope.training.executors.run_process import RunProcess
from goalscope.training.replay.sizes import BufferTooLarge
from goalscope.training.runs.capacity import fitted
from goalscope.training.runs.checkpoint.folder import list_checkpoints
from goalscope.training.runs.executor import Change
from goalscope.training.runs.interrupts import kept_from_workers, stop_signals_noted
from goalscope.training.runs.settings import RunSettings, SettingsError

_POLL_SECONDS = 0.5
_KEPT = (signal.SIGINT, signal.SIGHUP)  # from the runs, which are asked to end with SIGTERM


def usable_cores() -> int:
    """Return the cores that this process may use: a scheduler, or `taskset`, may leave it few."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Processes:
    """Trains runs on this machine; cores and memory are shared out evenly.

    Args:
        parallel: runs at a time, at least 1.

    Raises:
        SettingsError: fewer than one.
    """

    def __init__(self, parallel: int) -> None:
        if parallel < 1:
            raise SettingsError(f"--parallel must be at least 1, and {parallel} is not")
        self._parallel = parallel
        self._submitted: list[RunSettings] = []
        self._waiting: list[RunSettings] = []
        self._working: dict[str, RunProcess] = {}

    @classmethod
    def one_a_core(cls, runs: int) -> "Processes":
        """Return what trains so many runs, no more at a time than there are cores."""
        return cls(max(1, min(runs, usable_cores())))

    @property
    def threads(self) -> int:
        """This run's share of the cores, so that none is slowed down by changing places."""
        return max(1, usable_cores() // self._parallel)

    def submit(self, run: RunSettings) -> None:
        """Train a run as soon as fewer than `parallel` are under way."""
        self._submitted.append(run)

    def poll(self) -> list[Change]:
        """Return which runs began and ended."""
        refused = self._share_out()
        if refused:
            return refused
        if self._waiting and len(self._working) < self._parallel:
            run = self._waiting.pop(0)
            try:
                self._begin(run)
            except OSError as error:  # no memory for another process, say
                cause = f"its process did not start ({error.strerror or error})"
                return [Change(run.out.name, "failed", cause)]
            return [Change(run.out.name, "running")]
        wait([process.sentinel for process in self._working.values()], _POLL_SECONDS)
        return [self._end(name) for name, process in [*self._working.items()] if process.ended]

    def stop(self) -> list[Change]:
        """Let every run that is under way save itself and end."""
        self._submitted.clear()
        self._waiting.clear()
        for process in self._working.values():
            process.stop()
        return [self._end(name) for name in [*self._working]]

    def _share_out(self) -> list[Change]:
        """Have what was submitted wait for its turn, and return what does not fit.

        Replay fills up long after those beside it have begun: where a run's share of what memory
        is free now would not do, its frames go to disk from the start.
        """
        at_once = min(self._parallel, len(self._submitted) + len(self._working))
        refused = []
        for run in self._submitted:
            try:
                if not list_checkpoints(run.out) and fitted(run, at_once).frames == "disk":
                    run = replace(run, frames="disk")
                self._waiting.append(run)
            except BufferTooLarge as error:
                refused.append(Change(run.out.name, "failed", str(error)))
        self._submitted.clear()
        return refused

    def _begin(self, run: RunSettings) -> None:
        """Start a run's process; a signal that comes meanwhile waits until `stop` knows of it."""
        try:
            with stop_signals_noted() as asked, kept_from_workers(_KEPT):
                self._working[run.out.name] = RunProcess(run)
        finally:
            number = asked()
            if number is not None:
                signal.raise_signal(number)

    def _end(self, name: str) -> Change:
        cause = self._working.pop(name).join()
        return Change(name, "finished" if cause is None else "failed", cause)
