"""The lines of a file that may still grow."""

from pathlib import Path

from goalscope.diagnostics.record.lines import RESUMED, Line, RecordError, decode_line


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
            RecordError: a line is damaged.
        """
        with open(self._path, "rb") as file:
            file.seek(self._end)
            data = file.read()
        whole, newline, rest = data.rpartition(b"\n")
        for raw in filter(None, whole.split(b"\n")):
            self._take(raw)
        self._end += len(whole) + len(newline)
        return [line for line in self._lines if line is not None], bool(rest)

    def _take(self, raw: bytes) -> None:
        try:
            line = decode_line(raw)
            if line.event == RESUMED:
                kept = int(line.details["kept_lines"])
                if not 0 <= kept <= self._number:
                    raise ValueError(f"it keeps {kept} lines, and {self._number} stand above it")
                self._lines[kept:] = [None] * (len(self._lines) - kept)
        except (ValueError, TypeError, KeyError) as error:
            raise RecordError(
                f"{self._path} line {self._number + 1} is damaged ({error}); "
                f"keep the {self._number} lines before it and cut the rest off to read the run"
            ) from error
        self._lines.append(line)
        self._number += 1
