"""`goalscope demo`: the plan's baseline and its fix, small, from nothing to a comparison page."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from goalscope.reports import write_comparison, write_report
from goalscope.training.environments import EnvironmentSettings
from goalscope.training.settings import Cadence, EvaluationSettings, RunSettings
from goalscope.training.study import run_study

ARMS = ("pixel-her", "pixel-her-norm")


@dataclass(frozen=True)
class Demo:
    """Train the plan's baseline and its fix on FetchPush from pixels, and compare them.

    Two seeds each, from 84x84 images; about six minutes on two cores. The batch is half of SB3's
    256 to fit: the same for both arms.

    For example: goalscope demo --out runs/demo
    """

    out: Path = Path("runs/demo")
    """Folder of the study; where it exists, the next free number is added."""

    updates: int = 640
    """Updates per run."""

    seeds: int = 2
    """Seeds per arm."""

    batch_size: int = 128
    """Transitions per update."""

    def run(self) -> int:
        """Train, compare, and print the three sentences."""
        console = Console(highlight=False, soft_wrap=True)
        started = time.monotonic()
        folder = _free(self.out)
        runs = [self._settings(arm, seed, folder) for seed in range(self.seeds) for arm in ARMS]
        console.print(
            f"Training {' and '.join(ARMS)} on FetchPush-v4 from 84x84 pixels: {self.seeds} seeds "
            f"each, {self.updates} updates a run."
        )
        folders = run_study(runs, folder, parallel=max(1, min(len(runs), os.cpu_count() or 1)))
        for run in folders:
            write_report(run)
        comparison = write_comparison(folders, folder / "comparison")
        console.print()
        for warning in comparison.warnings:
            console.print(f"Note: {warning}")
        for sentence in comparison.sentences:
            console.print(sentence, style="bold")
        minutes = (time.monotonic() - started) / 60
        console.print(f"\nThe comparison ({minutes:.1f} minutes): {comparison.page}")
        return 0

    def _settings(self, arm: str, seed: int, folder: Path) -> RunSettings:
        starts = 200
        return RunSettings(
            arm=arm,
            out=folder / f"{arm}-seed{seed}",
            total_steps=starts + self.updates,
            seed=seed,
            environment=EnvironmentSettings(id="FetchPush-v4"),
            batch_size=self.batch_size,
            learning_starts=starts,
            cadence=Cadence(features=20, gradients=20, sensitivity=40),
            evaluation=EvaluationSettings(every=0),
        )


def _free(folder: Path) -> Path:
    """Return the folder, or the first with a number added that does not exist yet."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free
