"""What a run shows while it goes on: steps, updates, success, speed and the time left."""

import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from stable_baselines3.common.callbacks import BaseCallback

_EVERY_SECONDS = 1.0
_EVERY_SECONDS_IN_A_LOG = 60.0
_SPEED_SECONDS = 60.0  # over which the speed is taken


class ProgressCallback(BaseCallback):
    """Draws a bar on a terminal, and writes a line a minute into a log.

    Args:
        total_steps: at which the run ends.
    """

    def __init__(self, total_steps: int) -> None:
        super().__init__()
        self._total = total_steps
        self._console = Console(highlight=False)
        self._bar = Progress(
            BarColumn(), TextColumn("{task.description}"), console=self._console, transient=True
        )
        self._seen: list[tuple[float, int]] = []  # seconds, steps
        self._shown = 0.0

    def _on_training_start(self) -> None:
        if self._console.is_terminal:
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total)

    def _on_step(self) -> bool:
        now = time.monotonic()
        every = _EVERY_SECONDS if self._console.is_terminal else _EVERY_SECONDS_IN_A_LOG
        if now - self._shown >= every:
            self._shown = now
            self._seen = [s for s in self._seen if now - s[0] < _SPEED_SECONDS + every]
            self._seen.append((now, self.num_timesteps))
            self._show()
        return True

    def _on_training_end(self) -> None:
        self.stop()
        self._console.print(self._line())

    def stop(self) -> None:
        """Take the bar away; what was printed stays."""
        self._bar.stop()

    def _show(self) -> None:
        if self._console.is_terminal:
            self._bar.update(self._task, completed=self.num_timesteps, description=self._line())
        else:
            self._console.print(self._line(), soft_wrap=True)

    def _line(self) -> str:
        model: Any = self.model
        successes = model.ep_success_buffer or ()
        success = f"{100 * np.mean(successes):.0f} %" if len(successes) else "-"
        parts = [
            f"{self.num_timesteps:,} of {self._total:,} steps",
            f"{model._n_updates:,} updates",
            f"success {success} (last {len(successes)} episodes)",
        ]
        (first, steps), (last, now) = (self._seen or [(0.0, 0)])[0], (self._seen or [(0.0, 0)])[-1]
        if now > steps:
            speed = (now - steps) / (last - first)
            left = (self._total - self.num_timesteps) / speed
            parts += [f"{speed:.1f} steps/s", f"{_duration(left)} left"]
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {int(seconds % 60):02d} s"
