"""README's links: each leads somewhere here, and from PyPI to the same in the repository."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "pypi_readme.py"))
LINK = re.compile(r"\]\(([^)]+)\)")


def test_what_a_relative_link_names_is_there():
    links = [link for link in LINK.findall(README) if not link.startswith(("http", "#"))]
    assert len(links) > 10
    for link in links:
        assert (ROOT / link.partition("#")[0]).exists(), link


def test_on_pypi_each_link_is_an_address():
    text = SCRIPT["absolute"](README, "v1.2.3")
    source = "https://github.com/goalscope/goalscope"
    before, after = LINK.findall(README), LINK.findall(text)
    assert len(before) == len(after)
    for one, other in zip(before, after, strict=True):
        assert other.startswith(("http", "#"))
        assert other == one or other.removeprefix(source) in (
            f"/blob/v1.2.3/{one}",
            f"/raw/v1.2.3/{one}",
        )
    assert f"]({source}/raw/v1.2.3/docs/results/assay/figures/answer.png)" in text
    assert f"]({source}/blob/v1.2.3/CONTRIBUTING.md)" in text
    assert SCRIPT["absolute"](text, "v1.2.3") == text
