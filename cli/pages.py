"""`goalscope report` and `goalscope compare`: records to pages."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from goalscope.reports import write_comparison, write_report


@dataclass(frozen=True)
class Report:
    """Write the gradient-balance report of one run.

    Example:
        goalscope report runs/a
    """

    run_folder: tyro.conf.Positional[Path]
    """The folder of the run."""

    def run(self) -> int:
        """Write the page; 2 where the record needs a look, with the page made all the same."""
        report = write_report(self.run_folder)
        return _say(report.sentences, report.warnings, report.page)


@dataclass(frozen=True)
class Compare:
    """Compare runs: the arms side by side, and what can be said of the claim.

    Example:
        goalscope compare runs/baseline-seed0 runs/fix-seed0 --out runs/comparison
    """

    run_folders: tyro.conf.Positional[tuple[Path, ...]]
    """The folders of the runs, several seeds per arm; a folder of runs stands for all in it."""

    out: Path | None = None
    """Folder of the page; "comparison" beside the first run if left out."""

    def run(self) -> int:
        """Write the page."""
        out = self.out or self.run_folders[0].resolve().parent / "comparison"
        comparison = write_comparison(self.run_folders, out)
        return _say(comparison.sentences, comparison.warnings, comparison.page)


def _say(sentences: Sequence[str], warnings: Sequence[str], page: Path) -> int:
    for warning in warnings:
        print(f"goalscope: {warning}", file=sys.stderr)
    for sentence in sentences:
        print(sentence)
    print(f"The page: {page}")
    return 0
