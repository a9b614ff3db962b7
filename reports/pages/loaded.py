"""A run to be looked at in Python: its numbers as one tidy table, its findings, its figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from goalscope.diagnostics.record.keys import parse
from goalscope.diagnostics.record.metrics import metric_of
from goalscope.reports.claims.assessment import assess
from goalscope.reports.claims.success import run_success_sentence
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.run.figures import run_plots
from goalscope.reports.findings.diagnosis import Diagnosis, diagnose
from goalscope.reports.findings.words import as_json
from goalscope.reports.numbers import runs
from goalscope.reports.numbers.windows import four_times
from goalscope.reports.pages.templating import render
from goalscope.reports.statistics.thresholds import Thresholds

FRAME_COLUMNS = ("update", "step", "family", "owner", "block", "name", "unit", "value", "key")
FINDING_COLUMNS = ("name", "kind", "network", "since", "until", "value", "usual", "says", "change")


@dataclass(frozen=True, repr=False)
class LoadedRun:
    """A run as it was when it was loaded; it shows itself in a notebook.

    Attributes:
        run: its tables, one per metric.
        thresholds: drawn in its figures.
    """

    run: runs.Run
    thresholds: Thresholds

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Every number: a row each, with columns `FRAME_COLUMNS`, by update and then by key.

        `owner` and `block` are "" where the metric has none; NaN and infinities are as measured.
        """
        parts = []
        for key, table in self.run.metrics.items():
            named, metric = parse(key), metric_of(key)
            parts.append(
                table.assign(
                    family=named.family,
                    owner=named.owner,
                    block=named.block,
                    name=named.name,
                    unit="" if metric is None else metric.unit,
                    key=key,
                )
            )
        empty = pd.DataFrame(columns=list(FRAME_COLUMNS))
        frame = pd.concat(parts, ignore_index=True) if parts else empty
        return frame[list(FRAME_COLUMNS)].sort_values(["update", "key"], ignore_index=True)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What the checks say, those that did not speak and those that could not be made."""
        return diagnose(self.run)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """What is wrong: a row each, with columns `FINDING_COLUMNS`, the likeliest cause first."""
        rows = as_json(self.diagnosis)["findings"]
        return pd.DataFrame(rows, columns=list(FINDING_COLUMNS))

    @cached_property
    def figures(self) -> Mapping[str, Plot]:
        """Name -> figure of the run's page, in reading order; each shows itself in a notebook."""
        thresholds = self.thresholds
        times = four_times([self.run], thresholds.early_updates, thresholds.late_part)
        family = assess({self.run.arm: [self.run]}, times, thresholds).study.family
        return {plot.name: plot for plot in run_plots(self.run, times, thresholds, family)}

    def __repr__(self) -> str:
        run = self.run
        return f"LoadedRun({run.title}: {run.updates:,} updates in {run.steps:,} steps)"

    def _repr_html_(self) -> str:
        """Return the findings and the success of the run, as its page has them."""
        success = run_success_sentence(self.run)
        content = {"run": self.run, "diagnosis": self.diagnosis, "success": success}
        return render("notebook.html", content)


def load_run(folder: Path | str, thresholds: Thresholds | None = None) -> LoadedRun:
    """Return a run's numbers, findings and figures.

    Args:
        folder: of a run that has ended, was cut off, or is still going.
        thresholds: drawn in the figures; None takes the fixed ones.

    Raises:
        RecordError: it is not a readable run.
    """
    return LoadedRun(runs.load_run(folder), thresholds or Thresholds())
