"""The short form of a verdict for a paper or a book: text, and figures with their captions."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from matplotlib.figure import Figure

from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.figures.plot import Plot, lay_out
from goalscope.reports.figures.style import house_style
from goalscope.reports.files import folder_for, whole
from goalscope.reports.numbers.windows import TIMES
from goalscope.reports.pages.paper import ShortForm, write_paper
from goalscope.reports.pages.templating import write_whole
from goalscope.reports.pages.verdict_rows import OutcomeRow
from goalscope.reports.statistics.formatting import count
from goalscope.reports.text.rules import SHARE
from goalscope.reports.text.sentences import told_in_time

Format = Literal["pdf", "png", "md"]
FOLDER = "short"
_CHARACTERS = 118  # of a caption's line at its size, in the width of a page's column
_GAP = 0.12  # inches between a figure and its caption
_DPI = 220


def short_words(
    assessment: Assessment,
    words: Mapping[str, Any],
    links: Sequence[OutcomeRow],
    rivals: Sequence[OutcomeRow],
    question: str,
) -> ShortForm:
    """Return what the short form of a comparison says.

    Args:
        assessment: by update.
        words: the page's sentences by name: answer, summary, sentences, success, steps.
        links: rows of the claim's links.
        rivals: rows of the alternative explanations.
        question: that the page answers.
    """
    heading = ("", *TIMES)
    table = [heading]
    for row in (*links, *rivals):
        outcomes = (str(row.cells[t].verdict) if t in row.cells else "–" for t in TIMES)
        name = f"{row.name} {row.network}".strip()
        table.append((f"{name}: {row.short}", *outcomes))
    others = assessment.arms[1:]
    against = others[0] if len(others) == 1 else count(len(others), "other arm")
    return ShortForm(
        f"{question} {assessment.baseline} against {against if others else 'itself'}",
        [
            " ".join([words["answer"], *words["summary"]]),
            SHARE,
            *told_in_time(words["sentences"]),
            words["success"],
        ],
        table,
        words["steps"],
    )


def write_short(words: ShortForm, plots: Sequence[Plot], out: Path, form: Format) -> Path:
    """Write the short form into `out/short/`, and return the file to open.

    "md": verdict.md with figures as PNG beside it. "png": each figure with its caption under it,
    and verdict.md without figures. "pdf": one verdict.pdf on A4, figures as vectors.

    Args:
        words: what it says.
        plots: the figures, drawn at a page's column width (7.2 inches).
        out: folder of the page.
        form: which.

    Raises:
        ReportError: it cannot be written.
    """
    folder = folder_for(out, FOLDER)
    if form == "pdf":
        return write_paper(words, plots, folder / "verdict.pdf")
    captioned = form == "png"
    for plot in plots:
        with house_style(), whole(folder / f"{plot.name}.png") as draft:
            figure = _with_caption(plot) if captioned else plot.make()
            figure.savefig(draft, dpi=_DPI, bbox_inches="tight")
    return write_whole(folder / "verdict.md", _markdown(words, () if captioned else plots))


def _markdown(words: ShortForm, plots: Sequence[Plot]) -> str:
    heading, *rows = words.table
    lines = [f"# {words.title}", ""]
    for sentence in words.sentences:
        lines += [sentence, ""]
    lines += [_row(heading), _row(["---"] * len(heading)), *map(_row, rows), ""]
    lines += ["What to try next:", "", *(f"{n}. {s}" for n, s in enumerate(words.steps, 1)), ""]
    for number, plot in enumerate(plots, 1):
        lines += [f"![{plot.title}]({plot.name}.png)", ""]
        lines += [f"*Figure {number}. {plot.heading}* {plot.caption}", ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _with_caption(plot: Plot) -> Figure:
    """Return the figure with its caption below its lower edge, where a tight box takes it in."""
    figure = lay_out(plot.make())
    text = "\n".join(textwrap.wrap(f"{plot.heading} {plot.caption}", _CHARACTERS))
    height = figure.get_size_inches()[1]
    figure.text(0.0, -_GAP / height, text, va="top", fontsize=8, linespacing=1.35)
    return figure
