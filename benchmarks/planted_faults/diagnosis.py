"""What the report says of the runs of a set: the checks that speak, and every check's number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.planted_faults.running import PlannedRun
from goalscope.diagnostics.record import RecordError
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.findings import diagnosis as findings
from goalscope.reports.numbers.runs import Run, load_run
from goalscope.reports.numbers.windows import four_times

NOTHING = "nothing"  # what is named first where no check speaks


@dataclass(frozen=True)
class Diagnosis:
    """What is known to be wrong with a run, and what the report names.

    Attributes:
        planted: name of what was planted in it, such as "cnn_x50" or "cnn_x50+reward_mismatch".
        checks: names of the checks that should speak; none for a healthy control.
        seed: of the run.
        named: names of the checks that speak, the likeliest cause first.
    """

    planted: str
    checks: tuple[str, ...]
    seed: int
    named: tuple[str, ...]

    @property
    def first(self) -> str:
        """What is named first."""
        return self.named[0] if self.named else NOTHING


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


def diagnose(run: PlannedRun) -> Diagnosis:
    """Return what the report names in a run, read from its record alone.

    A record too short to read names nothing: a user's run that died at once is no better off.
    """
    try:
        found = findings.diagnose(load_run(run.folder)).findings
        named = tuple(dict.fromkeys(finding.check.name for finding in found))
    except RecordError:
        named = ()
    return Diagnosis(run.planted.name, run.planted.checks, run.seed, named)


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
    for check in CHECKS:
        if check.kind != "fault":
            continue
        for time in check.times:
            for planted, group in measured.items():
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
