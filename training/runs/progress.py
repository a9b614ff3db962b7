"""What a run shows while it goes on: steps, updates, success, speed and the time left."""

import time
from contextlib import suppress
from typing import Any

import numpy as np
from rich.progress import BarColumn, Progress, TextColumn
from stable_baselines3.common.callbacks import BaseCallback

from goalscope.diagnostics.updates.schedule import DENSE_UPDATES
from goalscope.training.runs.console import LastingConsole
from goalscope.training.runs.pace import Pace, duration

_EVERY_SECONDS = 1.0
_EVERY_SECONDS_IN_A_LOG = 60.0


class ProgressCallback(BaseCallback):
    """Draws a bar on a terminal, and writes a line a minute into a log.

    Speed and time left are those of the last minute. Steps before the first update, and the first
    updates, all of which are measured, say nothing about the rest, and are left out.

    Args:
        total_steps: at which the run ends.
    """

    def __init__(self, total_steps: int) -> None:
        super().__init__()
        self._total = total_steps
        self._console = LastingConsole(highlight=False)
        self._bar = Progress(
            BarColumn(), TextColumn("{task.description}"), console=self._console, transient=True
        )
        self._pace = Pace(total_steps)
        self._shown = 0.0

    def _on_training_start(self) -> None:
        self._settled = max(self._updates, DENSE_UPDATES)  # a run that goes on gathers anew, too
        if self._console.is_terminal:
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total)

    def _on_step(self) -> bool:
        now = time.monotonic()
        if self._updates > self._settled:
            self._pace.see(now, self.num_timesteps)
        every = _EVERY_SECONDS if self._console.is_terminal else _EVERY_SECONDS_IN_A_LOG
        if now - self._shown >= every:
            self._shown = now
            with suppress(OSError):  # the disk of a log is full, say, and the run goes on
                self._show()
        return True

    def _on_training_end(self) -> None:
        self.stop()
        with suppress(OSError):
            self._console.print(self._line())

    def stop(self) -> None:
        """Take the bar away; what was printed stays."""
        if self._console.is_terminal:
            with suppress(OSError):
                self._bar.stop()

    def _show(self) -> None:
        if self._console.is_terminal:
            self._bar.update(self._task, completed=self.num_timesteps, description=self._line())
        else:
            self._console.print(self._line(), soft_wrap=True)

    @property
    def _updates(self) -> int:
        model: Any = self.model
        return int(model._n_updates)

    def _line(self) -> str:
        successes = self.model.ep_success_buffer or ()
        success = f"{100 * np.mean(successes):.0f} %" if len(successes) else "-"
        parts = [
            f"{self.num_timesteps:,} of {self._total:,} steps",
            f"{self._updates:,} updates",
            f"success {success} (last {len(successes)} episodes)",
        ]
        speed, left = self._pace.speed, self._pace.left
        if speed is not None and left is not None:
            parts += [f"{speed:.1f} steps/s", f"{duration(left)} left"]
        return ", ".join(parts)
