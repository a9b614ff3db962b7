"""What was planted against what was named first, drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle

from benchmarks.planted_faults.diagnosis import Diagnosis
from benchmarks.planted_faults.faults import FAULTS
from benchmarks.planted_faults.scoring import confusion
from goalscope.reports.figures.style import PALETTE, house_style, new_figure

_DOTS_PER_INCH = 130


def write_confusion(groups: Mapping[str, Sequence[Diagnosis]], path: Path) -> None:
    """Draw a confusion matrix of each group that has runs, one below the other, into a .png.

    Args:
        groups: what the faults of a group are called -> diagnoses of its runs.
        path: without suffix.
    """
    drawn = {name: confusion(diagnoses) for name, diagnoses in groups.items() if diagnoses}
    if not drawn:
        return
    heights = [len(counts) + 8 for counts in drawn.values()]  # the names below need room, too
    with house_style():
        figure = new_figure(0.25 * sum(heights), dpi=_DOTS_PER_INCH)
        FigureCanvasAgg(figure)  # keeps one renderer; without it each layout of text makes its own
        columns = max(len(counts.columns) for counts in drawn.values())
        figure.set_figwidth(max(figure.get_figwidth(), 0.25 * (columns + 14)))  # and beside it
        panels = figure.subplots(len(drawn), squeeze=False, height_ratios=heights)[:, 0]
        for axes, (name, counts) in zip(panels, drawn.items(), strict=True):
            _draw(axes, name, counts)
        figure.savefig(path.with_suffix(".png"), dpi=_DOTS_PER_INCH)


def _draw(axes: Axes, name: str, counts: pd.DataFrame) -> None:
    sns.heatmap(
        counts.div(counts.sum(axis=1), axis=0),
        vmin=0,
        vmax=1,
        cmap="Blues",  # one hue from light to dark, told apart in grey and by every eye
        annot=np.where(counts > 0, counts.astype(str), ""),
        fmt="",
        linewidths=0.8,
        linecolor="#ffffff",
        cbar=False,
        xticklabels=[_words(column) for column in counts.columns],
        yticklabels=[_words(row) for row in counts.index],
        ax=axes,
    )
    axes.set_xlabel("check that the diagnosis names first")
    axes.set_ylabel("")
    axes.tick_params(axis="y", rotation=0)
    for label in axes.get_xticklabels():
        label.set(rotation=60, ha="right", rotation_mode="anchor")
    axes.set_title(
        f"Faults, {name}: runs in which each check was named first; outlined: where they belong"
    )
    columns = list(counts.columns)
    for row, planted in enumerate(counts.index):
        fault = FAULTS[planted]
        for check in filter(columns.__contains__, fault.checks):  # outlined: a miss is seen
            place = (columns.index(check), row)
            axes.add_patch(Rectangle(place, 1, 1, fill=False, ec=PALETTE[1], lw=1.4, clip_on=False))


def _words(name: str) -> str:
    return name.replace("_", " ")
