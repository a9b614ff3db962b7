"""What a disk refuses, and which process holds a file."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from safetensors import SafetensorError


@contextmanager
def disk_errors() -> Iterator[None]:
    """Inside, what the disk refuses safetensors is an `OSError`, as everywhere else.

    Raises:
        OSError: the disk is full, read-only or gone.
    """
    try:
        yield
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error


def hold(file: IO[Any]) -> bool:
    """Return whether no other process holds the file; then this one does, until it closes it.

    The operating system lets go of it however the process ends. On a file system without locks
    nobody is told of anybody.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some clusters' file systems know no locks
        return True
    return True


def held(path: Path) -> bool:
    """Return whether a process holds the file now; False where there is none, or no locks.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return not hold(file)
    except FileNotFoundError:
        return False
