"""`goalscope train` and `goalscope study`: runs of arms."""

import os
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from goalscope.cli.options import RunOptions
from goalscope.cli.plan import keep_plan
from goalscope.training.runs.run import is_finished, train
from goalscope.training.runs.settings import FAST
from goalscope.training.runs.study import run_study


@dataclass(frozen=True, kw_only=True)
class Train(RunOptions):
    """Train one run of an arm with SB3's SAC + HER, and record what its updates show.

    The same command goes on with a run that was cut off.

    For example: goalscope train pixel-her --env FetchPush-v4 --total-steps 2000 --out runs/a
    """

    arm: tyro.conf.Positional[str]
    """Name of the arm, such as pixel-her-norm, or one composed: pixel-her+drq+stack4."""

    out: Path
    """Folder of the run."""

    seed: int = 0
    """Seed of the agent and of its environments."""

    def run(self) -> int:
        """Train, and say how to read the result."""
        console = Console(highlight=False, soft_wrap=True)
        settings = self.settings(self.arm, self.out, self.seed)
        if is_finished(settings):
            train(settings)  # refuses other settings
            console.print(f"{settings.out} already holds this run to its end; it is left so.")
            return 0
        if settings.fast:
            console.print("fast, only faster:")
            for line in FAST:
                console.print(f"  {line}")
        folder = train(settings, progress=True)
        console.print(f"Recorded in {folder}. Read it with: goalscope report {folder}")
        return 0


@dataclass(frozen=True, kw_only=True)
class Study(RunOptions):
    """Train arms times seeds side by side; started again, it does what is missing.

    In the arms' place may stand a plan file (.toml) or a preset (assay); flags beside it win.

    For example: goalscope study pixel-her pixel-her-norm --seeds 0 1 2 --out studies/a
    """

    arms: tyro.conf.Positional[tuple[str, ...]]
    """Names of the arms, or a plan file, or a preset."""

    out: Path
    """Folder of the study; each run gets a folder in it."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Seeds of each arm."""

    parallel: int | None = None
    """Runs at a time; one per core if left out."""

    plan: Path | None = None
    """The plan file all this was read from, whose thresholds decide; kept in the folder."""

    def run(self) -> int:
        """Train what is missing."""
        if self.plan is not None:
            keep_plan(self.plan, self.out)
        runs = [
            self.settings(arm, self.out / f"{arm}-seed{seed}", seed)
            for seed in self.seeds
            for arm in self.arms
        ]
        run_study(runs, self.out, self.parallel or min(len(runs), os.cpu_count() or 1))
        print(f"Recorded in {self.out}. Read it with: goalscope compare {self.out}")
        return 0
