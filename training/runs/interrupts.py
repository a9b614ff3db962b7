"""Processes that a terminal's Ctrl-C does not reach."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def interrupts_kept_from_workers() -> Iterator[None]:
    """Inside, start processes that never see SIGINT.

    A terminal sends it to each of its processes, also to one that is still importing, which then
    says so in a traceback. Whoever started them ends them. One that comes meanwhile waits.
    """
    resource_tracker.ensure_running()  # its own first start would undo what is blocked here
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a new process inherits it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
