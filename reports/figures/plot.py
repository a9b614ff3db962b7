"""A figure of a page: made when it is needed, saved as files, put into the page as SVG."""

import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from goalscope.reports.figures.style import house_style
from goalscope.reports.numbers.tables import write_rows

# A hundredth of a point is finer than any printer; a glyph's scale is no length.
_DIGITS = re.compile(r"(?<!scale\()(\d\.\d\d)\d+")
ARMS, REST = "arms", "rest"  # sections of the page of a comparison, beside those of its links


@dataclass(frozen=True)
class Plot:
    """A figure of a page.

    Attributes:
        name: of its files.
        title: above it.
        caption: what it shows, in which unit, of how many seeds, and what to look for.
        make: makes it, inside the house style.
        rows: the numbers drawn, a row each, for the CSV file beside the figure; None for none.
        section: of the page of a comparison in which it stands: a link's, `ARMS`, or the `REST`.
        shows: links and rivals that it tells something of.
    """

    name: str
    title: str
    caption: str
    make: Callable[[], Figure] = field(repr=False)
    rows: Callable[[], Sequence[Mapping[str, Any]]] | None = field(default=None, repr=False)
    section: str = REST
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class SavedPlot:
    """A figure on a page.

    Attributes:
        plot: whose.
        svg: to put into the page.
        rows: whether its numbers lie beside it as CSV.
    """

    plot: Plot
    svg: str
    rows: bool


def save(plots: Sequence[Plot], folder: Path) -> list[SavedPlot]:
    """Make each figure, write it as SVG and PNG, its numbers as CSV, and return it for a page."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    with house_style():
        for plot in plots:
            figure = plot.make()
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
            figure.set_layout_engine("none")  # laid out once is enough
            figure.savefig(folder / f"{plot.name}.png", dpi=160)
            svg = _DIGITS.sub(r"\1", buffer.getvalue())
            (folder / f"{plot.name}.svg").write_text(svg, encoding="utf-8")
            rows = [] if plot.rows is None else plot.rows()
            if rows:
                write_rows(folder / f"{plot.name}.csv", rows, list(rows[0]))
            saved.append(SavedPlot(plot, inline_svg(svg, plot), bool(rows)))
    return saved


def inline_svg(svg: str, plot: Plot) -> str:
    """Return an SVG fit to stand in a page: ids of its own, sized by the page, with a name."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r'\bid="([^"]+)"', rf'id="{plot.name}-\1"', body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{plot.name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{plot.name}-\1)", body)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", body, count=1)
    return body.replace("<svg", f'<svg role="img" aria-label="{html.escape(plot.title)}"', 1)
