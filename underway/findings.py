"""The findings of a run that still goes on, each told once."""

from dataclasses import dataclass
from pathlib import Path

from goalscope.diagnostics.record import RunReader
from goalscope.reports.findings import words
from goalscope.reports.findings.diagnosis import Finding, diagnose
from goalscope.reports.numbers.runs import Run, tables_of


@dataclass(frozen=True)
class Told:
    """A finding, when it first holds.

    Attributes:
        says: what is wrong, one sentence.
        text: the same with its time, its number and what to change.
        is_fault: False for a limit, which explains a failure and is common in healthy runs.
    """

    says: str
    text: str
    is_fault: bool


class FindingsUnderway:
    """Makes the checks of a run as far as it has come.

    Args:
        folder: of the run.

    Raises:
        RecordError: it holds no run.
    """

    def __init__(self, folder: Path) -> None:
        self._reader = RunReader(folder)
        self._told: set[tuple[str, str, str]] = set()  # check, network, camera

    def new(self) -> list[Told]:
        """Return what is wrong now and has not been told before, the likeliest first cause first.

        Raises:
            RecordError: the record is damaged.
        """
        run = tables_of(self._reader.read())
        found = []
        for finding in diagnose(run).findings:
            name = finding.check.name, finding.network, finding.block
            if name not in self._told:
                self._told.add(name)
                found.append(_told(finding, run))
        return found


def _told(finding: Finding, run: Run) -> Told:
    says = words.headline(finding, run)
    when = words.when(finding)
    change = words.details(finding, run)["Change"]
    text = f"{says} ({when}; {words.number(finding, run)}) Change: {change}"
    return Told(says, text, finding.check.kind == "fault")
