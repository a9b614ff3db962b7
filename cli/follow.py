"""Following a run: its page drawn anew as the record grows, until the run ends."""

import time
from collections.abc import Callable
from pathlib import Path

from goalscope.diagnostics.record import MEASUREMENTS_FILE, RunReader
from goalscope.diagnostics.record.disk import held
from goalscope.reports.numbers.runs import Run, tables_of

EVERY = 20  # seconds between looks


def follow(folder: Path, draw: Callable[[Run], object], every: float = EVERY) -> tuple[Run, str]:
    """Draw a run now and whenever its record has grown, until it ends or is left, or Ctrl-C.

    A process that writes a record holds its file, and lets go of it however it ends; a run that
    was held, is held no more and has no end was killed. Where the file system knows no locks, that
    is not seen.

    Args:
        folder: of the run.
        draw: makes its page.
        every: seconds between looks.

    Returns:
        The run as it was last read, and in a sentence why it is followed no longer.

    Raises:
        RecordError: it is no run, holds no measurement yet, or is damaged.
    """
    reader, drawn = RunReader(folder), 0
    run = tables_of(reader.read())
    written, left = held(folder / MEASUREMENTS_FILE), False
    try:
        while True:
            if len(run.record.lines) != drawn:
                draw(run)
                drawn = len(run.record.lines)
            if run.record.end is not None:
                reason = run.record.end.details.get("reason", "no reason given")
                return run, f"The run has ended: {reason}."
            if left:
                return run, (
                    "The run has no end, and no process writes to it any more: it was killed, "
                    "or broke off. Follow it again when it goes on."
                )
            time.sleep(every)
            # Looked at before the record is read: what its process wrote last is then in it.
            now = held(folder / MEASUREMENTS_FILE)
            written, left = written or now, written and not now
            run = tables_of(reader.read())
    except KeyboardInterrupt:
        return run, "The run goes on, and the page is no longer drawn."
