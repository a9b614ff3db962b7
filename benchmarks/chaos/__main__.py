"""`python -m benchmarks.chaos [MODULE ...] [--seconds N]`: makes docs/reliability.md."""

import argparse
import pkgutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import benchmarks.chaos
from benchmarks.chaos.row import Row

PAGE = Path(__file__).parents[2] / "docs/reliability.md"
SECONDS = 1_800.0


def subjects() -> list[str]:
    """Return the modules that try something."""
    names = [found.name for found in pkgutil.iter_modules(benchmarks.chaos.__path__)]
    return [n for n in names if hasattr(import_module(f"benchmarks.chaos.{n}"), "trials")]


def main() -> None:
    """Try every subject, in equal parts of the time, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="all of them, if left out")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--out", type=Path, default=PAGE)
    flags = parser.parse_args()
    chosen = flags.modules or subjects()
    rows: list[Row] = []
    for name in chosen:
        rows += import_module(f"benchmarks.chaos.{name}").trials(flags.seconds / len(chosen))
        print(*rows[-1:], flush=True)
    flags.out.write_text(table(rows), encoding="utf-8")


def table(rows: Sequence[Row]) -> str:
    """Return the page."""
    lines = ["# What was made to go wrong", "", "Written by `make chaos`.", ""]
    lines += ["| test | tries | failures | evidence |", "|---|---|---|---|"]
    for row in rows:
        evidence = row.evidence.replace("|", "\\|")
        lines.append(f"| {row.test} | {row.tries:,} | {row.failures:,} | {evidence} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
