"""Signals that ask for an end: who sees them, and what becomes of them."""

import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

from goalscope.errors import Interrupted

# Ctrl-C; what schedulers and containers send first; a terminal that closes.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_stop_signals() -> None:
    """From now on each of them is an `Interrupted`, as Ctrl-C is a `KeyboardInterrupt` anyway."""
    for number in _obeyed(STOP_SIGNALS[1:]):
        signal.signal(number, _interrupt)


@contextmanager
def stop_signals_noted() -> Iterator[Callable[[], int | None]]:
    """Inside, they are noted instead of obeyed; yields what returns the last that came, or None."""
    noted: list[int] = []

    def note(number: int, _: object) -> None:
        _leave_closed_terminal(number)
        noted.append(number)

    before = {number: signal.signal(number, note) for number in _obeyed(STOP_SIGNALS)}
    try:
        yield lambda: noted[-1] if noted else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def kept_from_workers(signals: Collection[int] = STOP_SIGNALS) -> Iterator[None]:
    """Inside, start processes that never see these signals.

    A terminal, or a scheduler, sends them to each process, also to one that is still importing,
    which then says so in a traceback, or dies before the run is saved. Whoever started them ends
    them. A signal that comes meanwhile waits.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # a new process inherits it
    resource_tracker.ensure_running()  # its own first start undoes part of what is blocked here
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def saying_when_interrupted(words: str) -> Iterator[None]:
    """Inside, an interrupt that says nothing of how things were left gets these words."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if not str(stop):
            stop.args = (words,)
        raise


def send_nowhere(descriptor: int) -> None:
    """Lead what is still written there to where it is no error: whoever read it is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _obeyed(signals: Collection[int]) -> list[int]:
    """Return those that reach this thread, and that nobody chose to ignore, as `nohup` does."""
    if threading.current_thread() is not threading.main_thread():
        return []
    return [n for n in signals if signal.getsignal(n) not in (signal.SIG_IGN, None)]


def _interrupt(number: int, _: object) -> None:
    _leave_closed_terminal(number)
    raise Interrupted(number)


def _leave_closed_terminal(number: int) -> None:
    """Send what is still said nowhere, where a terminal is gone: writing to it is an error."""
    if number != signal.SIGHUP:
        return
    for descriptor in (1, 2):
        try:
            os.write(descriptor, b"")
        except OSError:
            send_nowhere(descriptor)
