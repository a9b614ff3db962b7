"""A figure of a page: made when it is needed, put into the page as SVG, saved where asked for."""

import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray

from goalscope.reports.figures.cutting import parts
from goalscope.reports.figures.style import house_style
from goalscope.reports.figures.svg import inline
from goalscope.reports.files import folder_for, whole
from goalscope.reports.numbers.tables import write_rows

# Sections of the page of a comparison, beside those of its links.
ANSWER, ARMS, REST = "answer", "arms", "rest"
FigureFile = Literal["png", "csv", "pdf"]
_MILLIMETRES = (84, 174)  # widths of one column of a paper, and of two
_MOST_MILLIMETRES = 230  # of height: a page of a paper has room for no more above a caption
_INCH = 25.4  # millimetres
_PHONE = 3.75  # inches, the width of a phone's page at the size that text has on it
_DOTS_PER_INCH = 160
_ON_SCREEN = 80  # dots per inch


@dataclass(frozen=True)
class Plot:
    """A figure of a page.

    Attributes:
        name: of its files.
        title: above it.
        caption: what it shows, in which unit, of how many seeds, and what to look for.
        make: makes it, inside the house style.
        rows: the numbers drawn, a row each, for a CSV file; None for none.
        section: of the page of a comparison in which it stands: a link's, or one of those above.
        shows: links and rivals that it tells something of.
    """

    name: str
    title: str
    caption: str
    make: Callable[[], Figure] = field(repr=False)
    rows: Callable[[], Sequence[Mapping[str, Any]]] | None = field(default=None, repr=False)
    section: str = REST
    shows: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """The title as a sentence."""
        return self.title if self.title.endswith("?") else f"{self.title}."

    def _repr_png_(self) -> bytes:
        """Return the figure for a notebook."""
        buffer = io.BytesIO()
        with house_style():
            self.make().savefig(buffer, format="png", dpi=_ON_SCREEN)
        return buffer.getvalue()

    def pixels(self) -> NDArray[np.uint8]:
        """Return the figure as it is in a notebook, uint8 (height, width, 3)."""
        image = imread(io.BytesIO(self._repr_png_()), format="png")  # 0..1
        return np.round(image[:, :, :3] * 255).astype(np.uint8)


@dataclass(frozen=True)
class DrawnPlot:
    """A figure on a page.

    Attributes:
        plot: whose.
        svg: to put into the page.
        narrow: the same for a phone, its panels below each other; empty where there is none.
        files: what lies in the folder of figures, words -> name of the file.
    """

    plot: Plot
    svg: str
    narrow: str
    files: Mapping[str, str]


def draw(
    plots: Sequence[Plot], folder: Path, kinds: Collection[FigureFile] = ()
) -> list[DrawnPlot]:
    """Return each figure drawn for a page; what is asked for is also written as files.

    Args:
        plots: the figures.
        folder: for the files, made where there are any.
        kinds: "png"; "csv", the numbers drawn; "pdf", at the widths of a paper's one and two
            columns (84 and 174 mm), the text at the size it has in print; one that would be higher
            than a page is cut between its panels into several.

    Raises:
        ReportError: the files cannot be written.
    """
    drawn = []
    for plot in plots:
        with house_style():
            figure = lay_out(plot.make())
            svg = _svg(figure, plot.name, plot.title)
            files = _write(plot, figure, folder, kinds)
        narrow = ""
        if plot.section == ANSWER:  # the others would make a page twice as large
            with house_style(_PHONE):
                narrow = _svg(lay_out(plot.make()), f"{plot.name}-narrow", plot.title)
        drawn.append(DrawnPlot(plot, svg, narrow, files))
    return drawn


def _svg(figure: Figure, name: str, title: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return inline(buffer.getvalue(), name, title)


def lay_out(figure: Figure) -> Figure:
    """Return a figure laid out once and for all; matplotlib draws it all for that.

    Its legends then stay where they are, however much of it, or around it, is saved.
    """
    FigureCanvasSVG(figure)  # whose measures of text the layout takes
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)
    for legend in figure.legends:
        place = legend.get_window_extent().transformed(figure.transFigure.inverted())
        legend.set_loc("center")
        legend.set_bbox_to_anchor(place, figure.transFigure)
    return figure


def _write(
    plot: Plot, figure: Figure, folder: Path, kinds: Collection[FigureFile]
) -> dict[str, str]:
    files: dict[str, str] = {}
    if kinds:
        folder = folder_for(folder.parent, folder.name)
    if "png" in kinds:
        files["PNG"] = f"{plot.name}.png"
        with whole(folder / files["PNG"]) as draft:
            figure.savefig(draft, dpi=_DOTS_PER_INCH)
    if "csv" in kinds and plot.rows is not None and (rows := plot.rows()):
        files["its numbers"] = f"{plot.name}.csv"
        write_rows(folder / files["its numbers"], rows, list(rows[0]))
    for width in _MILLIMETRES if "pdf" in kinds else ():
        with house_style(width / _INCH):
            files |= _write_pdf(plot, folder, width)
    return files


def _write_pdf(plot: Plot, folder: Path, width: int) -> dict[str, str]:
    """Write a figure of the style's width, in parts where it is high; return words -> name."""
    files: dict[str, str] = {}
    figure = lay_out(plot.make())
    for number, box in enumerate(parts(figure, _MOST_MILLIMETRES / _INCH), start=1):
        which, end = (f", part {number}", f"-{number}") if number > 1 else ("", "")
        name = files[f"PDF, {width} mm{which}"] = f"{plot.name}-{width}mm{end}.pdf"
        with whole(folder / name) as draft:
            figure.savefig(draft, bbox_inches=box, metadata={"CreationDate": None})
    return files
