"""`goalscope report`: the page of one run."""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from goalscope import reports
from goalscope.cli import BAD_INPUT
from goalscope.cli.plan import kept_plan
from goalscope.cli.saying import say
from goalscope.diagnostics.record import read_run


@dataclass(frozen=True)
class Report:
    """Write the gradient-balance report of one run.

    Thresholds and windows are those of the study it belongs to, where that has a plan file.

    For example: goalscope report runs/a
    """

    run_folder: tyro.conf.Positional[Path]
    """The folder of the run."""

    def run(self) -> int:
        """Write the page; 2 where the record holds NaN, with the page made all the same."""
        plan = kept_plan(self.run_folder.resolve().parent)
        report = reports.write_report(self.run_folder, plan.thresholds if plan else None)
        say((*report.sentences, report.success), report.warnings, report.page)
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
