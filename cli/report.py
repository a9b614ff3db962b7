"""`goalscope report`: the page of one run."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from goalscope import reports
from goalscope.cli import BAD_INPUT, FOUND
from goalscope.cli.figure_flags import FigureFlags
from goalscope.cli.runs_in import study_of
from goalscope.cli.saying import say
from goalscope.cli.thresholds import kept_thresholds
from goalscope.errors import UserError

if TYPE_CHECKING:
    from goalscope.reports import Thresholds
    from goalscope.reports.numbers.runs import Run


@dataclass(frozen=True)
class Report(FigureFlags):
    """Say what is wrong with one run, and write its page.

    Thresholds and windows are those of the study it belongs to, where that has a plan file.

    For example: goalscope report runs/a
    """

    run_folder: tyro.conf.Positional[Path]
    """The folder of the run."""

    json: bool = False
    """Print the findings as JSON, as in findings.json, and nothing else."""

    follow: bool = False
    """While the run goes on, draw the page anew as its record grows. Ends with the run, however it
    ends, or at Ctrl-C; a page that is open loads itself again."""

    fail_on: Literal["finding"] | None = None
    """For a program that tests agents: end with 1 where anything is found."""

    def run(self) -> int:
        """Write the page.

        Returns:
            1 where there is a finding and --fail-on asks; 2 where the record holds NaN, with the
            page made all the same.
        """
        if self.follow:
            if self.json or self.fail_on:
                raise UserError("--follow is for a reader; leave out --json and --fail-on")
            self._follow()
            return 0
        from goalscope.reports.findings.words import as_json, lines  # loads pandas: when needed

        report = reports.write_report(self.run_folder, self._thresholds(), figures=self.figures)
        if self.json:
            print(json.dumps(as_json(report.diagnosis), indent=1, allow_nan=False))
        else:
            found = lines(report.diagnosis)
            say((*found, "", *report.sentences, report.success), report.warnings, report.page)
        if not report.nonfinite:
            return FOUND if self.fail_on and report.diagnosis.findings else 0
        key, update = min(report.nonfinite.items(), key=lambda item: item[1])
        print(
            f"goalscope: {len(report.nonfinite)} metrics of {self.run_folder} are NaN or infinite, "
            f"first {key} at update {update}; the page marks them, look there for where training "
            "broke",
            file=sys.stderr,
        )
        return BAD_INPUT

    def _thresholds(self) -> "Thresholds | None":
        return kept_thresholds(study_of(self.run_folder))

    def _follow(self) -> None:
        from goalscope.cli.follow import EVERY, follow
        from goalscope.reports.findings.words import summary
        from goalscope.reports.pages.run import page_of

        thresholds = self._thresholds()

        def draw(run: "Run") -> None:
            ended = run.record.end is not None
            again = None if ended else EVERY
            report = page_of(run, thresholds, figures=self.figures, redrawn_every=again)
            place = f"Update {run.updates:,}, step {run.steps:,}"
            print(f"{place}: {summary(report.diagnosis)} {report.page}", flush=True)

        run, why = follow(self.run_folder, draw)
        if run.record.end is None:
            page_of(run, thresholds, figures=self.figures)  # which loads itself no more
        print(why)
