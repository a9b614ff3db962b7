"""Files of a saved replay state: whole or not there, and known to be what was written."""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from goalscope.diagnostics.record import PlainName
from goalscope.diagnostics.record.documents import Count


class ReplayStateError(ValueError):
    """A replay state cannot be saved or loaded; the message is one line and says why."""


@dataclass(frozen=True)
class ReplayFile:
    """What a file must be.

    Attributes:
        name: in its folder.
        size: bytes.
        crc32: checksum of its bytes.
    """

    name: PlainName
    size: Count
    crc32: Count


def write_file(path: Path, content: bytes) -> ReplayFile:
    """Write a file so that a crash leaves all of it or none under its name; return what it is.

    Raises:
        OSError: the disk is full.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return ReplayFile(path.name, len(content), zlib.crc32(content))


def read_file(folder: Path, file: ReplayFile) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file, by name.

    Raises:
        ReplayStateError: it is missing, cut short, or not what was written.
    """
    check_size(folder, file)
    path = folder / file.name
    content = path.read_bytes()
    if zlib.crc32(content) != file.crc32:
        raise ReplayStateError(f"{path} is damaged: its checksum is not the one it was saved with")
    try:
        return load(content)
    except SafetensorError as error:
        raise ReplayStateError(f"{path} is damaged: {error}") from error


def check_size(folder: Path, file: ReplayFile) -> None:
    """Check that a file is there, whole.

    Raises:
        ReplayStateError: it is missing or cut short.
    """
    path = folder / file.name
    if not path.is_file():
        raise ReplayStateError(f"{path} is missing, so this replay state cannot be loaded")
    size = path.stat().st_size
    if size != file.size:
        raise ReplayStateError(f"{path} is damaged: it has {size} bytes and had {file.size}")
