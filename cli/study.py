"""`goalscope study`: arms times seeds."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from goalscope.cli.arm_flags import ArmFlags
from goalscope.extras import require_extra
from goalscope.training.runs.settings import RunSettings, StudySettings
from goalscope.training.runs.study_folder import STUDY_FILE
from goalscope.training.runs.validation import check

if TYPE_CHECKING:
    from goalscope.training.runs.executor import Executor
    from goalscope.underway.adaptive import AdaptiveSeeds


@dataclass(frozen=True, kw_only=True)
class Study(ArmFlags, StudySettings):
    """Train arms times seeds side by side; started again, it does what is missing.

    In the arms' place may stand a plan file (.toml) or a preset (assay, demo, ladder or push);
    flags beside it win.

    For example: goalscope study pixel-her pixel-her-norm --seeds 0 1 2 --out studies/a
    """

    arms: tyro.conf.Positional[tuple[str, ...]]
    """Names of the arms, or a plan file, or a preset."""

    out: Path
    """Folder of the study; each run gets a folder in it."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Seeds of each arm."""

    parallel: int | None = None
    """Runs at a time; one per core, or as many as the cluster has room for, if left out."""

    executor: Literal["processes", "ray"] = "processes"
    """Where the runs are trained: in processes of this machine, or on a Ray cluster, from which
    their records and checkpoints come back into this folder."""

    address: str = "auto"
    """Of the Ray cluster; the one that this machine belongs to if left out."""

    gpus: float = 1.0
    """GPUs of each run on a cluster that has some; with 0.25 four runs share one."""

    adaptive: int | None = None
    """Seeds of a group: after each, an arm whose final success is told apart from the first arm's
    gets no more, by a permutation test that keeps its error rate over all looks and arms."""

    plan: Path | None = None
    """The plan file all this was read from, whose thresholds decide; kept in the folder."""

    def runs(self) -> list[RunSettings]:
        """Return the runs, seed by seed.

        Raises:
            SettingsError, UnknownArm: one of them cannot be run.
        """
        runs = [
            self.of_run(self.arm_of(arm), self.out / f"{arm}-seed{seed}", seed)
            for seed in self.seeds
            for arm in self.arms
        ]
        for run in runs:
            check(run)
        return runs

    def run(self) -> int:
        """Train what is missing."""
        runs = self.runs()
        adaptive = None if self.adaptive is None else self._adaptive(runs, self.adaptive)

        from goalscope.training.runs.study import run_study

        run_study(runs, self.out, self._executor(len(runs)), self.plan, adaptive)
        again = shlex.quote(str(self.out))
        print(f"Recorded in {self.out}. Read it with: goalscope compare {again}")
        return 0

    def _adaptive(self, runs: Sequence[RunSettings], size: int) -> "AdaptiveSeeds":
        from goalscope.underway.adaptive import AdaptiveError, AdaptiveSeeds

        if not all(0 < run.evaluation_steps <= run.total_steps for run in runs):
            raise AdaptiveError(
                "--adaptive looks at final success, and no step is evaluated; set "
                "--evaluation.every to some steps of the run"
            )
        arms = list(dict.fromkeys(run.arm for run in runs))
        return AdaptiveSeeds(arms, self.seeds, size, self.out / STUDY_FILE)

    def _executor(self, runs: int) -> "Executor":
        if self.executor == "ray":
            require_extra("cluster")
            from goalscope.training.executors.cluster import RayCluster

            return RayCluster(
                self.address, runs if self.parallel is None else self.parallel, self.gpus
            )
        from goalscope.training.executors.processes import Processes

        if self.parallel is None:
            return Processes.one_a_core(runs)
        return Processes(min(self.parallel, max(runs, 1)))
