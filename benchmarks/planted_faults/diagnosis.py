"""What the report says of the runs of a set: the checks that speak, when, and their numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.planted_faults.running import PlannedRun
from goalscope.diagnostics.record import RecordError
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.findings import diagnosis as findings
from goalscope.reports.numbers.runs import Run, load_run
from goalscope.reports.numbers.windows import three_times

NOTHING = "nothing"  # what is named first where no check speaks
ASKED_EVERY = 50  # updates; so often the record so far is asked what is wrong


@dataclass(frozen=True)
class Diagnosis:
    """What is known to be wrong with a run, and what the report names.

    Attributes:
        planted: name of what was planted in it, such as "cnn_x50" or "cnn_x50+reward_mismatch".
        ground: name of what it was planted in.
        checks: names of the checks that should speak; none for a healthy control.
        seed: of the run.
        named: names of the checks that speak, the likeliest cause first.
        since: the update by which the record so far had each check named that should be; absent
            where it never was.
    """

    planted: str
    ground: str
    checks: tuple[str, ...]
    seed: int
    named: tuple[str, ...]
    since: tuple[int, ...] = ()

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
    planted = run.planted
    try:
        read = load_run(run.folder)
        named = _named(read)
    except RecordError:
        read, named = None, ()
    since = (
        ()
        if read is None
        else tuple(
            update for check in planted.checks if (update := _first_named(read, check)) is not None
        )
    )
    return Diagnosis(planted.name, planted.ground_name, planted.checks, run.seed, named, since)


def _named(run: Run) -> tuple[str, ...]:
    found = findings.diagnose(run).findings
    return tuple(dict.fromkeys(finding.check.name for finding in found))


def _first_named(run: Run, check: str) -> int | None:
    """Return the update by which the record so far names a check, to within `ASKED_EVERY`."""
    updates: list[int] = [*range(ASKED_EVERY, run.updates, ASKED_EVERY), run.updates]
    for update in updates:
        if check in _named(_until(run, update)):
            return update
    return None


def _until(run: Run, update: int) -> Run:
    """Return a run as its record was at an update."""
    record = replace(
        run.record,
        lines=[line for line in run.record.lines if line.update <= update],
        probes=[line for line in run.record.probes if line.update <= update],
    )
    cut = {key: table[table["update"] <= update] for key, table in run.metrics.items()}
    metrics = {key: table for key, table in cut.items() if len(table)}
    return replace(run, record=record, metrics=metrics)


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
