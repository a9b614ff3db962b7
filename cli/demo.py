"""`goalscope demo`: the plan's baseline and its fix, small, from nothing to a verdict."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
from rich.console import Console

from goalscope import reports
from goalscope.cli.plan import Plan, find_plan, load_plan
from goalscope.cli.probe import probe_runs
from goalscope.cli.study import Study
from goalscope.errors import UserError
from goalscope.reports.statistics.formatting import count
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings
from goalscope.training.runs.validation import check

if TYPE_CHECKING:
    from goalscope.reports import ComparisonPage

ARMS = ("pixel-her", "pixel-her-norm")
_STARTS = 200
_PLANNED_STEPS = 8_000_000  # the plan's run, with batches of 256


@dataclass(frozen=True)
class Demo:
    """Train the plan's baseline and its fix on FetchPush from pixels, then a short assay on Reach.

    FetchPush: two seeds each, from 84x84 images; too short to learn, long enough to see a balance.
    Its page stands after about two minutes. FetchReach: baseline, fix and standardised goals from
    36x36 images, until one succeeds. Eight to ten minutes on two cores.

    For example: goalscope demo --out runs/demo
    """

    out: Path = Path("runs/demo")
    """Folder of the study; where it exists, the next free number is added."""

    updates: int = 160
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
        reach = self._reach_study(folder / "reach") if self.reach_steps != 0 else None

        from goalscope.training.executors.processes import Processes
        from goalscope.training.runs.study import run_study

        console.print(
            f"1. {' and '.join(ARMS)} on FetchPush-v4 from 84x84 pixels: "
            f"{count(self.seeds, 'seed')} each, {self.updates} updates a run."
        )
        folders = run_study(runs, folder, Processes.one_a_core(len(runs)))
        page = reports.write_comparison(folders, folder / "comparison", notes=[self._shortened()])
        _say(console, page, started, more=reach is not None)
        for made in folders:
            reports.write_report(made)
        if reach is not None:
            _say(console, self._reach(reach, console), started, more=False)
        return 0

    def _shortened(self) -> str:
        """Say what the runs on FetchPush leave out of the plan's."""
        return (
            f"shortened for a demo: {_STARTS + self.updates:,} steps a run where the plan has "
            f"{_PLANNED_STEPS:,}, batches of {self.batch_size} where it has 256, "
            f"{count(self.seeds, 'seed')} an arm where a test needs 5; nothing is learnt in that "
            "time, the balance at the start and after the first updates is all there is to see"
        )

    def _reach_study(self, folder: Path) -> Study:
        """Return the preset "demo" with these seeds and steps.

        Raises:
            SettingsError: it cannot be run with so few steps.
        """
        plan = _preset("demo")
        steps = plan.run["total_steps"] if self.reach_steps is None else self.reach_steps
        more = ["--seeds", *map(str, range(self.seeds)), "--total-steps", str(steps)]
        study: Study = tyro.cli(Study, args=[*plan.arguments(), *more, "--out", str(folder)])
        study.runs()
        return study

    def _reach(self, study: Study, console: Console) -> "ComparisonPage":
        """Train, probe and compare the preset "demo"."""
        from goalscope.training.executors.processes import usable_cores

        steps, assay = study.total_steps, _preset("assay")
        console.print(
            f"\n2. {', '.join(study.arms)} on FetchReach-v4 from 36x36 pixels: "
            f"{count(self.seeds, 'seed')} each, {steps:,} steps a run. The goal vectors alone "
            "suffice there; pixels distract."
        )
        study.run()
        runs = [run.out for run in study.runs()]
        probe_runs(runs, usable_cores())
        shortened = (
            f"shortened for a demo: {steps:,} steps a run and {count(self.seeds, 'seed')} an arm, "
            f"where the preset assay has {assay.run['total_steps']:,} and {len(assay.seeds)}"
        )
        return reports.write_comparison(
            runs, study.out / "comparison", _preset("demo").thresholds, notes=[shortened]
        )

    def _settings(self, arm: str, seed: int, folder: Path) -> RunSettings:
        return RunSettings(
            arm=arm,
            out=folder / f"{arm}-seed{seed}",
            total_steps=_STARTS + self.updates,
            seed=seed,
            batch_size=self.batch_size,
            learning_starts=_STARTS,
            fast=True,
            # Features often enough that late, the last tenth, holds some.
            every=Cadence(features=max(1, self.updates // 20), gradients=20, sensitivity=40),
            evaluation=EvaluationSettings(every=0),
        )


def _preset(name: str) -> Plan:
    path = find_plan(name)
    assert path is not None  # it is shipped
    return load_plan(path)


def _say(console: Console, comparison: "ComparisonPage", started: float, *, more: bool) -> None:
    console.print()
    for warning in comparison.warnings:
        console.print(f"Note: {warning}")
    for sentence in (comparison.overall, *comparison.sentences, comparison.success):
        console.print(sentence, style="bold")
    minutes = (time.monotonic() - started) / 60
    goes_on = " Open it now: the rest trains meanwhile." if more else ""
    console.print(f"\nThe page, after {minutes:.1f} minutes: {comparison.page}{goes_on}")


def _free(folder: Path) -> Path:
    """Return the folder, or the first with a number added that does not exist yet.

    Raises:
        UserError: it has no name to add a number to.
    """
    if folder.name in ("", ".."):
        raise UserError(f"--out {folder} names no new folder; give one, such as runs/demo")
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free
