"""`goalscope probe`: what the agent of each checkpoint knows, hears and answers."""

import multiprocessing
import os
import shlex
import sys
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro
from tqdm import tqdm

from goalscope import reports
from goalscope.cli import BAD_INPUT
from goalscope.cli.figure_flags import FigureFlags
from goalscope.cli.runs_in import runs_in
from goalscope.diagnostics.record import is_run
from goalscope.errors import UserError
from goalscope.extras import require_extra
from goalscope.training.envs.settings import ObservationSettings
from goalscope.training.runs.interrupts import kept_from_workers, saying_when_interrupted

if TYPE_CHECKING:
    from goalscope.reports.figures.plot import FigureFile

_KEPT = "interrupted; the checkpoints that are probed stay so, and started again it goes on"


@dataclass(frozen=True, kw_only=True)
class Probe(FigureFlags, ObservationSettings):
    """Ask the agent of each checkpoint: what Q and action owe to each modality, what features know.

    Attribution, the map of Q and action over goals, read-outs of content, saliency on real frames:
    figures, and numbers in the run's probes.jsonl. --ablate plays episodes instead. Of an SB3 .zip
    of your own, give its environment (--env and its flags) and a new folder (--out); of an agent
    trained under VecNormalize one that normalises as that did. Started again, it goes on.

    For example: goalscope probe runs/a
    """

    path: tyro.conf.Positional[Path]
    """A run, a checkpoint, a study's folder, or an SB3 .zip."""

    trust: bool = False
    """An SB3 .zip is pickled: loading it runs whatever code it holds. Say that you trust it."""

    algorithm: Literal["SAC", "TD3", "DDPG", "TQC"] = "SAC"
    """What saved the .zip."""

    out: Path | None = None
    """Folder for what is found of a .zip; beside it, under its name, if left out."""

    ablate: tuple[str, ...] = ()
    """Is an input used at all? Instead, play the newest checkpoint's episodes with each of these
    keys shuffled, blanked and delayed, against untouched; goal stands for both goals."""

    episodes: int = 50
    """Of --ablate, for each of these."""

    parallel: int | None = None
    """Runs of a study at a time; one per core if left out."""

    def run(self) -> int:
        """Probe, and write the page of each run."""
        require_extra("probes")
        if self.path.suffix == ".zip":
            if self.ablate:
                raise UserError(
                    "--ablate plays episodes of runs that goalscope train made; leave it out of a "
                    ".zip's"
                )
            from goalscope.training.envs.making import make_environment
            from goalscope.training.probing.zips import probe_zip

            out = self.out or self.path.with_suffix("")
            make = lambda: make_environment(self.observed)  # noqa: E731  (only of a file to trust)
            probe_zip(self.path, make, out, self.algorithm, trust=self.trust)
            print(f"The page: {reports.write_probe_page(out, figures=self.figures)}")
            return 0
        if self.ablate:
            return self._ablate()
        if self.parallel is not None and self.parallel < 1:
            raise UserError(f"--parallel must be at least 1, and {self.parallel} is not")
        runs = runs_in(self.path)
        if len(runs) > 1 or (is_run(runs[0]) and runs[0] != self.path):
            return self._study(runs)
        from goalscope.training.probing.checkpoints import probe_run, run_of

        folder, only = run_of(self.path)
        bar = tqdm(desc=f"probing {folder.name}", unit=" checkpoints")
        with saying_when_interrupted(_KEPT), bar:
            probe_run(folder, only, lambda _: bar.update())
        print(f"The page: {reports.write_probe_page(folder, figures=self.figures)}")
        return 0

    def _ablate(self) -> int:
        from goalscope.reports.numbers.runs import load_run
        from goalscope.reports.text.ablation import ablation_sentences
        from goalscope.training.probing.ablating import ablate_run
        from goalscope.training.probing.checkpoints import run_of

        folder, only = run_of(self.path)
        ablate_run(folder, self.ablate, only, self.episodes)
        for sentence in ablation_sentences(load_run(folder)):
            print(sentence)
        print(f"The page: {reports.write_probe_page(folder, figures=self.figures)}")
        return 0

    def _study(self, runs: Sequence[Path]) -> int:
        from goalscope.training.executors.processes import usable_cores

        failed = probe_runs(runs, self.parallel or usable_cores(), self.figures)
        for name, cause in failed.items():
            print(f"goalscope: {name} was not probed: {cause}", file=sys.stderr)
        again = shlex.quote(str(self.path))
        print(
            f"Probed {len(runs) - len(failed)} of {len(runs)} runs. Next: goalscope compare {again}"
        )
        return BAD_INPUT if failed else 0


def probe_runs(
    runs: Sequence[Path], parallel: int, figures: Collection["FigureFile"] = ()
) -> dict[str, str]:
    """Probe runs, several at a time, write their pages, and return run -> why it was not probed.

    Args:
        runs: folders of runs.
        parallel: runs at a time, at least 1.
        figures: also write the figures as files: "png", "csv", "pdf".
    """
    failed: dict[str, str] = {}
    # Inherited by them, torch and BLAS: threads that wait for a core spin on it.
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")  # OpenGL does not survive a fork
    with saying_when_interrupted(_KEPT), ProcessPoolExecutor(parallel, context) as pool:
        try:
            with kept_from_workers():
                waiting = {pool.submit(_probe_and_draw, run, figures): run for run in runs}
            for future in tqdm(as_completed(waiting), "probing", len(runs), unit=" runs"):
                try:
                    future.result()
                except UserError as error:
                    failed[waiting[future].name] = str(error)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.kill()  # what a run's checkpoints have shown until now is kept
            raise
    return failed


def _probe_and_draw(folder: Path, figures: Collection["FigureFile"]) -> None:
    from goalscope.training.probing.checkpoints import probe_run

    probe_run(folder)
    reports.write_probe_page(folder, figures=figures)
