"""How large a zip is once unpacked, asked before anything of it is."""

import zipfile
from pathlib import Path

import psutil

_MOST_TIMES = 20  # what packing gains on weights and settings is far below; on a bomb, a thousand


def refuse_bomb(path: Path) -> None:
    """Raise where a saved model would fill the memory when it is loaded.

    SB3's zip holds zips of torch's own, which are looked into, too.

    Raises:
        ValueError: it unpacks to many times its size, or to more than the memory that is free.
        zipfile.BadZipFile, OSError: it is no zip, or cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        size = _unpacked(archive)
        _refuse_size(path, size)  # and only then look inside, for which parts are unpacked
        for entry in archive.infolist():
            with archive.open(entry) as part:
                if zipfile.is_zipfile(part):
                    with zipfile.ZipFile(part) as inner:
                        size += _unpacked(inner)
        _refuse_size(path, size)


def _unpacked(archive: zipfile.ZipFile) -> int:
    return sum(entry.file_size for entry in archive.infolist())


def _refuse_size(path: Path, size: int) -> None:
    packed, free = path.stat().st_size, psutil.virtual_memory().available
    if size > _MOST_TIMES * packed:
        raise ValueError(f"it would unpack from {packed:,} to {size:,} bytes, as no model does")
    if size > free:
        raise ValueError(f"it would unpack to {size:,} bytes, and {free:,} are free")
