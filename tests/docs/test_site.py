"""The documentation site: built without a warning, and what it shows in a real browser."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers.code_blocks import DOCS

import goalscope
from goalscope import probes, reports, training
from goalscope.cli.main import COMMANDS

CONSTANTS = {"__version__", "DISTANCE_BINS"}  # have no docstring


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as `make docs` builds it."""
    built = tmp_path_factory.mktemp("site")
    options = ["-q", "-E", "-W", "--keep-going", "-d", str(built / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *options, str(DOCS), str(built / "html")]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return built / "html"


class Addresses(HTMLParser):
    """Collects what a page links to, shows or loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def test_every_link_within_the_site_leads_somewhere(site):
    for page in site.rglob("*.html"):
        if page.is_relative_to(site / "results") and (DOCS / page.relative_to(site)).exists():
            continue  # a page as goalscope wrote it, which has tests of its own
        addresses = Addresses()
        addresses.feed(page.read_text(encoding="utf-8"))
        for address in addresses.found:
            path = address.partition("#")[0].partition("?")[0]
            if path and "://" not in path and not path.startswith(("data:", "mailto:")):
                assert (page.parent / path).exists(), (page.name, address)


def test_it_has_every_public_name_every_command_and_every_page_of_results(site):
    python = (site / "reference" / "index.html").read_text(encoding="utf-8")
    for package in (goalscope, reports, training, probes):
        for name in set(package.__all__) - CONSTANTS:
            assert f'descname"><span class="pre">{name}<' in python, name
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"usage: goalscope {name}" in commands
    gallery = (site / "gallery.html").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.html"):
        assert f'href="{page.relative_to(DOCS).as_posix()}"' in gallery
