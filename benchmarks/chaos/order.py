"""Clocks that go backwards, lines that are torn, doubled or out of order, runs that move house."""

import itertools
import json
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch

from benchmarks.chaos.row import Row
from benchmarks.chaos.runs import small_run
from benchmarks.chaos.trying import Attempt, try_in_turn
from goalscope.diagnostics.record import MEASUREMENTS_FILE, RUN_FILE, RecordError
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.warnings import run_warnings
from goalscope.training.runs.run import train

_HOUR = 3_600


@contextmanager
def clock_backwards() -> Iterator[None]:
    """Inside, each look at the clock of the day shows an hour less than the one before."""
    ticks = itertools.count()
    began = time.time()

    def earlier() -> float:
        return began - _HOUR * next(ticks)

    with (
        patch("time.time", earlier),
        patch("time.time_ns", lambda: int(earlier() * 1e9)),
    ):
        yield


def trained_by_a_clock_that_goes_backwards(place: Path) -> list[str]:
    """Train while the clock goes backwards; return what went wrong."""
    with clock_backwards():
        out = train(small_run(place / "run"))
    record, usual = (folder / MEASUREMENTS_FILE for folder in (out, whole_run()))
    wrong = [] if record.read_bytes() == usual.read_bytes() else ["another record"]
    return wrong + run_warnings(load_run(out))


def torn(place: Path) -> list[str]:
    """Tear the record of a run anywhere; return what went wrong."""
    file = _copied(place)
    data = file.read_bytes()
    file.write_bytes(data[: random.randrange(data.index(b"\n") + 1, len(data))])
    return _unless_said(place, "was cut off after update")


def doubled(place: Path) -> list[str]:
    """Have one measurement stand twice; return what went wrong."""
    return _reordered(place, lambda lines, i: lines.insert(i, lines[i]), "in the record twice")


def swapped(place: Path) -> list[str]:
    """Have two measurements of a kind change places; return what went wrong."""

    def swap(lines: list[bytes], i: int) -> None:
        keys, update = _kind(lines[i]), json.loads(lines[i])["update"]
        others = [
            number
            for number, line in enumerate(lines)
            if _kind(line) == keys and json.loads(line)["update"] != update
        ]
        j = random.choice(others)
        lines[i], lines[j] = lines[j], lines[i]

    return _reordered(place, swap, "after later ones")


def joined(place: Path) -> list[str]:
    """Have one line run into the next, as two writers make it; return what went wrong."""

    def join(lines: list[bytes], i: int) -> None:
        lines[i] = lines[i][: random.randrange(1, len(lines[i]))] + lines.pop(i + 1)

    return _reordered(place, join, "is damaged")


def moved_house(place: Path) -> list[str]:
    """Go on with a run on another machine, with other software; return what went wrong."""
    out = train(small_run(place / "run", total_steps=60))
    info = json.loads((out / RUN_FILE).read_text())
    info["versions"]["torch"] = "1.13.0"
    info["hardware"] |= {"cores": 512, "torch_threads": 7}
    (out / RUN_FILE).write_text(json.dumps(info))
    train(small_run(out))
    return [
        wrong
        for words in ("instead of 1.13.0", "cores", "torch_threads 1 instead of 7")
        for wrong in _unless_said(out, words)
    ]


def trials(budget_s: float) -> list[Row]:
    """Return a row for each kind of disorder."""
    kinds: dict[str, Attempt] = {
        "a clock that goes backwards: the same record, to the byte": (
            trained_by_a_clock_that_goes_backwards
        ),
        "a run gone on with on another machine, torch and thread count": moved_house,
        "a record torn anywhere": torn,
        "a line that stands twice": doubled,
        "two lines in each other's place": swapped,
        "a line that runs into the next": joined,
    }
    whole_run()
    return try_in_turn(kinds, budget_s, "said on the page or refused in one line")


@cache
def whole_run() -> Path:
    """Return the folder of a run to its end, trained once."""
    return train(small_run(Path(mkdtemp()) / "run"))


def _copied(place: Path) -> Path:
    shutil.copytree(whole_run(), place, ignore=shutil.ignore_patterns("checkpoints"))
    return place / MEASUREMENTS_FILE


def _reordered(place: Path, change: Callable[[list[bytes], int], object], said: str) -> list[str]:
    """Change the lines of a record at one of its measurements, none of which is its last line."""
    file = _copied(place)
    lines = file.read_bytes().splitlines(keepends=True)
    counts = [_kind(line) for line in lines]
    several = [i for i, kind in enumerate(counts[:-1]) if kind and counts.count(kind) > 1]
    change(lines, random.choice(several))
    file.write_bytes(b"".join(lines))
    return _unless_said(place, said)


def _kind(line: bytes) -> str | None:
    """Return the first metric of a line; None for an event."""
    return next((key for key in json.loads(line) if "/" in key), None)


def _unless_said(run: Path, words: str) -> list[str]:
    """Return what is said instead of the words, on the page or where the record is refused."""
    try:
        said = run_warnings(load_run(run))
    except RecordError as error:
        said = [str(error)]
    return [] if any(words in sentence for sentence in said) else [f"{words!r} not in {said}"]
