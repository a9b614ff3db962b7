"""Where a run or a study says how far it is."""

import os

from rich.console import Console


class LastingConsole(Console):
    """Falls silent once nobody reads it any more, as where `tee` was ended: the work goes on.

    rich itself ends the program there.
    """

    def on_broken_pipe(self) -> None:
        """Send what is still said nowhere."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
