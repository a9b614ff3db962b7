"""Files of a page, written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from goalscope.reports.errors import ReportError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield where to write a file: a reader meets the old one or the new one.

    A link that lies there is replaced, and not followed.

    Raises:
        ReportError: the file cannot be written.
    """
    draft = path.with_name(f".{os.getpid()}.{path.name}")  # its ending says what kind it is
    try:
        draft.unlink(missing_ok=True)
        yield draft
        os.replace(draft, path)
    except OSError as error:
        raise ReportError(
            f"cannot write {path}: {error.strerror or error}; "
            "free the disk or choose another folder"
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def folder_for(out: Path, name: str) -> Path:
    """Return a folder beside a page for files that belong to it, made if missing.

    Raises:
        ReportError: it cannot be made, or is a link that leads elsewhere.
    """
    folder = out / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        elsewhere = folder.resolve() != out.resolve() / name
    except OSError as error:
        raise ReportError(
            f"cannot write a page to {out}: {error.strerror or error}; choose another folder"
        ) from error
    if elsewhere:
        raise ReportError(f"{folder} is a link that leads elsewhere; remove it")
    return folder
