"""`goalscope doctor`: can this machine render and train, and if not, what is the remedy."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from goalscope.cli.arm_flags import ArmFlags
from goalscope.training.runs.settings import StudySettings
from goalscope.training.runs.validation import check

if TYPE_CHECKING:
    from goalscope.cli.machine import Finding


@dataclass(frozen=True, kw_only=True)
class Doctor(ArmFlags, StudySettings):
    """Check the OpenGL renderer, torch device, memory, disk and packages of this machine.

    With --arm also what a run of that arm would take: memory, disk and time. The other flags are
    those of goalscope train, and so is what holds where they are left out.

    For example: goalscope doctor --arm pixel-her-drq-norm --n-envs 8 --fast --total-steps 8000000
    """

    arm: str | None = None
    """An arm whose run is planned."""

    out: Path = Path("runs")
    """Where its folder would lie."""

    json: bool = False
    """Print what was found as JSON, a list of what, value, remedy and fatal, and nothing else."""

    def run(self) -> int:
        """Print the table; 0 where everything needed works, 2 otherwise."""
        settings = None
        if self.arm is not None:
            settings = self.of_run(self.arm_of(self.arm), self.out, seed=0)
            check(settings)

        from goalscope.cli import machine

        findings = [finding for look in machine.CHECKS for finding in look()]
        if settings is not None:
            findings += machine.check_run(settings)
            if not any(finding.fatal for finding in findings):
                findings.append(machine.check_time(settings))
        if self.json:
            print(json.dumps([asdict(finding) for finding in findings], indent=1))
        else:
            _say(findings)
        return 2 if any(finding.fatal for finding in findings) else 0


def _say(findings: Sequence["Finding"]) -> None:
    console = Console(highlight=False)
    table = Table(title="goalscope doctor")
    for heading in ("", "what", "found"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(finding.sign, escape(finding.what), escape(finding.value))
    console.print(table)
    for finding in findings:
        if finding.remedy:  # below the table, where a command stays in one piece
            remedy = escape(f"{finding.what}: {finding.remedy}")
            console.print(f"{finding.sign}  {remedy}", soft_wrap=True)
