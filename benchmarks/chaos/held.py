"""What tests hold anyway, and a reader of this page asks for: run once, each test a try."""

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.chaos.row import Row

_ROOT = Path(__file__).parents[2]
# What is tried -> the tests that try it.
_TESTS = {
    "markup in names and text, pages in a real browser: nothing runs, is fetched or lies outside": (
        "tests/reports/pages/test_hostile_pages.py",
    ),
    "files with pipes, links out of their folder, control characters, names of 10^4 and more": (
        "tests/diagnostics/test_documents.py",
    ),
    "SB3 files that would unpack to more than any model": (
        "tests/training/test_probing_zips.py",
        "-k",
        "would_fill_the_memory",
    ),
    "a callback used again on another agent, two in one training, a record with two writers": (
        "tests/diagnostics/test_one_watch.py",
    ),
    "hooks after an exception or Ctrl-C in training: none": (
        "tests/diagnostics/test_anyones_agent.py",
        "-k",
        "exception",
    ),
    "a record that grows, read again: only what is new is parsed": (
        "tests/diagnostics/test_record_cache.py",
        "-k",
        "added",
    ),
    "seeds of a study chosen as it goes: settled wrongly no more often than promised": (
        "tests/benchmarks/test_adaptive_seeds.py",
        "-k",
        "promised",
    ),
    "study.json that cannot be written: the study goes on": (
        "tests/training/test_study.py",
        "-k",
        "cannot_be_written",
    ),
}


def trials(budget_s: float) -> list[Row]:
    """Return a row for each group of tests, within a time."""
    return [_row(test, arguments, budget_s) for test, arguments in _TESTS.items()]


def _row(test: str, arguments: tuple[str, ...], most_s: float) -> Row:
    with tempfile.TemporaryDirectory() as place:
        results = Path(place) / "results.xml"
        command = [sys.executable, "-m", "pytest", "-q", *arguments, f"--junitxml={results}"]
        subprocess.run(command, cwd=_ROOT, capture_output=True, timeout=max(300.0, most_s))
        cases = list(ElementTree.parse(results).iter("testcase"))
    if not cases:
        raise LookupError(f"there are no tests any more of: {test}")
    skipped = [case for case in cases if case.find("skipped") is not None]
    failed = [case for case in cases if {child.tag for child in case} & {"failure", "error"}]
    tried = len(cases) - len(skipped)
    evidence = f"first failure: {failed[0].get('name')}" if failed else f"tests of {arguments[0]}"
    left_out = f"; {len(skipped)} skipped here" if skipped else ""
    return Row(test, tried, len(failed), evidence + left_out)
