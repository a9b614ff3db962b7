"""The short form as a paper: A4 pages, text and figures one below the other, pages numbered.

Everything is a block of the text's width: a paragraph, the table, a figure with its caption. Blocks
are drawn alone and stacked on pages, a new page where the next one does not fit: what is left of
the old one is filled with figures that do, which are numbered as they stand.
"""

import io
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Bbox
from pypdf import PageObject, PdfReader, PdfWriter, Transformation

from goalscope.reports.figures.plot import Plot, lay_out
from goalscope.reports.figures.style import house_style
from goalscope.reports.files import whole

_POINTS = 72  # an inch
_PAGE = (210 / 25.4, 297 / 25.4)  # inches, A4
_WIDTH = 174 / 25.4  # inches, of the text
_MARGIN = (_PAGE[0] - _WIDTH) / 2
_ROOM = _PAGE[1] - 2 * _MARGIN  # inches of height
_GAP = 0.14  # inches between blocks
_LEAST_SCALE = 0.85  # of a figure that is made smaller to fill a page
_SERIF = ["STIXGeneral"]
_MONO = ["DejaVu Sans Mono"]
_TABLE = "Table 1. The outcome of each link and alternative at each time."
_LINE = 1.3  # height of a line over the size of its letters
_AHEAD = 4  # figures among which the next is chosen: their order tells something, too


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


@dataclass(frozen=True, eq=False)
class _Captioned:
    """A figure with what stands below it, both on one page."""

    figure: Figure
    caption: str

    @property
    def height(self) -> float:
        """Of both, in inches."""
        return float(self.figure.get_size_inches()[1]) + self._below(self._text(99))

    def drawn(self, number: int) -> _Block:
        """Return it as the figure of that number."""
        with house_style(_WIDTH):
            lay_out(self.figure)  # without the caption, which would be laid out into it
            text = self._text(number)
            height = self.figure.get_size_inches()[1]
            where = 0.0, -_GAP / 2 / height
            font: dict[str, Any] = {"fontsize": 9, "family": _SERIF, "linespacing": _LINE}
            self.figure.text(*where, text, va="top", **font)
            return _drawn(self.figure, -self._below(text), height)

    def _text(self, number: int) -> str:
        return _wrapped(f"Figure {number}. {self.caption}", 9)

    def _below(self, text: str) -> float:
        return _height(text, 9) + _GAP / 2


def write_paper(words: ShortForm, plots: Sequence[Plot], path: Path) -> Path:
    """Write the paper, whole or not at all, and return its path.

    Args:
        words: what it says.
        plots: its figures, in their order.
        path: of the PDF.
    """
    writer = PdfWriter()
    writer.add_metadata({"/Title": words.title, "/Creator": "goalscope"})
    with house_style(_WIDTH):
        figures = [_Captioned(plot.make(), f"{plot.heading} {plot.caption}") for plot in plots]
    column = _Column(writer, figures)
    blocks = [_fitted(block, _ROOM) for block in _blocks(words)]
    for block, following in zip_longest(blocks, blocks[1:]):
        needed = block.height + (_GAP + following.height if block.leads and following else 0.0)
        if needed > column.left:
            column.fill()
        column.add(block, needed)
    column.fill()
    while column.waiting:
        column.add_figure(column.waiting[0])
        column.fill()
    with whole(path) as draft, open(draft, "wb") as file:
        writer.write(file)
    return path


class _Column:
    """The one column of the paper, filled from the top.

    Attributes:
        left: inches below what stands on the last page.
        waiting: figures that are not on a page.
    """

    def __init__(self, writer: PdfWriter, figures: Sequence[_Captioned]) -> None:
        self.left = 0.0
        self.waiting = list(figures)
        self._writer = writer
        self._figures = len(figures)

    def add(self, block: _Block, needed: float) -> None:
        """Add a block below the last, on a new page where less is left than needed, in inches."""
        if needed > self.left:
            page = self._writer.add_blank_page(_PAGE[0] * _POINTS, _PAGE[1] * _POINTS)
            self.left = _ROOM
            number = _text(str(len(self._writer.pages)), 8, _SERIF, indent=_WIDTH / 2)
            _place(page, number, _MARGIN * 0.75)
        self.left -= block.height
        _place(self._writer.pages[-1], block, _MARGIN + self.left)
        self.left -= _GAP

    def add_figure(self, figure: _Captioned) -> None:
        """Add a figure that waits, with the number of its place."""
        room = self.left if figure.height * _LEAST_SCALE <= self.left else _ROOM
        block = _fitted(figure.drawn(self._figures - len(self.waiting) + 1), room)
        self.waiting.remove(figure)
        self.add(block, block.height)

    def fill(self) -> None:
        """Add figures that fit on the last page, the first of the next few each time."""
        while fits := [
            each for each in self.waiting[:_AHEAD] if each.height * _LEAST_SCALE <= self.left
        ]:
            self.add_figure(fits[0])


def _place(page: PageObject, block: _Block, height: float) -> None:
    """Put a block on a page, its lower edge so many inches above the page's."""
    placed = Transformation().scale(block.scale).translate(_MARGIN * _POINTS, height * _POINTS)
    page.merge_transformed_page(block.page, placed)


def _blocks(words: ShortForm) -> Iterator[_Block]:
    yield _text(_wrapped(words.title, 15), 15, _SERIF, weight="bold")
    for sentence in words.sentences:
        yield _text(_wrapped(sentence, 10), 10, _SERIF)
    yield replace(_text(_TABLE, 9, _SERIF), leads=True)
    yield _text(_aligned(words.table), 6.8, _MONO)
    yield replace(_text("What to try next", 11.5, _SERIF, weight="bold"), leads=True)
    for number, step in enumerate(words.steps, 1):
        yield _text(_wrapped(f"{number}. {step}", 10), 10, _SERIF)


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


def _fitted(block: _Block, room: float) -> _Block:
    """Return a block made smaller where it is higher than there is room, in inches."""
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
    """Return a table for a font of one width, its first column wrapped to what the page holds."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    room = int(_WIDTH * _POINTS / 6.8 / 0.603) - sum(widths[1:]) - 2 * (len(widths) - 1)
    widths[0] = min(widths[0], room)
    lines = []
    for name, *cells in table:
        first, *rest = textwrap.wrap(name, widths[0], subsequent_indent="  ") or [""]
        padded = (c.ljust(width) for c, width in zip((first, *cells), widths, strict=True))
        lines += ["  ".join(padded).rstrip(), *rest]
    return "\n".join(lines)
