"""One process at a time in a run's folder."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from goalscope.diagnostics.record.disk import hold
from goalscope.errors import UserError

LOCK_FILE = ".lock"


class RunLocked(UserError):
    """Another process trains into the folder; the message is one line."""


@contextmanager
def locked(folder: Path, worth_keeping: Callable[[], bool]) -> Iterator[None]:
    """Hold the folder inside; the operating system lets go of it however the process ends.

    Args:
        folder: made if missing.
        worth_keeping: asked where what is inside raises: a folder that was made here goes again
            unless something worth keeping is in it by then.

    Raises:
        RunLocked: another process holds it.
        OSError: the folder cannot be written.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK_FILE, "a+", encoding="utf-8") as file:
        if not hold(file):
            file.seek(0)
            raise RunLocked(
                f"{folder} is being trained into by process {file.read().strip() or 'unknown'}; "
                "wait for it to end, or choose another folder"
            )
        try:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield
        except BaseException:
            if made and not worth_keeping():
                shutil.rmtree(folder)
            raise
        finally:
            file.truncate(0)
