"""`goalscope demo`: the plan's baseline and its fix, small, from nothing to a verdict."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
from rich.console import Console

from goalscope import reports
from goalscope.cli.plan import find_plan, load_plan
from goalscope.cli.probe import probe_runs
from goalscope.cli.study import Study
from goalscope.errors import UserError
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings
from goalscope.training.runs.validation import check

if TYPE_CHECKING:
    from goalscope.reports import ComparisonPage

ARMS = ("pixel-her", "pixel-her-norm")


@dataclass(frozen=True)
class Demo:
    """Train the plan's baseline and its fix on FetchPush from pixels, then a short assay on Reach.

    FetchPush: two seeds each, from 84x84 images; too short to learn, long enough to see a balance.
    FetchReach: baseline, fix and standardised goals from 36x36 images, until one succeeds.
    About a quarter of an hour on two cores.

    For example: goalscope demo --out runs/demo
    """

    out: Path = Path("runs/demo")
    """Folder of the study; where it exists, the next free number is added."""

    updates: int = 640
    """Updates per FetchPush run."""

    seeds: int = 2
    """Seeds per arm."""

    batch_size: int = 128
    """Transitions per update on FetchPush, half of SB3's 256 to fit: the same for both arms."""

    reach_steps: int | None = None
    """Steps of each FetchReach run; the preset's own if left out, 0 for none."""

    def run(self) -> int:
        """Train, compare, and print what the pages say."""
        console = Console(highlight=False, soft_wrap=True)
        started = time.monotonic()
        if self.seeds < 1 or (self.reach_steps or 0) < 0:
            raise UserError("--seeds must be at least 1, and --reach-steps at least 0")
        folder = _free(self.out)
        runs = [self._settings(arm, seed, folder) for seed in range(self.seeds) for arm in ARMS]
        for run in runs:
            check(run)

        from goalscope.training.runs.study import run_study

        console.print(
            f"Training {' and '.join(ARMS)} on FetchPush-v4 from 84x84 pixels: {self.seeds} seeds "
            f"each, {self.updates} updates a run."
        )
        folders = run_study(runs, folder, parallel=max(1, min(len(runs), os.cpu_count() or 1)))
        for made in folders:
            reports.write_report(made)
        pages = [reports.write_comparison(folders, folder / "comparison")]
        _say(console, pages[0])
        if self.reach_steps != 0:
            pages.append(self._reach(folder / "reach", console))
            _say(console, pages[1])
        minutes = (time.monotonic() - started) / 60
        console.print(f"\nThe pages ({minutes:.1f} minutes):")
        for page in pages:
            console.print(f"  {page.page}")
        return 0

    def _reach(self, folder: Path, console: Console) -> "ComparisonPage":
        """Train, probe and compare the preset "demo"."""
        path = find_plan("demo")
        assert path is not None  # it is shipped
        plan = load_plan(path)
        console.print(
            f"\nTraining {', '.join(plan.arms)} on FetchReach-v4 from 36x36 pixels: "
            f"{self.seeds} seeds each. The goal vectors alone suffice there; pixels distract."
        )
        more = ["--seeds", *map(str, range(self.seeds))]
        if self.reach_steps is not None:
            more += ["--total-steps", str(self.reach_steps)]
        study = tyro.cli(Study, args=[*plan.arguments(), *more, "--out", str(folder)])
        study.run()
        runs = [folder / f"{arm}-seed{seed}" for seed in range(self.seeds) for arm in plan.arms]
        probe_runs(runs, os.cpu_count() or 1)
        return reports.write_comparison(runs, folder / "comparison", plan.thresholds)

    def _settings(self, arm: str, seed: int, folder: Path) -> RunSettings:
        starts = 200
        return RunSettings(
            arm=arm,
            out=folder / f"{arm}-seed{seed}",
            total_steps=starts + self.updates,
            seed=seed,
            batch_size=self.batch_size,
            learning_starts=starts,
            every=Cadence(features=20, gradients=20, sensitivity=40),
            evaluation=EvaluationSettings(every=0),
        )


def _say(console: Console, comparison: "ComparisonPage") -> None:
    console.print()
    for warning in comparison.warnings:
        console.print(f"Note: {warning}")
    for sentence in (*comparison.sentences, comparison.success):
        console.print(sentence, style="bold")


def _free(folder: Path) -> Path:
    """Return the folder, or the first with a number added that does not exist yet."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free
