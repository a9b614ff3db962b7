"""Following a run: its page drawn anew as the record grows, until the run ends."""

import time
from collections.abc import Callable
from pathlib import Path

from goalscope.diagnostics.record import RunReader
from goalscope.reports.numbers.runs import Run, tables_of

EVERY = 20  # seconds between looks


def follow(folder: Path, draw: Callable[[Run], object], every: float = EVERY) -> Run:
    """Draw a run now and whenever its record has grown; return it as it ended, or at Ctrl-C.

    Args:
        folder: of the run.
        draw: makes its page.
        every: seconds between looks.

    Raises:
        RecordError: it is no run, holds no measurement yet, or is damaged.
    """
    reader, drawn = RunReader(folder), 0
    run = tables_of(reader.read())
    try:
        while True:
            if len(run.record.lines) != drawn:
                draw(run)
                drawn = len(run.record.lines)
            if run.record.end is not None:
                return run
            time.sleep(every)
            run = tables_of(reader.read())
    except KeyboardInterrupt:
        return run
