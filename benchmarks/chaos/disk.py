"""Disks that are full, read-only or gone: said in a line, and training goes on where it can."""

import errno
import io
import logging
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
from safetensors import SafetensorError

from benchmarks.chaos.row import Row
from benchmarks.chaos.runs import STARTS, small_run
from benchmarks.chaos.trying import Attempt, try_in_turn
from goalscope.diagnostics.record import Line, RecordError, read_run, write_probes
from goalscope.diagnostics.record.metrics import FRONT
from goalscope.errors import UserError
from goalscope.reports import write_report
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.warnings import run_warnings
from goalscope.training.runs.checkpoint.folder import list_checkpoints
from goalscope.training.runs.run import train
from goalscope.training.runs.saving import CheckpointCallback
from goalscope.training.runs.study_folder import StudyRun, write_study

SIZE = 16  # mebibytes of a small disk: room for two checkpoints and the record
FULL_AT = range(STARTS + 1, 60)  # steps; the checkpoint before is that of step 40
_RECORD = "goalscope.diagnostics.record.writer"
_CHECKPOINT = "goalscope.training.runs.checkpoint.folder"
_PROBE_SET = "probe set"  # the one thing that is written before the first checkpoint
# What is written while a run goes on -> the call in which the disk refuses it.
WRITES: Mapping[str, str] = {
    _PROBE_SET: "goalscope.diagnostics.material.probe_set.save_file",
    "line of the record": f"{_RECORD}.encode_line",
    "routing table": f"{_RECORD}.RecordWriter.write_routing",
    "weights": f"{_CHECKPOINT}.save_file",
    "state of a checkpoint": f"{_CHECKPOINT}.write_json_atomically",
    "replay": "goalscope.training.replay.any_buffer.save_file",
}
REASONS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOENT)


def mountable() -> bool:
    """Whether this machine lets its user mount a small file system."""
    with tempfile.TemporaryDirectory() as place:
        try:
            with small_disk(Path(place) / "disk"):
                return True
        except (subprocess.CalledProcessError, FileNotFoundError):
            return False


