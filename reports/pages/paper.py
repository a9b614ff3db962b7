"""The short form as a paper: A4 pages, text and figures one below the other, pages numbered.

Everything is a block of the text's width: a paragraph, the table, a figure with its caption. Blocks
are drawn alone and stacked on pages, a new page where the next one does not fit.
"""

import io
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Bbox
from pypdf import PageObject, PdfReader, PdfWriter, Transformation

from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.style import house_style
from goalscope.reports.files import whole

_POINTS = 72  # an inch
_PAGE = (210 / 25.4, 297 / 25.4)  # inches, A4
_WIDTH = 174 / 25.4  # inches, of the text
_MARGIN = (_PAGE[0] - _WIDTH) / 2
_GAP = 0.14  # inches between blocks
_SERIF = ["STIXGeneral"]
_MONO = ["DejaVu Sans Mono"]
_TABLE = "Table 1. The outcome of each link and alternative at each time."
_LINE = 1.3  # height of a line over the size of its letters


@dataclass(frozen=True)
class ShortForm:
    """What the short form says.

    Attributes:
        title: of the comparison.
        sentences: the answer, a paragraph each.
        table: rows of cells, the heading first: every outcome at every time.
        steps: what to try next, a line each.
    """

    title: str
    sentences: Sequence[str]
    table: Sequence[Sequence[str]]
    steps: Sequence[str]


@dataclass(frozen=True)
class _Block:
    """A piece of the text's width.

    Attributes:
        page: on which it is drawn, alone.
        height: inches.
        leads: whether it stands on one page with what follows: a heading.
        scale: by which it is made smaller to fit.
    """

    page: PageObject
    height: float
    leads: bool = False
    scale: float = 1.0


def write_paper(words: ShortForm, plots: Sequence[Plot], path: Path) -> Path:
    """Write the paper, whole or not at all, and return its path.

    Args:
        words: what it says.
        plots: its figures, in their order.
        path: of the PDF.
    """
    writer = PdfWriter()
    writer.add_metadata({"/Title": words.title, "/Creator": "goalscope"})
    page, left = None, 0.0
    blocks = [_fitted(block) for block in _blocks(words, plots)]
    for block, following in zip_longest(blocks, blocks[1:]):
        needed = block.height + (_GAP + following.height if block.leads and following else 0.0)
        if page is None or needed > left:
            page = writer.add_blank_page(_PAGE[0] * _POINTS, _PAGE[1] * _POINTS)
            left = _PAGE[1] - 2 * _MARGIN
            number = _text(str(len(writer.pages)), 8, _SERIF, indent=_WIDTH / 2)
            _place(page, number, _MARGIN * 0.75)
        left -= block.height
        _place(page, block, _MARGIN + left)
        left -= _GAP
    with whole(path) as draft, open(draft, "wb") as file:
        writer.write(file)
    return path


def _place(page: PageObject, block: _Block, height: float) -> None:
    """Put a block on a page, its lower edge so many inches above the page's."""
    placed = Transformation().scale(block.scale).translate(_MARGIN * _POINTS, height * _POINTS)
    page.merge_transformed_page(block.page, placed)


def _blocks(words: ShortForm, plots: Sequence[Plot]) -> Iterator[_Block]:
    yield _text(_wrapped(words.title, 15), 15, _SERIF, weight="bold")
    for sentence in words.sentences:
        yield _text(_wrapped(sentence, 10), 10, _SERIF)
    yield replace(_text(_TABLE, 9, _SERIF), leads=True)
    yield _text(_aligned(words.table), 6.8, _MONO)
    yield replace(_text("What to try next", 11.5, _SERIF, weight="bold"), leads=True)
    for number, step in enumerate(words.steps, 1):
        yield _text(_wrapped(f"{number}. {step}", 10), 10, _SERIF)
    for number, plot in enumerate(plots, 1):
        yield _figure(plot, f"Figure {number}. {plot.heading} {plot.caption}")


def _figure(plot: Plot, caption: str) -> _Block:
    """Return a figure with its caption below it, on one page."""
    with house_style(_WIDTH):
        figure = plot.make()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # else the caption would be laid out into the figure
        text = _wrapped(caption, 9)
        below = _height(text, 9) + _GAP / 2
        height = figure.get_size_inches()[1]
        figure.text(
            0.0, -_GAP / 2 / height, text, va="top", fontsize=9, family=_SERIF, linespacing=_LINE
        )
        return _drawn(figure, -below, height)


def _text(
    text: str, size: float, family: Sequence[str], *, weight: str = "normal", indent: float = 0.0
) -> _Block:
    height = _height(text, size)
    with house_style(_WIDTH):
        figure = Figure(figsize=(_WIDTH, height))
        figure.text(
            indent / _WIDTH,
            1.0,
            text,
            va="top",
            fontsize=size,
            family=family,
            weight=weight,
            linespacing=_LINE,
        )
        return _drawn(figure, 0.0, height)


def _drawn(figure: Figure, low: float, high: float) -> _Block:
    """Return what lies between two heights, in inches above the figure's lower edge."""
    buffer = io.BytesIO()
    box = Bbox.from_extents(0, low, _WIDTH, high)
    figure.savefig(buffer, format="pdf", bbox_inches=box, metadata={"CreationDate": None})
    return _Block(PdfReader(buffer).pages[0], high - low)


def _fitted(block: _Block) -> _Block:
    """Return a block made smaller where it is higher than a page has room."""
    room = _PAGE[1] - 2 * _MARGIN
    if block.height <= room:
        return block
    return replace(block, height=room, scale=room / block.height)


def _height(text: str, size: float) -> float:
    return size * _LINE * (text.count("\n") + 1) / _POINTS


def _wrapped(text: str, size: float) -> str:
    """Return a text in the serif font in lines that fit the width."""
    font = FontProperties(family=_SERIF, size=size)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        width, _, _ = text_to_path.get_text_width_height_descent(longer, font, ismath=False)
        if lines[-1] and width > _WIDTH * _POINTS:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def _aligned(table: Sequence[Sequence[str]]) -> str:
    """Return a table for a font of one width, its first column cut where the page would end."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    room = int(_WIDTH * _POINTS / 6.8 / 0.603) - sum(widths[1:]) - 2 * (len(widths) - 1)
    widths[0] = min(widths[0], room)
    return "\n".join(
        "  ".join(
            textwrap.shorten(cell, width, placeholder=" ...").ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in table
    )
