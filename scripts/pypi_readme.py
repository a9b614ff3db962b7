"""`python scripts/pypi_readme.py TAG`: let README.md's links lead from PyPI's page to that tag.

On PyPI nothing lies beside the page, and an image has to come as a file, not as a page about one.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
RELATIVE = re.compile(r"(!?)\[([^]]*)\]\((?!\w+:|#)([^)]+)\)")


def absolute(text: str, tag: str) -> str:
    """Return Markdown whose relative links and images are addresses in the repository at a tag."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    source = project["urls"]["Source"]
    ways = {"": "blob", "!": "raw"}
    return RELATIVE.sub(
        lambda m: f"{m[1]}[{m[2]}]({source}/{ways[m[1]]}/{tag}/{m[3]})",
        text,
    )


def main() -> None:
    """Rewrite README.md, of a checkout from which a release is built."""
    (tag,) = sys.argv[1:]
    readme = ROOT / "README.md"
    readme.write_text(absolute(readme.read_text(encoding="utf-8"), tag), encoding="utf-8")


if __name__ == "__main__":
    main()
