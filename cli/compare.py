"""`goalscope compare`: the verdict over arms and seeds, and its page."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import tyro

from goalscope import reports
from goalscope.cli import BAD_INPUT
from goalscope.cli.figure_flags import FigureFlags
from goalscope.cli.own_arms import own_arms
from goalscope.cli.runs_in import runs_in, study_of
from goalscope.cli.saying import say
from goalscope.cli.thresholds import kept_thresholds
from goalscope.diagnostics.record import read_run
from goalscope.errors import UserError
from goalscope.training.runs.study_folder import STUDY_FILE, StudyRun, read_study
from goalscope.underway.adaptive import adaptive_notes


@dataclass(frozen=True)
class Compare(FigureFlags):
    """Compare runs: the verdict on the claim and on its rivals, and what to try next.

    Thresholds and windows are those of the study's plan file, where it has one. Runs of a script of
    your own are sorted into arms by --arm, or by the arm that their callback was given.

    For example: goalscope compare studies/a
    Or: goalscope compare --arm 'base=runs/b-*' --arm 'fix=runs/f-*' --baseline base
    """

    run_folders: tyro.conf.Positional[tuple[Path, ...]] = ()
    """A study's folder, or the folders of runs, several seeds an arm."""

    arm: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=FOLDERS, once for each arm: a quoted pattern, or folders one after the other. Their runs
    are that arm's, whatever their records say."""

    baseline: str | None = None
    """The arm that the others are compared with; pixel-her, or the first, if left out."""

    until_step: int | None = None
    """Leave out what came after this environment step, so that runs of unequal length are compared
    over the same steps; all of each if left out. Of a study only runs that have ended count."""

    out: Path | None = None
    """Folder of the page; "comparison" beside the first run if left out."""

    format: Literal["pdf", "png", "md"] | None = None
    """Also write a short form for a paper or a book: text, and figures with captions."""

    json: bool = False
    """Print the verdict as JSON, as in verdict.json, and nothing else."""

    def run(self) -> int:
        """Write the page; 2 where every seed of an arm failed, with the page of the rest made."""
        if bool(self.run_folders) == bool(self.arm):
            raise UserError(
                "compare what? give either folders (a study's, or those of runs), or each arm by "
                "--arm NAME=FOLDERS, and not both; see: goalscope compare --help"
            )
        if self.until_step is not None and self.until_step < 1:
            raise UserError(f"--until-step must be at least 1, and {self.until_step} is not")
        named = own_arms(self.arm)
        arms = {arm: list(dict.fromkeys(_runs_in_all(own))) for arm, own in named.items()}
        given = [*self.run_folders, *chain.from_iterable(named.values())]
        folders = [*_runs_in_all(self.run_folders), *chain.from_iterable(arms.values())]
        studies = dict.fromkeys(map(study_of, given))
        kept = {study: found for study in studies if (found := kept_thresholds(study))}
        missing = [
            (folder, run)
            for folder in given
            for run in read_study(folder)
            if run.state not in ("finished", "settled")
        ]
        beside = folders[0].resolve().parent / "comparison"
        if self.out is None and beside.is_symlink():
            raise UserError(f"{beside} is a link that leads elsewhere; give --out")
        out = self.out or beside
        comparison = reports.write_comparison(
            arms or folders,
            out,
            next(iter(kept.values()), None),
            baseline=self.baseline,
            until_step=self.until_step,
            notes=[
                *_other_thresholds(kept),
                *(note for study in studies for note in adaptive_notes(study / STUDY_FILE)),
            ],
            missing={
                _named(folder, run, missing): run.cause or f"{run.state} when looked at"
                for folder, run in missing
            },
            form=self.format,
            figures=self.figures,
        )
        if self.json:
            content = json.loads(comparison.verdict_file.read_text(encoding="utf-8"))
            print(json.dumps(content, indent=1, allow_nan=False))
        else:
            self._say(comparison)
        gone = {} if arms else dict.fromkeys(r.arm for _, r in missing if r.state == "failed")
        there = {str(read_run(folder).info.arm) for folder in folders} if gone else ()
        gone = dict.fromkeys(arm for arm in gone if arm not in there)
        if gone:
            print(
                f"goalscope: every seed of {' and '.join(gone)} failed; the page lists why, and "
                "compares the others",
                file=sys.stderr,
            )
        return BAD_INPUT if gone else 0

    def _say(self, comparison: reports.ComparisonPage) -> None:
        say(
            (comparison.overall, *comparison.sentences, comparison.success),
            comparison.warnings,
            comparison.page,
        )
        for number, step in enumerate(comparison.steps, 1):
            print(f"Try next, {number}: {step}")
        if comparison.short is not None:
            print(f"The short form: {comparison.short}")


def _runs_in_all(folders: Sequence[Path]) -> list[Path]:
    return [run for folder in folders for run in runs_in(folder)]


def _named(folder: Path, run: StudyRun, others: Sequence[tuple[Path, StudyRun]]) -> str:
    """Return a run's name, with its study's folder where runs of others are there, too."""
    return run.name if all(other == folder for other, _ in others) else f"{folder}/{run.name}"


def _other_thresholds(kept: Mapping[Path, reports.Thresholds]) -> list[str]:
    """Return that studies were planned with other thresholds than those that decide, if so."""
    if len(set(kept.values())) < 2:
        return []
    first, *others = kept
    differ = [str(folder) for folder in others if kept[folder] != kept[first]]
    return [
        f"thresholds and windows are those of the plan of {first}; of {', '.join(differ)} the plan "
        "has others, which do not count here"
    ]
