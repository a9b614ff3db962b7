"""What the report says of the runs of a set: the checks that speak, and every check's number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.planted_faults.agent import ENVIRONMENT
from benchmarks.planted_faults.running import PlannedRun
from goalscope.diagnostics.record import RecordError
from goalscope.reports.numbers.runs import Run, load_run
from goalscope.reports.numbers.windows import three_times
from goalscope.reports.rivals.check import checks_of
from goalscope.reports.rivals.faults import FAULT_CHECKS
from goalscope.reports.rivals.findings import run_findings
from goalscope.training.envs.tasks import task_of

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
        runs: in which it was measured.
        spoken: in which its number lay on the speaking side.
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
        named = tuple(finding.name for finding in run_findings(load_run(run.folder)))
    except RecordError:
        named = ()
    return Diagnosis(run.planted.name, run.planted.checks, run.seed, named)


def check_ranges(runs: Sequence[PlannedRun]) -> list[CheckRange]:
    """Return the range of every check that names a fault, for each fault and time."""
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(run.planted.name, []).append(load_run(run.folder))
    measured = {
        planted: [(run, three_times([run]).windows) for run in group]
        for planted, group in grouped.items()
    }
    found = []
    for check in checks_of(FAULT_CHECKS, task_of(ENVIRONMENT.id)):
        for time in check.times:
            for planted, group in measured.items():
                values = [check.read(run, windows[time]) for run, windows in group]
                numbers = [v for v in values if v is not None and math.isfinite(v)]
                found.append(
                    CheckRange(
                        check.name,
                        time,
                        planted,
                        min(numbers, default=math.nan),
                        max(numbers, default=math.nan),
                        len(numbers),
                        sum(map(check.spoken, numbers)),
                        f"{check.speaks} {check.threshold:g}",
                    )
                )
    return found
