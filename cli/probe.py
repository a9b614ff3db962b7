"""`goalscope probe`: what the agent of each checkpoint knows, hears and answers."""

import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import tyro
from tqdm import tqdm

from goalscope.cli.errors import BAD_INPUT, USER_ERRORS
from goalscope.cli.options import EnvironmentOptions
from goalscope.cli.pages import runs_in
from goalscope.diagnostics.record import is_run
from goalscope.reports import write_probe_page
from goalscope.training.envs.making import make_environment
from goalscope.training.probing.checkpoints import probe_run, run_of
from goalscope.training.probing.zips import ModelError, probe_zip
from goalscope.training.runs.checkpoint.folder import Checkpoint


@dataclass(frozen=True, kw_only=True)
class Probe(EnvironmentOptions):
    """Ask the agent of each checkpoint: what Q and action owe to each modality, what features know.

    Attribution, the map of Q and action over goals, read-outs of content, saliency on real frames:
    figures, and numbers in the run's probes.jsonl. Of an SB3 .zip of your own, give its environment
    (--env and its flags, or --make-env) and a new folder (--out). Started again, it goes on.

    For example: goalscope probe runs/a
    """

    path: tyro.conf.Positional[Path]
    """A run, a checkpoint, a study's folder, or an SB3 .zip."""

    trust: bool = False
    """An SB3 .zip is pickled: loading it runs whatever code it holds. Say that you trust it."""

    algorithm: Literal["SAC", "TD3", "DDPG"] = "SAC"
    """What saved the .zip."""

    make_env: str | None = None
    """module:function that returns the .zip's environment; a Fetch task by --env if left out."""

    out: Path | None = None
    """Folder for what is found of a .zip; beside it, under its name, if left out."""

    parallel: int | None = None
    """Runs of a study at a time; one per core if left out."""

    def run(self) -> int:
        """Probe, and write the page of each run."""
        if self.path.suffix == ".zip":
            out = self.out or self.path.with_suffix("")
            probe_zip(self.path, self._maker(), out, self.algorithm, trust=self.trust)
            print(f"The page: {write_probe_page(out)}")
            return 0
        runs = runs_in(self.path)
        if len(runs) > 1 or (is_run(runs[0]) and runs[0] != self.path):
            return self._study(runs)
        folder, only = run_of(self.path)
        with tqdm(desc=f"probing {folder.name}", unit=" checkpoints") as bar:

            def count(_: Checkpoint) -> None:
                bar.update()

            probe_run(folder, only, count)
        print(f"The page: {write_probe_page(folder)}")
        return 0

    def _study(self, runs: Sequence[Path]) -> int:
        failed = probe_runs(runs, self.parallel or os.cpu_count() or 1)
        for name, cause in failed.items():
            print(f"goalscope: {name} was not probed: {cause}", file=sys.stderr)
        print(f"Probed {len(runs) - len(failed)} of {len(runs)} runs. Next: goalscope compare")
        return BAD_INPUT if failed else 0

    def _maker(self) -> Callable[[], gym.Env[Any, Any]]:
        if self.make_env is None:
            return lambda: make_environment(self.environment())
        name, _, function = self.make_env.partition(":")
        sys.path.insert(0, os.getcwd())  # where a user's own module lies
        try:
            maker: Callable[[], gym.Env[Any, Any]] = getattr(
                importlib.import_module(name), function
            )
        except (ImportError, AttributeError, ValueError) as error:
            raise ModelError(
                f"--make-env {self.make_env} cannot be imported ({error}); write module:function"
            ) from error
        return maker


def probe_runs(runs: Sequence[Path], parallel: int) -> dict[str, str]:
    """Probe runs, several at a time, write their pages, and return run -> why it was not probed."""
    failed: dict[str, str] = {}
    # Inherited by them, torch and BLAS: threads that wait for a core spin on it.
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")  # OpenGL does not survive a fork
    with ProcessPoolExecutor(parallel, context) as pool:
        waiting = {pool.submit(_probe_and_draw, run): run for run in runs}
        for future in tqdm(as_completed(waiting), "probing", len(runs), unit=" runs"):
            try:
                future.result()
            except USER_ERRORS as error:
                failed[waiting[future].name] = str(error)
    return failed


def _probe_and_draw(folder: Path) -> None:
    probe_run(folder)
    write_probe_page(folder)
