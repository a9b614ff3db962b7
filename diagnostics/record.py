"""The record of a run: the one module that knows its schema, writes it and reads it back.

A run folder holds `run.json` (what was run, written once), `measurements.jsonl` (append-only, one
flat JSON object per line), `routing.json` (which loss reaches which parameters, once it was seen)
and `probe_set.safetensors`. Reports read runs through this module and know nothing else of them.
"""

import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

SCHEMA_VERSION = 1
RUN_FILE = "run.json"
MEASUREMENTS_FILE = "measurements.jsonl"
ROUTING_FILE = "routing.json"
PROBE_SET_FILE = "probe_set.safetensors"
RESUMED = "resumed"

# JSON has no NaN and no infinity: they are written as these strings, and come back as floats.
_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class RecordError(Exception):
    """A run folder cannot be read or written; the message is one line and names the remedy."""


@dataclass(frozen=True)
class Line:
    """One line of the record.

    Attributes:
        step: environment transitions seen so far, summed over environments.
        update: optimiser steps of the critic. For states (features, signal, sensitivity) the number
            applied before the measurement; for gradients the number of the update itself, from 1.
        values: metric key -> value, NaN and infinities included.
        event: None for a measurement, else "failure", "resumed" or "end".
        details: what an event says in words.
    """

    step: int
    update: int
    values: dict[str, float] = field(default_factory=dict)
    event: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """A run folder as read back.

    Attributes:
        folder: where it lies.
        info: the content of `run.json`.
        lines: every whole line, in the order written. What a run wrote between its last checkpoint
            and being killed is left out: it wrote that part again when it went on.
        routing: the rows of the routing table, empty where the run ended before it was seen.
        torn: whether the last line was cut off while being written.
    """

    folder: Path
    info: dict[str, Any]
    lines: list[Line]
    routing: list[dict[str, Any]]
    torn: bool

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.resolve().name

    @property
    def measurements(self) -> list[Line]:
        """The lines that carry metrics."""
        return [line for line in self.lines if line.event is None]

    @property
    def failures(self) -> list[Line]:
        """The measurements that raised: one line each, with `instrument` and `cause`."""
        return [line for line in self.lines if line.event == "failure"]

    @property
    def resumes(self) -> list[Line]:
        """Where the run went on after it was cut off: one line each, with `lost_buffer`."""
        return [line for line in self.lines if line.event == RESUMED]

    @property
    def end(self) -> Line | None:
        """How the run ended; None for a run that was cut off (or is still going)."""
        last = next((line for line in reversed(self.lines) if line.event in ("end", RESUMED)), None)
        return last if last is not None and last.event == "end" else None

    def nonfinite(self) -> dict[str, int]:
        """Metric key -> first update at which it was NaN or infinite."""
        found: dict[str, int] = {}
        for line in self.measurements:
            for key, value in line.values.items():
                if not math.isfinite(value):
                    found.setdefault(key, line.update)
        return found


def is_run(folder: Path) -> bool:
    """Whether the folder already holds a run, whole or not."""
    return (folder / RUN_FILE).exists() or (folder / MEASUREMENTS_FILE).exists()


