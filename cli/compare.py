"""`goalscope compare`: the verdict over arms and seeds, and its page."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from goalscope import reports
from goalscope.cli import BAD_INPUT
from goalscope.cli.figure_flags import FigureFlags
from goalscope.cli.plan import kept_plan
from goalscope.cli.saying import say
from goalscope.diagnostics.record import is_run, read_run
from goalscope.errors import UserError
from goalscope.training.runs.study_folder import STUDY_FILE, StudyError, read_study


@dataclass(frozen=True)
class Compare(FigureFlags):
    """Compare runs: the verdict on the claim and on its rivals, and what to try next.

    Thresholds and windows are those of the study's plan file, where it has one.

    For example: goalscope compare studies/a
    """

    run_folders: tyro.conf.Positional[tuple[Path, ...]]
    """A study's folder, or the folders of runs, several seeds an arm."""

    out: Path | None = None
    """Folder of the page; "comparison" beside the first run if left out."""

    format: Literal["pdf", "png", "md"] | None = None
    """Also write a short form for a paper or a book: text, and figures with captions."""

    def run(self) -> int:
        """Write the page; 2 where every seed of an arm failed, with the page of the rest made."""
        if not self.run_folders:
            raise UserError(
                "compare what? give a study's folder, or the folders of runs; see: goalscope "
                "compare --help"
            )
        folders = [run for folder in self.run_folders for run in runs_in(folder)]
        plans = [plan for folder in self.run_folders if (plan := kept_plan(folder)) is not None]
        missing = [
            run
            for folder in self.run_folders
            for run in read_study(folder)
            if run.state != "finished"
        ]
        out = self.out or folders[0].resolve().parent / "comparison"
        comparison = reports.write_comparison(
            folders,
            out,
            plans[0].thresholds if plans else None,
            missing={run.name: run.cause or f"{run.state} when looked at" for run in missing},
            form=self.format,
            figures=self.figures,
        )
        say(
            (comparison.overall, *comparison.sentences, comparison.success),
            comparison.warnings,
            comparison.page,
        )
        for number, step in enumerate(comparison.steps, 1):
            print(f"Try next, {number}: {step}")
        if comparison.short is not None:
            print(f"The short form: {comparison.short}")
        there = {str(read_run(folder).info.arm) for folder in folders}
        gone = dict.fromkeys(r.arm for r in missing if r.state == "failed" and r.arm not in there)
        if gone:
            print(
                f"goalscope: every seed of {' and '.join(gone)} failed; the page lists why, and "
                "compares the others",
                file=sys.stderr,
            )
        return BAD_INPUT if gone else 0


def runs_in(folder: Path) -> list[Path]:
    """Return the runs of a folder; a run, or what is neither, stands for itself.

    Of a study those that are finished: one that failed, or is still going, would set the end of the
    late window for all the others.

    Raises:
        StudyError: a study without a finished run, or its study.json is damaged.
    """
    if is_run(folder) or not folder.is_dir():
        return [folder]
    runs = read_study(folder)
    found = sorted(path for path in folder.iterdir() if is_run(path))
    if runs:  # in the plan's order of arms
        found = [folder / run.name for run in runs if run.state == "finished"]
    if not found and (folder / STUDY_FILE).is_file():
        failed = [f"{run.name} failed ({run.cause})" for run in runs if run.state == "failed"]
        why = f": {failed[0]}" if failed else ""
        raise StudyError(f"the study {folder} holds no finished run{why}; start it again")
    return found or [folder]
