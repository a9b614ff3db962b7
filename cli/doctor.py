"""`goalscope doctor`: can this machine render and train, and if not, what is the remedy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from goalscope.training.runs.settings import RunSettings
from goalscope.training.runs.validation import check


@dataclass(frozen=True)
class Doctor:
    """Check the OpenGL renderer, torch device, memory, disk and packages of this machine.

    With --arm also what a run of that arm would take, at the plan's sizes unless told otherwise.

    For example: goalscope doctor --arm pixel-her-drq-norm
    """

    arm: str | None = None
    """An arm whose run is planned."""

    env: str = "FetchPush-v4"
    """Its Fetch task."""

    buffer_size: int = 1_000_000
    """Transitions its replay keeps."""

    n_envs: int = 8
    """Its environments."""

    image_size: int = 84
    """Height and width of its image in pixels."""

    frames: Literal["memory", "disk"] | None = None
    """Where its replay keeps frames; chosen by what is free if left out."""

    fast: bool = True
    """Whether it runs with --fast."""

    out: Path = Path("runs")
    """Where its folder would lie."""

    def run(self) -> int:
        """Print the table; 0 where everything needed works, 2 otherwise."""
        settings = None if self.arm is None else self._settings(self.arm)
        if settings is not None:
            check(settings)

        from goalscope.cli import machine

        findings = [finding for look in machine.CHECKS for finding in look()]
        if settings is not None:
            findings += machine.check_run(settings)
        console = Console(highlight=False)
        table = Table(title="goalscope doctor")
        for heading in ("", "what", "found"):
            table.add_column(heading, overflow="fold")
        for finding in findings:
            table.add_row(finding.sign, finding.what, finding.value)
        console.print(table)
        for finding in findings:
            if finding.remedy:  # below the table, where a command stays in one piece
                remedy = escape(f"{finding.what}: {finding.remedy}")
                console.print(f"{finding.sign}  {remedy}", soft_wrap=True)
        return 2 if any(finding.fatal for finding in findings) else 0

    def _settings(self, arm: str) -> RunSettings:
        per = max(1, self.n_envs)  # less is refused as it is checked
        return RunSettings(
            arm=arm,
            out=self.out,
            total_steps=max(8_000_000, self.buffer_size) // per * per,
            env=self.env,
            image_size=self.image_size,
            n_envs=self.n_envs,
            buffer_size=self.buffer_size,
            frames=self.frames,
            fast=self.fast,
        )
