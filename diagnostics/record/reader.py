"""Reading the record of a run."""

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypedDict

import numpy as np

from goalscope.diagnostics.record.columns import Lines
from goalscope.diagnostics.record.disk import held
from goalscope.diagnostics.record.documents import (
    Count,
    Unusable,
    fit,
    read_document,
)
from goalscope.diagnostics.record.line_file import LineFile
from goalscope.diagnostics.record.lines import (
    FINISHED,
    MEASUREMENTS_FILE,
    NOTE,
    PROBES_FILE,
    RESUMED,
    ROUTING_FILE,
    RUN_FILE,
    Line,
    RecordError,
    decode_line,
)
from goalscope.diagnostics.record.run_info import RunInfo, read_info
from goalscope.errors import printable


class RoutingRow(TypedDict):
    """Parameters that belong together: which optimiser holds them, which losses reach them."""

    network: str
    group: str
    parameters: Count
    optimizer: str | None
    losses: list[str]
    shared_with: str | None
    target: str | None


class _RoutingFile(TypedDict):
    rows: list[RoutingRow]


@dataclass(frozen=True)
class RunRecord:
    """A run folder as read back.

    Attributes:
        folder: where it lies.
        info: what `run.json` says of it.
        lines: every whole line, in the order written. What a run wrote between its last checkpoint
            and being killed is left out: it wrote that part again when it went on.
        routing: the rows of the routing table, empty where the run ended before it was seen.
        torn: whether the last line was cut off while being written.
        probes: what probes found of its checkpoints, a line each, by update; empty where none ran.
        going: whether a process of this machine was still writing it.
    """

    folder: Path
    info: RunInfo
    lines: Lines
    routing: list[RoutingRow]
    torn: bool
    probes: list[Line] = field(default_factory=list)
    going: bool = False

    @cached_property
    def name(self) -> str:
        """The folder's own name."""
        return printable(self.folder.resolve().name)

    @property
    def measurements(self) -> list[Line]:
        """The lines that carry metrics."""
        return [line for line in self.lines if line.event is None]

    @property
    def failures(self) -> list[Line]:
        """The measurements that raised: one line each, with `instrument` and `cause`."""
        return [line for line in self._events if line.event == "failure"]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the agent, a sentence each: from the start and found later."""
        later = [line.details.get("note", "") for line in self._events if line.event == NOTE]
        return tuple(dict.fromkeys([*self.info.notes, *later]))

    @property
    def resumes(self) -> list[Line]:
        """Where the run went on after it was cut off: one line each, with `lost_buffer`."""
        return [line for line in self._events if line.event == RESUMED]

    @property
    def end(self) -> Line | None:
        """How the run ended; None for a run that was cut off, or is still `going`."""
        ends = [line for line in self._events if line.event in ("end", RESUMED)]
        return ends[-1] if ends and ends[-1].event == "end" else None

    def nonfinite(self) -> dict[str, int]:
        """Metric key -> first update at which it was NaN or infinite."""
        found: dict[str, int] = {}
        for place in np.flatnonzero(~np.isfinite(self.lines.values)).tolist():
            line = int(np.searchsorted(self.lines.starts, place, side="right")) - 1
            key = self.lines.names[self.lines.keys[place]]
            found.setdefault(key, int(self.lines.updates[line]))
        return found

    def until(self, step: int) -> "RunRecord":
        """Return the record without what came after a step, as of a run that finished there.

        What was planned stays as it was; one that did not come to that step is left as it is.

        Raises:
            RecordError: nothing was measured up to that step.
        """
        lines = self.lines.until(step)
        if len(lines) == len(self.lines):
            return self
        if len(lines) == len(lines.events):
            first = min((line.step for line in self.measurements), default=0)
            raise self.before_first(step, first)
        update = int(lines.updates.max())
        last = int(lines.steps.max())
        end = Line(last, update, event="end", details={"reason": FINISHED})
        return replace(
            self,
            lines=Lines.joined([lines, Lines.of([end])]),
            torn=False,
            going=False,
            probes=[line for line in self.probes if line.step <= step],
        )

    def before_first(self, step: int, first: int) -> RecordError:
        """Return the error that nothing is left of the record until a step."""
        return RecordError(
            f"{self.folder}: step {step:,} lies before the first measurement, at step {first:,}; "
            "take more steps"
        )

    @property
    def _events(self) -> list[Line]:
        return list(self.lines.events.values())


def is_run(folder: Path) -> bool:
    """Whether the folder already holds a run, whole or not."""
    return (folder / RUN_FILE).exists() or (folder / MEASUREMENTS_FILE).exists()


class RunReader:
    """Reads a run again and again while it goes on, each time only what is new of its measurements.

    Args:
        folder: of the run.

    Raises:
        RecordError: not a run, or from another schema version.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)
        self._info = _read_info(self._folder)
        self._measurements = LineFile(self._folder / MEASUREMENTS_FILE)

    def read(self) -> RunRecord:
        """Return the run as it stands now.

        Raises:
            RecordError: without a single measurement, or damaged before its last line.
        """
        folder = self._folder
        lines, torn = self._measurements.read()
        if not lines:
            raise RecordError(
                f"{folder} holds a run without a single measurement; let it train past its first "
                "update"
            )
        routing = _read_routing(folder / ROUTING_FILE)
        probes = read_lines(folder / PROBES_FILE) if (folder / PROBES_FILE).exists() else []
        record = RunRecord(folder, self._info, lines, routing, torn, probes)
        if record.end is not None:
            return record
        return replace(record, going=held(folder / MEASUREMENTS_FILE))


def read_run(folder: Path | str) -> RunRecord:
    """Read a run folder.

    Raises:
        RecordError: not a run, empty, from another schema version, or damaged before its last line.
    """
    return RunReader(folder).read()


def read_lines(path: Path) -> list[Line]:
    """Return the whole lines of a file of a record.

    Raises:
        RecordError: one of them is damaged.
    """
    return list(LineFile(path).read()[0])


def last_update(folder: Path) -> int:
    """Return the update of the last whole line of a run that may still be going; 0 before any."""
    try:
        with open(folder / MEASUREMENTS_FILE, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 200_000))
            raw = file.read().rpartition(b"\n")[0].rpartition(b"\n")[2]
        return decode_line(raw).update
    except (OSError, ValueError):
        return 0  # not begun, or caught while writing


def _read_info(folder: Path) -> RunInfo:
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
    return read_info(folder / RUN_FILE)


def _read_routing(path: Path) -> list[RoutingRow]:
    if not path.exists():
        return []
    try:
        return fit(read_document(path), _RoutingFile, path)["rows"]
    except Unusable as error:
        raise RecordError(f"{error}; delete the file to read the run without it") from error
