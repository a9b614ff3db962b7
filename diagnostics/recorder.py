"""Where numbers and failures go: the record on disk and SB3's logger, and never into training."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import CSVOutputFormat
from torch import Tensor

from goalscope.diagnostics.folders import Folder
from goalscope.diagnostics.record import (
    FINISHED,
    NOTE,
    RESUMED,
    Line,
    RecordWriter,
    RoutingRow,
    RunInfo,
    encode_json,
    refuse_existing_run,
)
from goalscope.errors import EnvironmentLost
from goalscope.probes.isolation import isolated_generators

_log = logging.getLogger("goalscope")
_LONGEST_CAUSE = 500  # characters


class Listener(Protocol):
    """Hears each line of the record as it is written; one that raises hears no more.

    Attributes:
        name: under which that failure is counted.
    """

    name: str

    def hear(self, line: Line) -> None:
        """Take a line."""


class Recorder:
    """Writes what is measured, and counts what could not be.

    Args:
        folder: a run folder, or what chooses one as training starts; None writes to SB3's logger
            alone.
        resume: go on with the run that the folder holds.

    Raises:
        RecordError: the folder already holds a run.
    """

    def __init__(self, folder: Folder, resume: bool = False) -> None:
        self._choose = folder if callable(folder) else None
        # Absolute: a training that changes the working directory goes on in the same folder.
        self.folder = None if folder is None or callable(folder) else Path(folder).absolute()
        self._resume = resume
        self.listeners: list[Listener] = []
        self.stopped: str | None = None  # why training is to end at its next step
        self.failures: Counter[str] = Counter()
        self._writer: RecordWriter | None = None
        self._refused: OSError | None = None  # why what was written last is lost
        self._last_step = 0  # that was recorded
        self._steps_before = 0  # this call of `learn()`, where SB3 counts them anew
        self._updates_before = 0  # the first step, of an agent that has been trained
        self._model: BaseAlgorithm
        if self.folder is not None and not resume:
            refuse_existing_run(self.folder)

    def open(self, model: BaseAlgorithm, describe: Callable[[], RunInfo], update: int) -> None:
        """Begin, or go on in the same record where the same callback watches again.

        Args:
            model: the agent, whose steps and logger are used.
            describe: returns the content of run.json; called when the record is new.
            update: updates made so far.
        """
        self._model, self.stopped = model, None
        self._steps_before = max(0, self._last_step - int(model.num_timesteps))
        if not self.step:
            self._updates_before = update
        if self._choose is not None and self.folder is None:
            self.folder = self._choose(model).absolute()
            model.logger.info(f"goalscope records to {self.folder}")
        if self.folder is None or (self._writer is not None and not self._writer.closed):
            return
        if self._resume or self._writer is not None:
            self._writer = RecordWriter(self.folder, None)
            return
        undescribed: Exception | None = None
        try:
            info = describe()
            encode_json(info.to_json())
        except Exception as error:  # as in `guarded`, for which there is no record yet
            info, undescribed = RunInfo(name=self.folder.name, seed=model.seed), error
        self._writer = RecordWriter(self.folder, info)
        if undescribed is not None:
            self.fail("run_info", update, undescribed)

    def measure(
        self, instrument: str, update: int, measure: Callable[[], Mapping[str, Tensor | float]]
    ) -> None:
        """Record what `measure` returns; one that raises is counted and skipped."""
        with self.guarded(instrument, update):
            with torch.no_grad():
                values = _to_floats(measure())
            for key, value in values.items():
                self._log_to_sb3(key, value)
            self.write(Line(self.step, update, values))

    @contextmanager
    def guarded(self, name: str, update: int) -> Iterator[None]:
        """Count what raises inside, under a name; a measurement never ends the training it watches.

        Args:
            name: of the instrument, or of what is written.
            update: at which.
        """
        try:
            yield
        except EnvironmentLost:
            pass  # no measurement's failure: training meets it next, where the agent is whole
        except Exception as error:
            self.fail(name, update, error)

    def fail(self, instrument: str, update: int, error: Exception) -> None:
        """Count a failure, tell of the first, and record each with its cause."""
        self.failures[instrument] += 1
        cause = _in_words(error)
        if self.failures[instrument] == 1:
            _log.warning(
                "goalscope: %s failed (%s); training goes on without it, later failures are "
                "counted in the record",
                instrument,
                cause,
            )
        self.write(self._failure(instrument, update, cause))

    def _failure(self, instrument: str, update: int, cause: str) -> Line:
        details = {"instrument": instrument, "cause": cause, "count": self.failures[instrument]}
        return Line(self.step, update, event="failure", details=details)

    def note(self, update: int, note: str) -> None:
        """Write a sentence about the agent that could not be known when the record was begun."""
        self.write(Line(self.step, update, event=NOTE, details={"note": note}))

    def stop(self, reason: str) -> None:
        """End the training at its next step; the record says why."""
        self.stopped = reason

    def end(self, update: int) -> None:
        """Write the line that tells a whole run from one that was cut off."""
        reason = self.stopped or FINISHED
        self.write(Line(self.step, update, event="end", details={"reason": reason}))

    def write(self, line: Line) -> None:
        """Append a line, and tell of it.

        A disk that takes no more costs the numbers, not the training.
        """
        self._last_step = line.step
        self._keep(lambda writer: self._append(writer, line))
        for listener in [*self.listeners]:
            try:
                with isolated_generators(seed=line.update):
                    listener.hear(line)
            except Exception as error:  # as in `guarded`; left out, or its failure would be next
                self.listeners.remove(listener)
                self.fail(listener.name, line.update, error)

    def write_routing(self, rows: Sequence[RoutingRow]) -> None:
        """Write the routing table."""
        self._keep(lambda writer: writer.write_routing(rows))

    def announce(self, keys: Iterable[str]) -> None:
        """Give SB3's CSV writer every column before its first row.

        It rewrites the whole file for each that comes later. No curve of any logger begins with a
        number that was not measured.
        """
        for output in self._model.logger.output_formats:
            if isinstance(output, CSVOutputFormat) and not output.keys:
                output.keys += dict.fromkeys(keys)

    @property
    def lines(self) -> int:
        """Lines in the record's file."""
        return 0 if self._writer is None else self._writer.lines

    def resumed(
        self, update: int, saved: Mapping[str, Any], circumstances: Mapping[str, Any]
    ) -> None:
        """Write that the run goes on, how many of the lines above still hold, and what differs.

        Args:
            update: at which it goes on.
            saved: what was saved of the callback, with what was lost since.
            circumstances: software and hardware it goes on with, flat.
        """
        details = {
            "kept_lines": saved["lines"],
            **{name: name in saved for name in ("lost_buffer", "lost_environments")},
            **circumstances,
        }
        self.write(Line(self.step, update, event=RESUMED, details=details))

    @property
    def step(self) -> int:
        """Environment transitions since watching began, over all calls of `learn()`."""
        return self._steps_before + int(self._model.num_timesteps)

    def pace(self, update: int) -> float | None:
        """Return updates per environment transition since watching began; None before the first."""
        return (update - self._updates_before) / self.step if self.step else None

    def _log_to_sb3(self, key: str, value: float) -> None:
        # SB3's stdout table cuts keys at 36 characters and raises where two then collide.
        self._model.logger.record(key, value, exclude=("stdout", "log"))

    def _append(self, writer: RecordWriter, line: Line) -> None:
        if self._refused is not None:  # the record could not be told until now
            cause = f"{_in_words(self._refused)}; what was measured meanwhile is lost"
            writer.write(self._failure("record", line.update, cause))
            self._refused = None
        writer.write(line)

    def _keep(self, write: Callable[[RecordWriter], None]) -> None:
        if self._writer is None:
            return
        try:
            write(self._writer)
        except OSError as error:
            self._refused = error
            self.failures["record"] += 1
            if self.failures["record"] == 1:
                _log.warning(
                    "goalscope: cannot write to %s (%s); training goes on, these numbers are lost",
                    self.folder,
                    error,
                )


def _in_words(error: Exception) -> str:
    words = f"{type(error).__name__}: {error}".splitlines()[0]
    return words if len(words) <= _LONGEST_CAUSE else f"{words[: _LONGEST_CAUSE - 3]}..."


def _to_floats(values: Mapping[str, Tensor | float]) -> dict[str, float]:
    """Return plain floats, with a single transfer for all that lie on the agent's device.

    Of single precision comes the shortest decimal that names the number, 0.1 and not
    0.10000000149011612: the record is a third shorter, and holds as much.
    """
    tensors = {key: value for key, value in values.items() if isinstance(value, Tensor)}
    if not tensors:
        return {key: float(value) for key, value in values.items()}
    device = next(iter(tensors.values())).device
    stacked = torch.stack([value.to(device, torch.float32) for value in tensors.values()])
    moved = dict(zip(tensors, map(str, stacked.numpy(force=True)), strict=True))
    return {key: float(moved.get(key, value)) for key, value in values.items()}
