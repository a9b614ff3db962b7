"""A run in a process of its own."""

import multiprocessing
import os
import shutil
import signal
import threading
from multiprocessing.connection import Connection, wait
from pathlib import Path

from goalscope.training.runs.settings import RunSettings


class RunProcess:
    """Trains a run; whoever holds it looks whether it still does, and how it ended.

    Args:
        run: the run.
        scratch: a folder that nobody can use once this process is gone: the run then ends at once,
            and takes the folder away. None lets the run outlive this process.
    """

    def __init__(self, run: RunSettings, scratch: Path | None = None) -> None:
        # A fresh interpreter: neither torch's threads nor an OpenGL context survive a fork.
        context = multiprocessing.get_context("spawn")
        self._said, says = context.Pipe(duplex=False)
        self._process = context.Process(target=_train, args=(run, says, scratch), name=run.out.name)
        self._process.start()
        says.close()

    @property
    def sentinel(self) -> int:
        """What `multiprocessing.connection.wait` waits on for its end."""
        return self._process.sentinel

    @property
    def ended(self) -> bool:
        """Whether it trains no longer."""
        return not self._process.is_alive()

    @property
    def killed(self) -> bool:
        """Whether it ended without a word: by a signal, which is nothing that the run did."""
        return (self._process.exitcode or 0) < 0

    def stop(self) -> None:
        """Ask it to save itself and end."""
        self._process.terminate()

    def join(self) -> str | None:
        """Wait for its end; return None for a run that is finished, else why it is not."""
        self._process.join()
        code, cause = self._process.exitcode or 0, None
        if code != 0:
            cause = f"its process was ended by signal {-code}"
            if code > 0:
                cause = f"its process ended with exit code {code}"
            if self._said.poll():
                try:
                    cause = self._said.recv()
                except EOFError:  # it died without a word
                    pass
        self._said.close()
        return cause


def _train(run: RunSettings, says: Connection, scratch: Path | None) -> None:
    """What the process does: train, and where that fails say why."""
    if scratch is not None:
        threading.Thread(target=_end_with_parent, args=(scratch,), daemon=True).start()
    try:
        from goalscope.training.runs.run import train  # who only looks on needs no torch

        train(run)
    except BaseException as error:
        says.send(" ".join(f"{type(error).__name__}: {error}".split()))
        raise SystemExit(1) from error


def _end_with_parent(scratch: Path) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    shutil.rmtree(scratch, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGKILL)
