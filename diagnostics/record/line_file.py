"""The lines of a file that may still grow."""

from pathlib import Path

from goalscope.diagnostics.record.documents import Unusable, refuse_elsewhere
from goalscope.diagnostics.record.lines import RESUMED, Line, RecordError, decode_line

_LONGEST_LINE = 2**20  # bytes


class LineFile:
    """Reads the lines of a record's file; read again, it decodes what was added since.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[Line | None] = []  # None: superseded
        self._end = 0  # of the last whole line, bytes
        self._number = 0

    def read(self) -> tuple[list[Line], bool]:
        """Return every whole line that holds, and whether a torn one follows.

        Raises:
            RecordError: a line is damaged, or the file cannot be read.
        """
        try:
            refuse_elsewhere(self._path)
            with open(self._path, "rb") as file:
                file.seek(self._end)
                data = file.read()
        except Unusable as error:
            raise RecordError(f"{error}; put the run's own file there") from error
        except OSError as error:
            raise RecordError(
                f"{self._path} cannot be read: {error.strerror or error}; look after the file"
            ) from error
        whole, newline, rest = data.rpartition(b"\n")
        for raw in filter(None, whole.split(b"\n")):
            self._take(raw)
        self._end += len(whole) + len(newline)
        return [line for line in self._lines if line is not None], bool(rest)

    def _take(self, raw: bytes) -> None:
        try:
            if len(raw) > _LONGEST_LINE:
                raise ValueError(f"longer than {_LONGEST_LINE:,} bytes")
            line = decode_line(raw)
            if line.event == RESUMED:
                if "kept_lines" not in line.details:
                    raise ValueError("kept_lines is missing")
                kept = line.details["kept_lines"]
                self._lines[kept:] = [None] * (len(self._lines) - kept)
        except ValueError as error:
            raise RecordError(
                f"{self._path} line {self._number + 1} is damaged ({error}); "
                f"keep the {self._number} lines before it and cut the rest off to read the run"
            ) from error
        self._lines.append(line)
        self._number += 1
