"""Writing the record of a run: whole after a crash but for the line being written."""

import errno
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from weakref import WeakValueDictionary

import numpy as np
from safetensors.numpy import save_file

from goalscope.diagnostics.record.disk import disk_errors, hold
from goalscope.diagnostics.record.lines import (
    MEASUREMENTS_FILE,
    PROBE_ARRAYS,
    PROBES_FILE,
    ROUTING_FILE,
    RUN_FILE,
    SCHEMA_VERSION,
    Line,
    RecordError,
    encode_line,
)
from goalscope.diagnostics.record.reader import RoutingRow, is_run
from goalscope.diagnostics.record.run_info import RunInfo


def encode_json(content: Any) -> bytes:
    """Return JSON as it stands in a file; numbers of numpy's own are written as Python's.

    Raises:
        TypeError: something in it is no JSON value.
    """
    return (json.dumps(content, indent=1, default=_python) + "\n").encode()


def _python(value: object) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is not JSON serializable")


def write_json_atomically(path: Path, content: Any) -> None:
    """Write a JSON file so that a reader, or a crash, meets all of it or none of it."""
    _write_atomically(path, encode_json(content))


def write_probes(
    folder: Path, lines: Sequence[Line], arrays: Mapping[int, Mapping[str, np.ndarray]]
) -> None:
    """Write what probes found of a run's checkpoints, in place of what was found before.

    Args:
        folder: of the run.
        lines: one per checkpoint.
        arrays: step of a checkpoint -> name -> what figures are drawn from.

    Raises:
        RecordError: it cannot be written; what was there before stays.
    """
    try:
        (folder / PROBE_ARRAYS).mkdir(exist_ok=True)
        for step, content in arrays.items():
            path = folder / PROBE_ARRAYS / f"step-{step:09d}.safetensors"
            draft = path.with_suffix(".tmp")
            with disk_errors():
                save_file({k: np.ascontiguousarray(v) for k, v in content.items()}, draft)
            draft.chmod(0o644)  # safetensors keeps it to its owner
            draft.replace(path)
        _write_atomically(folder / PROBES_FILE, b"".join(map(encode_line, lines)))
    except OSError as error:
        raise RecordError(
            f"cannot write probes to {folder}: {error.strerror or error}; free the disk"
        ) from error


def _write_atomically(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


_WRITERS: "WeakValueDictionary[Path, RecordWriter]" = WeakValueDictionary()  # of this process


class RecordWriter:
    """Appends to the record of a run.

    Each line goes to the operating system in one write as soon as it is complete, so a killed
    process loses at most the line it was writing. One process writes at a time; in a process, the
    writer that was made last: the one before it is closed.

    Args:
        folder: the run folder; made if missing.
        info: the content of `run.json`; None goes on with the run that the folder holds, of which
            a torn last line is cut off.

    Raises:
        RecordError: the folder already holds a run (or none to go on with), or cannot be written,
            or another process writes to it.
    """

    def __init__(self, folder: Path | str, info: RunInfo | None) -> None:
        self.folder = Path(folder)
        self.lines = 0
        try:
            if info is None:
                self._file: BinaryIO = open(self.folder / MEASUREMENTS_FILE, "r+b", buffering=0)
                self._hold()
                self._find_end()
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            refuse_existing_run(self.folder)
            self._file = open(self.folder / MEASUREMENTS_FILE, "xb", buffering=0)
            try:
                write_json_atomically(self.folder / RUN_FILE, info.to_json())
            except BaseException:  # else the folder would hold a run that never began
                (self.folder / MEASUREMENTS_FILE).unlink(missing_ok=True)
                raise
            self._hold()
        except OSError as error:
            raise RecordError(
                f"cannot write a run to {self.folder}: {error.strerror or error}; "
                "choose another folder"
            ) from error

    @property
    def closed(self) -> bool:
        """Whether it writes no more."""
        return self._file.closed

    def write(self, line: Line) -> None:
        """Append one line.

        Raises:
            OSError: the disk is full or gone, or the file was removed, or this writer is closed;
                what was written before stays whole.
        """
        if self.closed:
            raise OSError(errno.EBADF, "another callback goes on with this record")
        if os.fstat(self._file.fileno()).st_nlink == 0:  # what is written would go with it
            raise OSError(errno.ENOENT, "the record was removed")
        data = encode_line(line)
        start = self._file.tell()
        written = self._file.write(data)
        if written != len(data):  # a full disk can take half a line
            self._file.truncate(start)
            self._file.seek(start)
            raise OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes fitted on the disk")
        self.lines += 1

    def write_routing(self, rows: Sequence[RoutingRow]) -> None:
        """Write the routing table, once it has been seen."""
        write_json_atomically(self.folder / ROUTING_FILE, {"schema": SCHEMA_VERSION, "rows": rows})

    def close(self) -> None:
        """Close the file; the record stays readable without it."""
        self._file.close()

    def _hold(self) -> None:
        place = self.folder.resolve()
        earlier = _WRITERS.get(place)
        if earlier is not None:
            earlier.close()
        if not hold(self._file):
            self.close()
            raise RecordError(
                f"another process writes to {self.folder}; wait for it to end, or choose another "
                "folder"
            )
        _WRITERS[place] = self

    def _find_end(self) -> None:
        """Count the whole lines and stand behind the last."""
        data = self._file.read()
        self.lines = data.count(b"\n")
        self._file.truncate(data.rfind(b"\n") + 1)
        self._file.seek(0, os.SEEK_END)


def refuse_existing_run(folder: Path) -> None:
    """Raise where a run would be overwritten.

    Raises:
        RecordError: the folder holds a run already.
    """
    if is_run(folder):
        raise RecordError(
            f"{folder} already holds a run; choose another folder, or move that one away"
        )
