"""Runs side by side on this machine, each in a process of its own."""

import os
import signal
from multiprocessing.connection import wait

from goalscope.training.executors.run_process import RunProcess
from goalscope.training.runs.executor import Change
from goalscope.training.runs.interrupts import kept_from_workers
from goalscope.training.runs.settings import RunSettings, SettingsError

_POLL_SECONDS = 0.5
_KEPT = (signal.SIGINT, signal.SIGHUP)  # from the runs, which are asked to end with SIGTERM


class Processes:
    """Trains runs on this machine; the cores are shared out evenly.

    Args:
        parallel: runs at a time, at least 1.

    Raises:
        SettingsError: fewer than one.
    """

    def __init__(self, parallel: int) -> None:
        if parallel < 1:
            raise SettingsError(f"--parallel must be at least 1, and {parallel} is not")
        self._parallel = parallel
        self._waiting: list[RunSettings] = []
        self._working: dict[str, RunProcess] = {}

    @classmethod
    def one_a_core(cls, runs: int) -> "Processes":
        """Return what trains so many runs, no more at a time than there are cores."""
        return cls(max(1, min(runs, os.cpu_count() or 1)))

    @property
    def threads(self) -> int:
        """This run's share of the cores, so that none is slowed down by changing places."""
        return max(1, (os.cpu_count() or 1) // self._parallel)

    def submit(self, run: RunSettings) -> None:
        """Train a run as soon as fewer than `parallel` are under way."""
        self._waiting.append(run)

    def poll(self) -> list[Change]:
        """Return which runs began and ended."""
        if self._waiting and len(self._working) < self._parallel:
            run = self._waiting.pop(0)
            with kept_from_workers(_KEPT):
                self._working[run.out.name] = RunProcess(run)
            return [Change(run.out.name, "running")]
        wait([process.sentinel for process in self._working.values()], _POLL_SECONDS)
        return [self._end(name) for name, process in [*self._working.items()] if process.ended]

    def stop(self) -> list[Change]:
        """Let every run that is under way save itself and end."""
        self._waiting.clear()
        for process in self._working.values():
            process.stop()
        return [self._end(name) for name in [*self._working]]

    def _end(self, name: str) -> Change:
        cause = self._working.pop(name).join()
        return Change(name, "finished" if cause is None else "failed", cause)