def write_json_atomically(path: Path, content: Any) -> None:
    """Write a JSON file so that a reader, or a crash, meets all of it or none of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, sort_keys=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class RecordWriter:
    """Appends to the record of a run.

    Each line goes to the operating system in one write as soon as it is complete, so a killed
    process loses at most the line it was writing.

    Args:
        folder: the run folder; made if missing.
        info: content of `run.json`, without the schema version; None goes on with the run that
            the folder holds, of which a torn last line is cut off.

    Raises:
        RecordError: the folder already holds a run (or none to go on with), or cannot be written.
    """

    def __init__(self, folder: Path | str, info: Mapping[str, Any] | None) -> None:
        self.folder = Path(folder)
        self.lines = 0
        try:
            if info is None:
                self._file: BinaryIO = open(self.folder / MEASUREMENTS_FILE, "r+b", buffering=0)
                self._find_end()
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            refuse_existing_run(self.folder)
            self._file = open(self.folder / MEASUREMENTS_FILE, "xb", buffering=0)
            write_json_atomically(self.folder / RUN_FILE, {"schema": SCHEMA_VERSION, **info})
        except OSError as error:
            raise RecordError(
                f"cannot write a run to {self.folder}: {error.strerror or error}; "
                "choose another folder"
            ) from error

    def write(self, line: Line) -> None:
        """Append one line.

        Raises:
            OSError: the disk is full or gone; what was written before stays whole.
        """
        content: dict[str, Any] = {"step": line.step, "update": line.update}
        if line.event is not None:
            content["event"] = line.event
        content |= line.details
        content |= {key: _encode(value) for key, value in line.values.items()}
        data = (json.dumps(content, allow_nan=False) + "\n").encode()
        start = self._file.tell()
        written = self._file.write(data)
        if written != len(data):  # a full disk can take half a line
            self._file.truncate(start)
            raise OSError(28, f"only {written} of {len(data)} bytes fitted on the disk")
        self.lines += 1

    def write_routing(self, rows: list[dict[str, Any]]) -> None:
        """Write the routing table, once it has been seen."""
        write_json_atomically(self.folder / ROUTING_FILE, {"schema": SCHEMA_VERSION, "rows": rows})

    def close(self) -> None:
        """Close the file; the record stays readable without it."""
        self._file.close()

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


def read_run(folder: Path | str) -> RunRecord:
    """Read a run folder.

    Raises:
        RecordError: not a run, empty, from another schema version, or damaged before its last line.
    """
    folder = Path(folder)
    info = _read_info(folder)
    lines, torn = _read_lines(folder / MEASUREMENTS_FILE)
    if not lines:
        raise RecordError(
            f"{folder} holds a run without a single measurement; let it train past its first update"
        )
    routing_file = folder / ROUTING_FILE
    routing = _load_json(routing_file).get("rows", []) if routing_file.exists() else []
    return RunRecord(folder, info, lines, routing, torn)


def last_update(folder: Path) -> int:
    """Return the update of the last whole line of a run that may still be going; 0 before any."""
    try:
        with open(folder / MEASUREMENTS_FILE, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 200_000))
            raw = file.read().rpartition(b"\n")[0].rpartition(b"\n")[2]
        return _decode_line(raw).update
    except (OSError, ValueError, KeyError):
        return 0  # not begun, or caught while writing


def _read_info(folder: Path) -> dict[str, Any]:
    if not folder.exists():
        raise RecordError(f"{folder} does not exist; give the folder a run was written to")
    if not folder.is_dir():
        raise RecordError(f"{folder} is a file; give the folder a run was written to")
    if not any(folder.iterdir()):
        raise RecordError(f"{folder} is empty; give the folder a run was written to")
    if not (folder / RUN_FILE).exists() or not (folder / MEASUREMENTS_FILE).exists():
        raise RecordError(
            f"{folder} is not a run: it needs {RUN_FILE} and {MEASUREMENTS_FILE}; "
            "give the folder that `goalscope train --out` or a callback wrote"
        )
    info = _load_json(folder / RUN_FILE)
    version = info.get("schema")
    if version != SCHEMA_VERSION:
        raise RecordError(
            f"{folder} was written with record schema {version!r}, this goalscope reads "
            f"{SCHEMA_VERSION}; read it with the goalscope version in its run.json"
        )
    return info


def _load_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise RecordError(
            f"{path} cannot be read ({error}); the file is damaged, run it again"
        ) from error
    if not isinstance(content, dict):
        raise RecordError(f"{path} is not a goalscope file; give the folder of a run")
    return content


def _read_lines(path: Path) -> tuple[list[Line], bool]:
    lines: list[Line | None] = []  # None: superseded
    data = path.read_bytes()
    whole, _, rest = data.rpartition(b"\n")
    for number, raw in enumerate(_split(whole), start=1):
        try:
            line = _decode_line(raw)
            if line.event == RESUMED:
                kept = int(line.details["kept_lines"])
                lines[kept:] = [None] * (len(lines) - kept)
            lines.append(line)
        except (ValueError, TypeError, KeyError) as error:
            raise RecordError(
                f"{path} line {number} is damaged ({error}); "
                f"keep the {number - 1} lines before it and cut the rest off to read the run"
            ) from error
    return [line for line in lines if line is not None], bool(rest)


def _split(data: bytes) -> Iterator[bytes]:
    return (raw for raw in data.split(b"\n") if raw)


def _encode(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decode_line(raw: bytes) -> Line:
    content = json.loads(raw)
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    step, update = int(content.pop("step")), int(content.pop("update"))
    event = content.pop("event", None)
    values, details = {}, {}
    for key, value in content.items():
        if "/" not in key:
            details[key] = value
        elif isinstance(value, str):
            values[key] = _NONFINITE[value]
        else:
            values[key] = float(value)
    return Line(step, update, values, event, details)
