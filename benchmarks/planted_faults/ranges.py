"""Every check's numbers in the runs of a set: what thresholds are set on, and stand between."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.planted_faults.faults import FAULTS
from benchmarks.planted_faults.running import PlannedRun
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.series import IN_A_ROW, SPAN, Series
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.numbers.runs import load_run


@dataclass(frozen=True)
class CheckRange:
    """The numbers of a check in the runs of one fault.

    Attributes:
        check: its name.
        label: what it measures, in words.
        planted: name of the fault.
        least: smallest number.
        most: largest.
        runs: how many numbers: one for each run and network.
        spoken: how many of them lay on the speaking side.
        threshold: with its side, such as "above 0.5".
    """

    check: str
    label: str
    planted: str
    least: float
    most: float
    runs: int
    spoken: int
    threshold: str

    @property
    def healthy(self) -> bool:
        """Whether nothing was planted."""
        return FAULTS[self.planted].kind == "control"

    @property
    def faulty(self) -> bool:
        """Whether what was planted is what the check should name."""
        return FAULTS[self.planted].check == self.check


def check_ranges(runs: Sequence[PlannedRun]) -> list[CheckRange]:
    """Return the range of every check that names a fault, for each fault in which it was made."""
    numbers: dict[tuple[str, str], list[float]] = {}
    checks: dict[str, Check] = {}
    for planned in runs:
        run = load_run(planned.folder)
        for general in CHECKS:
            check = general.of(run.task)
            if check.kind != "fault" or not check.applies(run):
                continue
            checks[check.name] = check
            series = [check.read(run, network) for network in check.networks]
            found = [_kept_up(check, one) for one in series if one is not None]
            key = (check.name, planned.planted.name)
            numbers.setdefault(key, []).extend(number for number in found if number is not None)
    return [
        CheckRange(
            name,
            checks[name].label,
            planted,
            min(found),
            max(found),
            len(found),
            int(checks[name].speaks(np.array(found)).sum()),
            f"{checks[name].side} {checks[name].threshold:.3g}",
        )
        for (name, planted), found in numbers.items()
        if found
    ]


def _kept_up(check: Check, series: Series) -> float | None:
    """Return the number furthest to the speaking side that a run kept up; None without enough.

    Three measurements in a row, from update 100 on, as a patient check asks; else the last one.
    """
    series = series.finite()
    values = series.values[series.updates >= SPAN] if check.patient else series.values[-1:]
    if check.at_start:
        values = series.values[:1]
    row = IN_A_ROW if check.patient and not check.at_start else 1
    if len(values) < row:
        return None
    rows = sliding_window_view(values, row)
    return float(rows.min(axis=1).max() if check.side == "above" else rows.max(axis=1).min())
