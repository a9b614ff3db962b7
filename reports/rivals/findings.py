"""What stands out in one run: the checks that speak, the likeliest cause first."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import Time, Times, three_times
from goalscope.reports.rivals.check import Check, checks_of
from goalscope.reports.rivals.faults import FAULT_CHECKS
from goalscope.reports.statistics.formatting import percent, plain


@dataclass(frozen=True)
class Finding:
    """A check that speaks in a run.

    Attributes:
        check: which.
        value: its number.
        time: when it was first on the side that speaks.
    """

    check: Check
    value: float
    time: Time

    @property
    def name(self) -> str:
        """Name of the check."""
        return self.check.name

    @property
    def threshold(self) -> float:
        """The check's threshold."""
        return self.check.threshold

    @property
    def sentence(self) -> str:
        """What is wrong, with the number and its threshold."""
        check = self.check
        value, threshold = in_unit(check, self.value), in_unit(check, check.threshold)
        return f"{check.says} ({check.label}: {value}, {check.speaks} {threshold}; {self.time})"


def run_findings(
    run: Run, times: Times | None = None, checks: Sequence[Check] = FAULT_CHECKS
) -> list[Finding]:
    """Return the checks that speak in a run, in the order of cause and effect.

    What an earlier one explains is left out: a critic that is constant passes no gradient.
    A check speaks where its number lies on the speaking side at each of its times that has been
    measured: a value that only passes through is none. NaN anywhere in the gradients, features or
    losses speaks whenever it comes. One run is one seed: a finding is where to look, no outcome.

    Args:
        run: the run.
        times: its windows; None makes them.
        checks: those that may speak; the limits are checks that many healthy runs show.
    """
    windows = (times or three_times([run])).windows
    found: list[Finding] = []
    for check in checks_of(checks, run.task):
        if any(check.name in finding.check.explains for finding in found):
            continue
        read = {time: check.read(run, windows[time]) for time in check.times}
        values = {t: v for t, v in read.items() if v is not None and not math.isnan(v)}
        speaking = [time for time, value in values.items() if check.spoken(value)]
        if speaking and (check.lasting or len(speaking) == len(values)):
            found.append(Finding(check, values[speaking[-1]], speaking[0]))
    return found


def in_unit(check: Check, value: float) -> str:
    """Return a check's number in words, with its unit."""
    return percent(value) if check.unit == "share" else f"{plain(value)} {check.unit}"
