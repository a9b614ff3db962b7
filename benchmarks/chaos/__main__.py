"""`python -m benchmarks.chaos [MODULE ...] [--seconds N]`: makes docs/reliability.md.

What is left out keeps its part of the page.
"""

import argparse
import pkgutil
import signal
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import benchmarks.chaos
from benchmarks.chaos.row import Row

PAGE = Path(__file__).parents[2] / "docs/reliability.md"
SECONDS = 1_740.0  # of half an hour: the last try of a part runs over
# Part of the time, where it is not one: the more inputs, the more is found.
_PARTS = {"hostile_records": 8.0, "hostile_checkpoints": 2.0, "scale": 3.0}
_PART = "\n## "
_BEGINNING = """# What was made to go wrong

Written by `make chaos`, or of one part by `python -m benchmarks.chaos PART`: each is tried as often
as its share of half an hour allows. A try is a failure where what the row says did not hold; the
first one is told.
"""


def subjects() -> list[str]:
    """Return the modules that try something."""
    names = [found.name for found in pkgutil.iter_modules(benchmarks.chaos.__path__)]
    return [n for n in names if hasattr(import_module(f"benchmarks.chaos.{n}"), "trials")]


def main() -> None:
    """Try every subject in its part of the time, and write the page after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="all of them, if left out")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--out", type=Path, default=PAGE)
    flags = parser.parse_args()
    # A shell's background jobs ignore Ctrl-C, and so would every run that is sent it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    left: list[str] = flags.modules or subjects()
    ends = time.monotonic() + flags.seconds
    while left:
        name, share = left[0], _part(left[0]) / sum(map(_part, left))
        rows = import_module(f"benchmarks.chaos.{name}").trials(share * (ends - time.monotonic()))
        before = flags.out.read_text(encoding="utf-8") if flags.out.exists() else _BEGINNING
        flags.out.write_text(with_part(before, name, rows), encoding="utf-8")
        print(*rows, sep="\n", flush=True)
        del left[0]


def with_part(page: str, name: str, rows: Sequence[Row]) -> str:
    """Return the page with these rows in place of those that a module had there before."""
    parts = dict(part.split("\n", 1) for part in page.split(_PART)[1:])
    heading = name.replace("_", " ").capitalize()
    parts[heading] = _table(import_module(f"benchmarks.chaos.{name}").__doc__ or "", rows)
    return _BEGINNING + "".join(f"{_PART}{name}\n{parts[name]}" for name in sorted(parts))


def _part(name: str) -> float:
    return _PARTS.get(name, 1.0)


def _table(about: str, rows: Sequence[Row]) -> str:
    lines = ["", about.strip(), "", "| test | tries | failures | evidence |", "|---|---|---|---|"]
    for row in rows:
        evidence = row.evidence.replace("|", "\\|")
        lines.append(f"| {row.test} | {row.tries:,} | {row.failures:,} | {evidence} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
