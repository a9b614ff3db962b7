"""The lines of a file that may still grow."""

import os
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from goalscope.diagnostics.record.cache import cached_lines, keep_lines
from goalscope.diagnostics.record.columns import Lines
from goalscope.diagnostics.record.documents import Unusable, refuse_elsewhere
from goalscope.diagnostics.record.lines import RESUMED, Line, RecordError, decode_line

_BLOCK_BYTES = 8 * 2**20
_LONGEST_LINE = 2**20  # bytes


class LineFile:
    """Reads the lines of a record's file; read again, it decodes what was added since.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = Lines.of([])
        self._end = 0  # of the last whole line, bytes
        self._number = 0

    def read(self) -> tuple[Lines, bool]:
        """Return every whole line that holds, and whether a torn one follows.

        Raises:
            RecordError: a line is damaged, or the file cannot be read.
        """
        try:
            refuse_elsewhere(self._path)
            with open(self._path, "rb") as file:
                return self._read(file)
        except Unusable as error:
            raise RecordError(f"{error}; put the run's own file there") from error
        except OSError as error:
            raise RecordError(
                f"{self._path} cannot be read: {error.strerror or error}; look after the file"
            ) from error

    def _read(self, file: BinaryIO) -> tuple[Lines, bool]:
        about = os.fstat(file.fileno())
        kept = cached_lines(self._path, about) if not self._end else None
        if kept is not None:
            self._lines, self._end = kept
            self._number = int(self._lines.numbers[-1]) + 1
        else:
            self._read_on(file)
            keep_lines(self._path, about, self._lines, self._end)
        return self._lines, self._torn(file)

    def _read_on(self, file: BinaryIO) -> None:
        """Decode what follows the lines there are."""
        parts = [self._lines]
        for whole in _blocks(file, self._end):
            taken: list[Line] = []
            numbers: list[int] = []  # of these lines in the file, with gaps where a run resumed
            hold = self._number  # of the lines before this block
            for raw in filter(None, whole.split(b"\n")):
                line = self._decode(raw)
                if line.event == RESUMED:
                    kept = line.details["kept_lines"]
                    place = bisect_left(numbers, kept)
                    del taken[place:], numbers[place:]
                    hold = min(hold, kept)
                taken.append(line)
                numbers.append(self._number)
                self._number += 1
            parts = [part.before(hold) for part in parts] + [Lines.of(taken, numbers)]
            self._end += len(whole)
        self._lines = Lines.joined(parts) if len(parts) > 1 else self._lines

    def _decode(self, raw: bytes) -> Line:
        try:
            if len(raw) > _LONGEST_LINE:
                raise ValueError(f"longer than {_LONGEST_LINE:,} bytes")
            line = decode_line(raw)
            if line.event == RESUMED:
                if "kept_lines" not in line.details:
                    raise ValueError("kept_lines is missing")
                line.details["kept_lines"] = min(line.details["kept_lines"], self._number)
            return line
        except ValueError as error:
            raise RecordError(
                f"{self._path} line {self._number + 1} is damaged ({error}); "
                f"keep the {self._number} lines before it and cut the rest off to read the run"
            ) from error

    def _torn(self, file: BinaryIO) -> bool:
        file.seek(self._end)
        return bool(file.read(1))


def _blocks(file: BinaryIO, start: int) -> Iterator[bytes]:
    """Yield what follows in a file, whole lines together; a torn last line is left out."""
    file.seek(start)
    rest = b""
    while block := file.read(_BLOCK_BYTES):
        whole, newline, rest = (rest + block).rpartition(b"\n")
        if newline:
            yield whole + newline
        elif len(rest) > _LONGEST_LINE:  # which no line may be
            yield rest