@contextmanager
def small_disk(place: Path, mebibytes: int = SIZE) -> Iterator[Path]:
    """Have a file system of that size at a place, which is made."""
    place.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "goalscope", str(place)]
    subprocess.run(mount, check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leave no byte of a disk free."""
    with open(disk / "filler", "wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def empty(disk: Path) -> None:
    """Make the room again."""
    (disk / "filler").unlink()


@contextmanager
def at_steps(happenings: Mapping[int, Callable[[], object]]) -> Iterator[None]:
    """Inside, things happen at steps of a run: at 0 before it begins, else as one ends."""
    happenings.get(0, lambda: None)()

    def on_step(self: CheckpointCallback) -> bool:
        happen = happenings.get(self.num_timesteps)
        if happen is not None:
            happen()
        return True

    with patch.object(CheckpointCallback, "_on_step", on_step):
        yield


@contextmanager
def _said() -> Iterator[io.StringIO]:
    """Yield what is warned of inside."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logging.getLogger("goalscope").addHandler(handler)
    try:
        yield said
    finally:
        logging.getLogger("goalscope").removeHandler(handler)


def full_for_a_while(place: Path, full_at: int) -> list[str]:
    """Fill the disk of a run, and make room before its end; return what went wrong."""
    with small_disk(place) as disk:
        out = disk / "run"
        happenings = {full_at: partial(fill, disk), 70: partial(empty, disk)}
        with at_steps(happenings), _said() as said:
            train(small_run(out))
        wrong = _unsaid(said.getvalue(), "cannot write to", "no checkpoint at step 60")
        if read_run(out).end is None:
            wrong.append("the record does not say that the run ended")
        if not any("record failed" in words for words in run_warnings(load_run(out))):
            wrong.append("the page does not say that lines are missing")
        return wrong + _steps(out, [0, 20, 40, 80])


def full_to_the_end(place: Path, full_at: int) -> list[str]:
    """Fill the disk of a run, and go on with the run once there is room; return what went wrong."""
    with small_disk(place) as disk:
        out = disk / "run"
        with at_steps({full_at: partial(fill, disk)}), _said() as said:
            train(small_run(out))
        wrong = _unsaid(said.getvalue(), "cannot write to", "no checkpoint at step 80")
        wrong += _steps(out, [0, 20, 40])
        empty(disk)
        train(small_run(out))
        run = read_run(out)
        if run.end is None or [line.step for line in run.resumes] != [40]:
            wrong.append("the run did not go on from step 40 to its end")
        return wrong + _steps(out, [0, 20, 40, 60, 80])


def removed(place: Path, step: int) -> list[str]:
    """Remove the folder of a run while it trains; return what went wrong."""
    out = place / "run"
    with at_steps({step: partial(shutil.rmtree, out)}), _said() as said:
        train(small_run(out))
    wrong = _unsaid(said.getvalue(), "cannot write to", "no checkpoint at step 80")
    return wrong + (["the folder is there again"] if out.exists() else [])


def refused(write: str, reason: int, place: Path) -> list[str]:
    """Have the disk refuse one kind of write of a run; return what went wrong.

    Args:
        write: one of `WRITES`.
        reason: an errno.
        place: for the run.
    """
    asked: list[str] = []

    def refuse(*_: object, **__: object) -> None:
        asked.append(write)
        if WRITES[write].endswith("save_file"):  # of safetensors
            raise SafetensorError(f"I/O error: {os.strerror(reason)} (os error {reason})")
        raise OSError(reason, os.strerror(reason))

    out, settings = place / "run", small_run(place / "run")
    refusal = patch(WRITES[write], refuse)
    with _said() as said, at_steps({0 if write == _PROBE_SET else 40: refusal.start}):
        try:
            train(settings)
        finally:
            refusal.stop()
    wrong = _unsaid(said.getvalue(), os.strerror(reason))
    if not asked:
        wrong.append("it was never written")
    if not list_checkpoints(out)[-1].resumable:
        wrong.append("the newest checkpoint cannot be gone on from")
    if list(out.rglob(".draft*")):
        wrong.append("half a checkpoint is left")
    return wrong


def rewriting_refused(place: Path) -> list[str]:
    """Write what a study holds beside its runs' own files, and again on a full disk.

    Returns:
        What went wrong.
    """
    probed = [Line(80, 30, {FRONT.key(): 0.1})]
    arrays = {80: {"drawn": np.arange(4)}}
    with small_disk(place) as disk, patch("goalscope.reports.pages.run.draw", lambda *_: []):
        out = train(small_run(disk / "run"))
        writes: dict[str, Callable[[], object]] = {
            "run/report.html": partial(write_report, out),
            "run/probes.jsonl": partial(write_probes, out, probed, arrays),
            "study.json": partial(write_study, disk, [StudyRun("run", "", 0, "finished", None)]),
        }
        for write in writes.values():
            write()
        before = {name: (disk / name).read_bytes() for name in writes}
        fill(disk)
        wrong = []
        for name, write in writes.items():
            try:
                write()
            except (UserError, OSError) as error:
                if "No space left on device" not in str(error):
                    wrong.append(f"{name}: {error}")
            else:
                wrong.append(f"{name} was written on a full disk")
        return wrong + [f"{n} is spoiled" for n in writes if (disk / n).read_bytes() != before[n]]


def cannot_begin(place: Path) -> list[str]:
    """Begin runs on a disk that is full, and on one that is read-only; return what went wrong."""
    with small_disk(place) as disk:
        fill(disk)
        wrong = _no_run(disk / "full")
        empty(disk)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        return wrong + _no_run(disk / "read-only")


def _no_run(out: Path) -> list[str]:
    try:
        train(small_run(out))
    except (RecordError, OSError):  # the command says either in one line
        return [f"{out} is left"] if out.exists() else []
    return [f"a run began on a disk that is {out.name}"]


def _unsaid(said: str, *wanted: str) -> list[str]:
    return [f"{words!r} is not said in {said[-300:]!r}" for words in wanted if words not in said]


def _steps(out: Path, wanted: list[int]) -> list[str]:
    found = [checkpoint.step for checkpoint in list_checkpoints(out)]
    wrong = [] if found == wanted else [f"checkpoints of steps {found}, not {wanted}"]
    if not list_checkpoints(out)[-1].resumable:
        wrong.append("the newest checkpoint cannot be gone on from")
    return wrong


def trials(budget_s: float) -> list[Row]:
    """Return a row for each way in which a disk fails."""
    mounted: dict[str, Attempt] = {
        f"disk of {SIZE} MiB full for a while": partial(_at_some_step, full_for_a_while),
        "disk full to the end, then room, and the run gone on with": partial(
            _at_some_step, full_to_the_end
        ),
        "a run begun on a full disk, and on a read-only one": cannot_begin,
        "page, probes and study.json written again on a full disk": rewriting_refused,
    }
    kinds = mounted if mountable() else {}
    kinds["the folder of a run removed in training"] = partial(_at_some_step, removed)
    for write in WRITES:
        kinds[f"an error at each writing: {write}"] = partial(_refused_somehow, write)
    holds = "said in a line, what was there before kept; training went on where it had begun"
    return try_in_turn(kinds, budget_s, holds)


def _at_some_step(attempt: Callable[[Path, int], list[str]], place: Path) -> list[str]:
    return attempt(place, random.choice(FULL_AT))


def _refused_somehow(write: str, place: Path) -> list[str]:
    return refused(write, random.choice(REASONS), place)
