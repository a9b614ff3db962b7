"""Asking something of thousands of hostile inputs, in processes whose time and memory are bounded.

What must hold of each: it is used, or refused in one line; no traceback, no more than 5 seconds of
a processor, no more than 1 GiB beyond what is loaded.
"""

import multiprocessing
import resource
import signal
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from benchmarks.chaos.row import Row
from goalscope.errors import UserError

SECONDS = 5.0
_MEMORY = 2**30  # bytes
_BATCH = 1_000  # inputs to a process, which begins with nothing spoilt
_T = TypeVar("_T")


class Hang(BaseException):
    """It takes too long; no handler of ours stops it."""


class _TimeIsUp(BaseException):
    """No other input is tried."""


@dataclass
class Tally:
    """What came of the inputs.

    Attributes:
        kinds: what was asked -> how many inputs were "used", "refused", "neither".
        failures: what was asked -> what went wrong, a line each.
    """

    kinds: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    failures: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def judge(
        self,
        what: str,
        do: Callable[[], object],
        seconds: float = SECONDS,
        errors: tuple[type[Exception], ...] = (UserError,),
    ) -> str | None:
        """Do what is asked, and return what went wrong.

        Args:
            what: is asked, in words.
            do: does it.
            seconds: of a processor that it may take.
            errors: that refuse an input.
        """
        wrong = None
        try:
            with _at_most(seconds):
                do()
            self.kinds[what]["used"] += 1
        except Hang:
            self.kinds[what]["neither"] += 1
            wrong = f"longer than {seconds:g} s"
        except errors as error:
            self.kinds[what]["refused"] += 1
            if not str(error).isprintable():
                wrong = f"more than a line: {str(error)[:200]!r}"
        except Exception:
            self.kinds[what]["neither"] += 1
            last = traceback.format_exc().strip().splitlines()
            wrong = f"{last[-1][:200]} at {last[-3].strip()[:120]}"
        if wrong:
            self.failures[what].append(wrong)
        return wrong

    def add(self, other: "Tally") -> None:
        """Count what another one counted."""
        for what, kinds in other.kinds.items():
            self.kinds[what] += kinds
        for what, failures in other.failures.items():
            self.failures[what] += failures

    def tries(self) -> int:
        """Return how many inputs were tried."""
        return sum(kinds.total() for kinds in self.kinds.values())

    def rows(self, holds: str) -> list[Row]:
        """Return a row for each thing that was asked.

        Args:
            holds: what is said where nothing failed, after how many were used and refused.
        """
        rows = []
        for what in sorted(self.kinds):
            kinds, failures = self.kinds[what], self.failures[what]
            seen = f"{kinds['used']:,} used, {kinds['refused']:,} refused"
            told = f"first failure: {failures[0]}" if failures else holds
            rows.append(Row(what, kinds.total(), len(failures), f"{seen}; {told}"))
        return rows


def try_inputs(
    seed: int, deadline: float, inputs: st.SearchStrategy[_T], each: Callable[[_T], object]
) -> None:
    """Try a batch of inputs, until it is done or the time is up; memory is bounded from here on.

    Args:
        seed: which batch.
        deadline: on the monotonic clock.
        inputs: how they are drawn.
        each: tries one.
    """
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))

    @seeded(seed)
    @settings(
        max_examples=_BATCH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def one(drawn: _T) -> None:
        if time.monotonic() > deadline:
            raise _TimeIsUp
        each(drawn)

    try:
        one()
    except _TimeIsUp:
        pass


def in_batches(batch: Callable[[int, float], Tally], budget_s: float, inputs: int) -> Tally:
    """Return what came of batches, each in a process of its own.

    Args:
        batch: tries the inputs of a seed until a time of the monotonic clock.
        budget_s: seconds after which no other input is tried.
        inputs: after which no other batch is begun.
    """
    deadline, found, seed = time.monotonic() + budget_s, Tally(), 0
    context = multiprocessing.get_context("spawn")
    while found.tries() < inputs and time.monotonic() < deadline:
        with ProcessPoolExecutor(1, context) as pool:
            try:
                found.add(pool.submit(batch, seed, deadline).result())
            except BrokenProcessPool:
                found.kinds["a batch"]["neither"] += 1
                found.failures["a batch"].append(f"its process died at seed {seed}")
        seed += 1
    return found


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """End what takes longer, in a processor's time; what waits, after a minute."""

    def stop(*_: object) -> None:
        raise Hang

    signal.signal(signal.SIGPROF, stop)
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 60 + seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
