"""Every block of code in the documentation runs as it is written, one after another."""

import re
import runpy
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
from helpers.code_blocks import DOCS, SMALLER, code_blocks, file_of
from helpers.command import goalscope

from goalscope.reports.figures.plot import draw
from goalscope.reports.pages import probes as probe_page

PAGES = [page for page in sorted(DOCS.rglob("*.md")) if code_blocks(page)]
HERE_ALREADY = ("python -m venv", "source ")  # the environment, in which the tests run
PYPROJECT = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())


def install(requirement: str) -> None:
    """Look at what pip is asked for: goalscope, with extras that it has."""
    asked = re.fullmatch(r"(?:path/to/)?goalscope(?:\[(.+)\])?", requirement)
    assert asked, requirement
    extras = set((asked[1] or "").split(",")) - {""}
    assert extras <= PYPROJECT["project"]["optional-dependencies"].keys()


def run(command: str, monkeypatch) -> str:
    """Run a line that a user types, and return what it prints."""
    program, *arguments = shlex.split(command)
    if command.startswith(HERE_ALREADY):
        return ""
    if program == "pip":
        install(arguments[-1])
        return ""
    if program == "python":
        monkeypatch.setattr(sys, "argv", arguments)
        runpy.run_path(arguments[0], run_name="__main__")
        return ""
    assert program == "goalscope"
    done = goalscope(*arguments)
    assert done.returncode == 0 or (done.returncode == 1 and "--fail-on" in arguments), done.stderr
    return done.stdout


def run_console(block: str, monkeypatch) -> None:
    """Run the lines that are typed, and look for the others in what they print; "..." is more."""
    printed = ""
    for line in block.splitlines():
        if line.startswith("$ "):
            printed = " ".join(run(line.removeprefix("$ "), monkeypatch).split())
        elif line != "...":
            assert line.strip() in printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(page, tmp_path, monkeypatch, few_figures):
    monkeypatch.setattr(probe_page, "draw", draw)  # it has no page without all its figures
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_env", raising=False)
    names: dict[str, object] = {}
    for kind, block in code_blocks(page):
        if kind == "console":
            run_console(block, monkeypatch)
        elif name := file_of(block):
            Path(name).write_text(block)
        else:
            exec(compile(block, str(page), "exec"), names)


def test_what_is_made_smaller_stands_somewhere():
    pages = "".join(page.read_text() for page in PAGES)
    assert [long for long in SMALLER if long not in pages] == []
