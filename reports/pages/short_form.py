"""The short form of a verdict for a paper or a book: text, and figures with their captions."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from goalscope.reports.errors import ReportError
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.style import WIDTH, house_style
from goalscope.reports.pages.templating import write_whole

Format = Literal["pdf", "png", "md"]
FOLDER = "short"
_CHARACTERS = 118  # of a caption's line at its size, in the width of a page's column
_GAP = 0.12  # inches between a figure and its caption
_DPI = 220


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


def write_short(words: ShortForm, plots: Sequence[Plot], out: Path, form: Format) -> Path:
    """Write the short form into `out/short/`, and return the file to open.

    "md": verdict.md with figures as PNG beside it. "png": each figure with its caption under it,
    and verdict.md without figures. "pdf": one verdict.pdf, figures as vectors.

    Args:
        words: what it says.
        plots: the figures, drawn at a page's column width (7.2 inches).
        out: folder of the page.
        form: which.

    Raises:
        ReportError: it cannot be written.
    """
    folder = out / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if form == "pdf":
            return _pdf(words, plots, folder / "verdict.pdf")
        captioned = form == "png"
        for plot in plots:
            with house_style():
                figure = _with_caption(plot) if captioned else plot.make()
                figure.savefig(folder / f"{plot.name}.png", dpi=_DPI, bbox_inches="tight")
        return write_whole(folder / "verdict.md", _markdown(words, () if captioned else plots))
    except OSError as error:
        raise ReportError(
            f"cannot write to {folder}: {error.strerror or error}; choose another folder"
        ) from error


def _markdown(words: ShortForm, plots: Sequence[Plot]) -> str:
    heading, *rows = words.table
    lines = [f"# {words.title}", ""]
    for sentence in words.sentences:
        lines += [sentence, ""]
    lines += [_row(heading), _row(["---"] * len(heading)), *map(_row, rows), ""]
    lines += ["What to try next:", "", *(f"{n}. {s}" for n, s in enumerate(words.steps, 1)), ""]
    for number, plot in enumerate(plots, 1):
        lines += [f"![{plot.title}]({plot.name}.png)", ""]
        lines += [f"*Figure {number}. {plot.title}.* {plot.caption}", ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _with_caption(plot: Plot, number: int | None = None) -> Figure:
    """Return the figure with its caption below its lower edge, where a tight box takes it in."""
    figure = plot.make()
    label = f"Figure {number}. " if number else ""
    text = "\n".join(textwrap.wrap(f"{label}{plot.title}. {plot.caption}", _CHARACTERS))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # else the caption would be laid out into the figure
    height = figure.get_size_inches()[1]
    figure.text(0.0, -_GAP / height, text, va="top", fontsize=8, linespacing=1.35)
    return figure


def _pdf(words: ShortForm, plots: Sequence[Plot], path: Path) -> Path:
    draft = path.with_name(f".{path.name}.tmp")
    makers: list[Callable[[], Figure]] = [lambda: _text_page(words)]
    makers += [
        lambda d=d, n=n: _with_caption(d, n)  # type: ignore[misc]
        for n, d in enumerate(plots, 1)
    ]
    with PdfPages(draft, metadata={"Title": words.title, "Creator": "goalscope"}) as pdf:
        for make in makers:
            with house_style():
                pdf.savefig(make(), bbox_inches="tight", pad_inches=0.3)
    draft.replace(path)
    return path


def _text_page(words: ShortForm) -> Figure:
    """Return the words as a page: title, sentences, table and steps, one below the other."""
    parts: list[tuple[str, float, str]] = [
        ("\n".join(textwrap.wrap(words.title, 70)), 13, "DejaVu Sans")
    ]
    parts += [("\n".join(textwrap.wrap(s, 112)), 8.5, "DejaVu Sans") for s in words.sentences]
    parts.append((_aligned(words.table), 7, "DejaVu Sans Mono"))
    steps = "\n".join(
        textwrap.fill(f"{n}. {s}", 112, subsequent_indent="   ")
        for n, s in enumerate(words.steps, 1)
    )
    parts.append((f"What to try next\n{steps}", 8.5, "DejaVu Sans"))
    heights = [size * 1.45 * (text.count("\n") + 1) / 72 + 0.12 for text, size, _ in parts]
    figure = Figure(figsize=(WIDTH, sum(heights)))
    top = sum(heights)
    for (text, size, family), height in zip(parts, heights, strict=True):
        figure.text(
            0.0,
            top / sum(heights),
            text,
            va="top",
            fontsize=size,
            family=family,
            linespacing=1.35,
        )
        top -= height
    return figure


def _aligned(table: Sequence[Sequence[str]]) -> str:
    """Return a table in a fixed-width font."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )
