"""Every check's numbers in the runs of a set: what thresholds are set on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.planted_faults.running import PlannedRun
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.numbers.runs import Run, load_run
from goalscope.reports.numbers.windows import four_times


@dataclass(frozen=True)
class CheckRange:
    """The numbers of a check in the runs of one fault.

    Attributes:
        check: its name.
        time: at which of its times.
        planted: name of the fault.
        least: smallest number; NaN and infinities are left out.
        most: largest.
        runs: how many numbers: one for each run and network.
        spoken: how many of them lay on the speaking side.
        threshold: with its side, such as "above 0.5".
    """

    check: str
    time: str
    planted: str
    least: float
    most: float
    runs: int
    spoken: int
    threshold: str


def check_ranges(runs: Sequence[PlannedRun]) -> list[CheckRange]:
    """Return the range of every check that names a fault, for each fault and time."""
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(run.planted.name, []).append(load_run(run.folder))
    measured = {
        planted: [(run, four_times([run]).windows) for run in group]
        for planted, group in grouped.items()
    }
    found = []
    for general in CHECKS:
        if general.kind != "fault":
            continue
        for time in general.times:
            for planted, group in measured.items():
                check = general.of(group[0][0].task)
                values = [
                    check.mean(run, network, windows[time])
                    for run, windows in group
                    for network in check.networks
                ]
                numbers = [v for v in values if v is not None and math.isfinite(v)]
                found.append(
                    CheckRange(
                        check.name,
                        time,
                        planted,
                        min(numbers, default=math.nan),
                        max(numbers, default=math.nan),
                        len(numbers),
                        int(check.speaks(np.array(numbers)).sum()),
                        f"{check.side} {check.threshold:g}",
                    )
                )
    return found
