"""A run's folder kept alike on two machines that share no disk, while the run goes on.

The record is sent as it grows, other files whole. A checkpoint appears on the other side at once,
under its name, when all of it has arrived, and after the record that it was saved with: whatever
has come through by the time a machine is lost can be gone on with.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from goalscope.diagnostics.record import MEASUREMENTS_FILE
from goalscope.training.runs.checkpoint.names import DESCRIPTION
from goalscope.training.runs.checkpoint.names import FOLDER as CHECKPOINTS

_PIECE_BYTES = 4 * 2**20
_DRAFT = ".arriving-"


@dataclass(frozen=True)
class Piece:
    """A part of a file.

    Attributes:
        path: of the file in the run's folder, with slashes.
        offset: where the part begins, bytes.
        data: its content; None for a file, or a draft, that is to be removed.
        last: whether the file, as it was found, ends with it.
    """

    path: str
    offset: int
    data: bytes | None
    last: bool


class Sender:
    """Finds what is new in a run's folder.

    Args:
        folder: of the run; hidden files in it are drafts and locks, and stay here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent: dict[str, tuple[int, ...]] = {}
        self._recorded = 0  # bytes of the record

    def pieces(self) -> Iterator[Piece]:
        """Yield what is new, once through the folder.

        What disappears meanwhile, as an older checkpoint does, is left for the next time through.
        """
        there = self._there()
        gone = [path for path in self._sent if path not in there]
        yield from self._record()
        for group, paths in groupby(sorted(there, key=_order), key=_checkpoint):
            own = list(paths)
            new = [path for path in own if self._sent.get(path) != there[path]]
            if group and new:
                yield Piece(f"{CHECKPOINTS}/{_DRAFT}{group}", 0, None, last=True)
                new = own
            yield from self._files(new, there)
        for path in gone:
            del self._sent[path]
            yield Piece(path, 0, None, last=True)

    def skip(self) -> None:
        """Take what is there now for sent."""
        self._sent = self._there()
        path = self._folder / MEASUREMENTS_FILE
        self._recorded = len(_lines(path.read_bytes())) if path.exists() else 0

    def _there(self) -> dict[str, tuple[int, ...]]:
        """Return path -> what changes with its content, of every file but the record."""
        found: dict[str, tuple[int, ...]] = {}
        # Checkpoints first: the replay that one needs was written before it.
        for path in [*(self._folder / CHECKPOINTS).rglob("*"), *self._folder.rglob("*")]:
            name = path.relative_to(self._folder)
            if any(part.startswith(".") for part in name.parts) or str(name) == MEASUREMENTS_FILE:
                continue
            with suppress(FileNotFoundError):  # an older checkpoint, just being removed
                about = path.stat()
                if S_ISREG(about.st_mode):
                    stamp = about.st_ino, about.st_size, about.st_mtime_ns
                    found.setdefault(name.as_posix(), stamp)
        return found

    def _record(self) -> Iterator[Piece]:
        path = self._folder / MEASUREMENTS_FILE
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._recorded)
            while whole := _lines(file.read(_PIECE_BYTES)):
                yield Piece(MEASUREMENTS_FILE, self._recorded, whole, last=True)
                self._recorded += len(whole)
                file.seek(self._recorded)

    def _files(self, paths: list[str], there: dict[str, tuple[int, ...]]) -> Iterator[Piece]:
        for path in paths:
            offset, last = 0, False
            try:
                with (self._folder / path).open("rb") as file:
                    while not last:
                        data = file.read(_PIECE_BYTES)
                        last = not data or offset + len(data) >= there[path][1]
                        yield Piece(path, offset, data, last)
                        offset += len(data)
            except FileNotFoundError:
                return  # and what follows of its checkpoint is not sent
            self._sent[path] = there[path]


def take(folder: Path, pieces: list[Piece]) -> None:
    """Bring a run's folder to where the pieces are from.

    Args:
        folder: of the run; made if missing.
        pieces: as they were sent, in their order.

    Raises:
        OSError: the disk is full or gone.
    """
    for piece in pieces:
        path = folder / piece.path
        if piece.data is None:
            _remove(folder, path)
            continue
        growing = piece.path == MEASUREMENTS_FILE
        draft = path if growing else _draft(folder, piece.path)
        draft.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("r+b" if piece.offset else "wb") as file:
            file.seek(piece.offset)
            file.write(piece.data)
            file.truncate()
        if not piece.last or growing:
            continue
        checkpoint = _checkpoint(piece.path)
        if not checkpoint:
            draft.replace(path)
        elif path.name == DESCRIPTION:
            shutil.rmtree(path.parent, ignore_errors=True)
            draft.parent.rename(path.parent)


def _order(path: str) -> tuple[bool, str, bool, str]:
    """Checkpoints last, and in each its description last: as they are written."""
    checkpoint = _checkpoint(path)
    return bool(checkpoint), checkpoint, path.endswith(DESCRIPTION), path


def _checkpoint(path: str) -> str:
    """Return the name of the checkpoint that a file belongs to; "" for one that is in none."""
    parts = PurePosixPath(path).parts
    return parts[1] if parts[0] == CHECKPOINTS and len(parts) > 2 else ""


def _draft(folder: Path, path: str) -> Path:
    checkpoint = _checkpoint(path)
    if checkpoint:
        inside = PurePosixPath(path).relative_to(f"{CHECKPOINTS}/{checkpoint}")
        return folder / CHECKPOINTS / f"{_DRAFT}{checkpoint}" / inside
    return (folder / path).with_name(f"{_DRAFT}{PurePosixPath(path).name}")


def _lines(data: bytes) -> bytes:
    """Return what is whole of some lines."""
    return data[: data.rfind(b"\n") + 1]


def _remove(folder: Path, path: Path) -> None:
    """Remove a file or a folder, and the folders that are empty without it."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder or not parent.is_dir() or any(parent.iterdir()):
            break
        parent.rmdir()
