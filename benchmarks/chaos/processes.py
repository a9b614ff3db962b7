"""The command in a process of its own, watched from outside."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence

PATIENCE = 240.0  # seconds, on a machine that is busy


def begin(command: Sequence[str], *, read: bool = False) -> subprocess.Popen[str]:
    """Return the command's process, in a session of its own.

    Args:
        command: arguments of `goalscope`.
        read: whether what it prints goes to a reader, as through a pipe to `tee`, or nowhere.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "goalscope", *command],
        stdout=subprocess.PIPE if read else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(happens: Callable[[], bool], process: subprocess.Popen[str], every: float) -> None:
    """Return when something happens.

    Args:
        happens: asked again and again.
        process: that makes it happen; killed where it does not.
        every: seconds between looks.

    Raises:
        RuntimeError: the process ended before, or it takes too long.
    """
    deadline = time.monotonic() + PATIENCE
    while not happens():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"it never happened: {process.communicate()[1][-300:]!r}")
        time.sleep(every)


def said_at_the_end(process: subprocess.Popen[str]) -> str:
    """Return what a process has said on its standard error, once it has ended."""
    return process.communicate(timeout=PATIENCE)[1]
