"""A run on some node of a cluster: in a folder of its own, from which everything is sent home."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path

import ray

from goalscope.diagnostics.record import PROBE_SET_FILE
from goalscope.training.executors.mirror import Piece, Sender, take
from goalscope.training.executors.run_process import RunProcess
from goalscope.training.runs.settings import RunSettings

BATCH_BYTES = 8 * 2**20  # sent at a time
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Look:
    """What came of a run since it was last looked at.

    Attributes:
        pieces: of its folder.
        ended: whether the run has ended, and all of it was sent.
        cause: why it failed; None unless it did.
        killed: whether that was no fault of the run's own.
    """

    pieces: Sequence[Piece]
    ended: bool = False
    cause: str | None = None
    killed: bool = False


class Worker:
    """Trains one run where it was placed.

    Args:
        run: the run, its folder and probe set as the study has them.
        probe_set: content of that probe set; None where it has none.
    """

    def __init__(self, run: RunSettings, probe_set: bytes | None) -> None:
        _draw_on(ray.get_gpu_ids())
        self._scratch = tempfile.TemporaryDirectory(prefix="goalscope-")
        scratch = Path(self._scratch.name)
        probe_file = None
        if probe_set is not None:
            probe_file = scratch / PROBE_SET_FILE
            probe_file.write_bytes(probe_set)
        self._run = replace(run, out=scratch / run.out.name, probe_set=probe_file)
        self._sender = Sender(self._run.out)
        self._process: RunProcess | None = None
        self._to_send: Iterator[list[Piece]] = iter(())
        self._ended = False  # before what is being sent was looked for

    def where(self) -> str:
        """Return the name that Ray has for this node."""
        return ray.get_runtime_context().get_node_id()

    def take(self, pieces: list[Piece]) -> None:
        """Take over what an earlier attempt left, before the first look."""
        take(self._run.out, pieces)

    def look(self) -> Look:
        """Return what is new, waiting a moment for it; the first look lets the run begin."""
        if self._process is None:
            self._sender.skip()
            self._process = RunProcess(self._run, Path(self._scratch.name))
        batch = next(self._to_send, None)
        if batch is None and not self._ended:
            self._ended = bool(wait([self._process.sentinel], _LOOK_SECONDS))
            self._to_send = batches(self._sender.pieces())
            batch = next(self._to_send, [])
        if batch is not None:
            return Look(batch)
        cause = self._process.join()
        self._scratch.cleanup()
        return Look((), True, cause, self._process.killed)

    def stop(self) -> None:
        """Ask the run to save itself and end."""
        if self._process is not None:
            self._process.stop()


def batches(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    """Yield pieces together, some megabytes at a time."""
    batch: list[Piece] = []
    size = 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece.data or b"")
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _draw_on(gpus: Sequence[object]) -> None:
    """Have MuJoCo draw on the graphics card that this process was given, not on the first.

    Args:
        gpus: their numbers; one that is named otherwise, by UUID, says nothing of EGL's order.
    """
    if gpus and str(gpus[0]).isdecimal():
        os.environ["MUJOCO_EGL_DEVICE_ID"] = str(gpus[0])
