"""What the site adds to Sphinx: the help of each command, a gallery of the pages in `results/`.

Pages of results are copied beside the site as they are, and what links to one opens it.
A folder has no page; links to one lead to the repository.
"""

import html
import re
import shutil
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from goalscope.cli.main import COMMANDS, main

RESULTS = Path(__file__).parent.parent / "results"
PAGES = sorted(RESULTS.rglob("*.html"))
_REPOSITORY = "https://github.com/goalscope/goalscope/tree/main/docs"
_FIGURE = re.compile(r"<svg .*?</svg>", re.DOTALL)
_OVERALL = re.compile(r'<p class="overall">(.*?)</p>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


class Commands(SphinxDirective):
    """Shows each command's help, as the command prints it."""

    def run(self) -> list[nodes.Node]:
        """Return a section for each command."""
        sections: list[nodes.Node] = []
        for name in COMMANDS:
            printed = StringIO()
            with redirect_stdout(printed), suppress(SystemExit):
                main([name, "--help"])
            text = printed.getvalue()
            shown = nodes.literal_block(text, text, language="text", classes=["help"])
            title = nodes.title("", "", nodes.literal("", f"goalscope {name}"))
            sections.append(nodes.section("", title, shown, ids=[name]))
        return sections


class Gallery(SphinxDirective):
    """Shows the first figure of each page of results, and what the page says overall."""

    def run(self) -> list[nodes.Node]:
        """Return one block of HTML."""
        cards = []
        for page in PAGES:
            where = page.relative_to(RESULTS)
            text = page.read_text(encoding="utf-8")
            figure, overall = _FIGURE.search(text), _OVERALL.search(text)
            says = html.escape(html.unescape(_TAG.sub("", overall[1]))) if overall else ""
            picture = f"{where.with_suffix('')}.svg".replace("/", "-")
            if figure:
                drawn = Path(self.env.app.outdir) / "_images" / picture
                drawn.parent.mkdir(parents=True, exist_ok=True)
                drawn.write_text(figure[0], encoding="utf-8")
            cards.append(
                f'<a class="card" href="results/{where}"><img src="_images/{picture}" alt="">'
                f"<strong>{where.parent}</strong><span>{says}</span></a>"
            )
        return [nodes.raw("", f'<div class="cards">{"".join(cards)}</div>', format="html")]


def open_links(app: Sphinx, doctree: nodes.document) -> None:
    """Have links to pages of results open them, and those to folders lead to the repository."""
    source, name = Path(app.srcdir), app.env.docname
    asked = (*doctree.findall(addnodes.download_reference), *doctree.findall(addnodes.pending_xref))
    for node in asked:
        target = (source / name).parent.joinpath(node["reftarget"]).resolve()
        if target.suffix == ".html":
            address = "../" * name.count("/") + target.relative_to(source).as_posix()
        elif target.is_dir():
            address = f"{_REPOSITORY}/{target.relative_to(source).as_posix()}"
        else:
            continue
        node.replace_self(nodes.reference("", "", *node.children, refuri=address))


def copy_pages(app: Sphinx, error: Exception | None) -> None:
    """Copy the pages of results beside the site."""
    for page in PAGES:
        copy = Path(app.outdir) / "results" / page.relative_to(RESULTS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, copy)


def leave_out_modules(app: Sphinx, what: str, name: str, *rest: Any) -> None:
    """Empty the docstring of a module: the page around it introduces it."""
    *_, lines = rest
    if what == "module":
        lines.clear()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register all of it with Sphinx."""
    app.add_directive("commands", Commands)
    app.add_directive("gallery", Gallery)
    app.connect("doctree-read", open_links, priority=100)  # before downloads are collected
    app.connect("autodoc-process-docstring", leave_out_modules)
    app.connect("build-finished", copy_pages)
    return {"parallel_read_safe": True}
