"""What is done when a check finds something wrong with a run that goes on: say it, or stop."""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from goalscope.diagnostics.record import Line

if TYPE_CHECKING:
    from goalscope.underway.findings import FindingsUnderway

Action = Literal["warn", "stop"]
ASKED_EVERY = 500  # updates, at least
ASKED_GROWTH = 1.05  # of the run: what all asking costs stays some twenty times the last asking

_log = logging.getLogger("goalscope")


class OnFinding:
    """Asks the checks now and then, by update alone, so that a run repeats to the last bit.

    Args:
        folder: of the run.
        action: "warn" tells of each finding once; "stop" also ends the training at the first fault.
        stop: ends the training, given why.
    """

    name = "on_finding"

    def __init__(self, folder: Path, action: Action, stop: Callable[[str], None]) -> None:
        self._folder, self._action, self._stop = folder, action, stop
        self._due = ASKED_EVERY
        self._findings: FindingsUnderway | None = None

    def hear(self, line: Line) -> None:
        """Ask where the update of a line, just written, is due."""
        if line.update < self._due or line.event is not None:
            return
        self._due = max(line.update + ASKED_EVERY, math.ceil(line.update * ASKED_GROWTH))
        for told in self._asked().new():
            _log.warning("goalscope at update %s: %s", f"{line.update:,}", told.text)
            if self._action == "stop" and told.is_fault:
                self._stop(f"stopped by a finding: {told.says}")

    def _asked(self) -> "FindingsUnderway":
        if self._findings is None:
            from goalscope.underway.findings import FindingsUnderway  # pandas, scipy: when needed

            self._findings = FindingsUnderway(self._folder)
        return self._findings
