"""Where a run or a study says how far it is."""

from rich.console import Console

from goalscope.training.runs.interrupts import send_nowhere


class LastingConsole(Console):
    """Falls silent once nobody reads it any more, as where `tee` was ended: the work goes on.

    rich itself ends the program there.
    """

    def on_broken_pipe(self) -> None:
        """Send what is still said nowhere."""
        self.quiet = True
        send_nowhere(self.file.fileno())
