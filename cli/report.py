"""`goalscope report`: the page of one run."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from goalscope import reports
from goalscope.cli import BAD_INPUT
from goalscope.cli.figure_flags import FigureFlags
from goalscope.cli.plan import kept_plan
from goalscope.cli.saying import say
from goalscope.diagnostics.record import read_run


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

    def run(self) -> int:
        """Write the page; 2 where the record holds NaN, with the page made all the same."""
        from goalscope.reports.findings.words import as_json, lines  # loads pandas: when needed

        plan = kept_plan(self.run_folder.resolve().parent)
        report = reports.write_report(
            self.run_folder, plan.thresholds if plan else None, figures=self.figures
        )
        if self.json:
            print(json.dumps(as_json(report.diagnosis), indent=1, allow_nan=False))
        else:
            found = lines(report.diagnosis)
            say((*found, "", *report.sentences, report.success), report.warnings, report.page)
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
