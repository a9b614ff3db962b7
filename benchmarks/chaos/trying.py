"""Ways of going wrong, tried in turn for as long as there is time."""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path

from benchmarks.chaos.row import Row

Attempt = Callable[[Path], list[str]]  # makes a folder, and returns what did not hold in it


def try_in_turn(kinds: Mapping[str, Attempt], budget_s: float, holds: str) -> list[Row]:
    """Return a row for each kind, tried once at least.

    Args:
        kinds: what is made to go wrong, in words -> how.
        budget_s: seconds after which no other attempt is begun.
        holds: what was seen where nothing failed.
    """
    found: dict[str, list[list[str]]] = defaultdict(list)
    deadline = time.monotonic() + budget_s
    for kind, attempt in cycle(kinds.items()):
        if len(found) == len(kinds) and time.monotonic() > deadline:
            break
        with tempfile.TemporaryDirectory() as place:
            found[kind].append(_wrong(attempt, Path(place) / "run"))
    return [
        Row(kind, len(tries), sum(map(bool, tries)), _evidence(tries, holds))
        for kind, tries in found.items()
    ]


def _wrong(attempt: Attempt, folder: Path) -> list[str]:
    try:
        return attempt(folder)
    except Exception as error:  # the next attempt may tell more
        return [f"{type(error).__name__}: {error}"]


def _evidence(tries: list[list[str]], holds: str) -> str:
    wrong = next(filter(None, tries), None)
    return holds if wrong is None else f"first failure: {'; '.join(wrong)}"
