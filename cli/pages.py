"""`goalscope report` and `goalscope compare`: records to pages."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from goalscope.cli.errors import BAD_INPUT
from goalscope.diagnostics.record import is_run, read_run
from goalscope.reports import write_comparison, write_report


@dataclass(frozen=True)
class Report:
    """Write the gradient-balance report of one run.

    For example: goalscope report runs/a
    """

    run_folder: tyro.conf.Positional[Path]
    """The folder of the run."""

    def run(self) -> int:
        """Write the page; 2 where the record holds NaN, with the page made all the same."""
        report = write_report(self.run_folder)
        _say((*report.sentences, report.success), report.warnings, report.page)
        nonfinite = read_run(self.run_folder).nonfinite()
        if not nonfinite:
            return 0
        key, update = min(nonfinite.items(), key=lambda item: item[1])
        print(
            f"goalscope: {len(nonfinite)} metrics of {self.run_folder} are NaN or infinite, first "
            f"{key} at update {update}; the page marks them, look there for where training broke",
            file=sys.stderr,
        )
        return BAD_INPUT


@dataclass(frozen=True)
class Compare:
    """Compare runs: the arms side by side, and what can be said of the claim.

    For example: goalscope compare runs/baseline-seed0 runs/fix-seed0 --out runs/comparison
    """

    run_folders: tyro.conf.Positional[tuple[Path, ...]]
    """The folders of the runs, several seeds an arm; a study's folder stands for all in it."""

    out: Path | None = None
    """Folder of the page; "comparison" beside the first run if left out."""

    def run(self) -> int:
        """Write the page."""
        folders = [run for folder in self.run_folders for run in runs_in(folder)]
        out = self.out or folders[0].resolve().parent / "comparison"
        comparison = write_comparison(folders, out)
        _say((*comparison.sentences, comparison.success), comparison.warnings, comparison.page)
        return 0


def runs_in(folder: Path) -> list[Path]:
    """Return the runs of a study's folder; a run, or what is neither, stands for itself."""
    if is_run(folder) or not folder.is_dir():
        return [folder]
    return sorted(path for path in folder.iterdir() if is_run(path)) or [folder]


def _say(sentences: Sequence[str], warnings: Sequence[str], page: Path) -> None:
    for warning in warnings:
        print(f"Note: {warning}", file=sys.stderr)
    for sentence in sentences:
        print(sentence)
    print(f"The page: {page}")
