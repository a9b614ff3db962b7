"""What was planted against what was named first, and the success of the healthy controls, drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmarks.planted_faults.diagnosis import NOTHING
from benchmarks.planted_faults.faults import FAULTS
from goalscope.reports.figures.curves import Curve, plot_curve
from goalscope.reports.figures.labels import side_labels
from goalscope.reports.figures.style import (
    LAYOUT,
    PALETTE,
    WIDTH,
    arm_style,
    even_axis,
    house_style,
)
from goalscope.reports.statistics.formatting import count
from goalscope.reports.statistics.scales import Scale

_DOTS_PER_INCH = 200


def write_confusion(counts: pd.DataFrame, seeds: int, path: Path) -> None:
    """Draw the confusion matrix into `path` with .png and with .svg.

    Args:
        counts: as `scoring.confusion` returns them.
        seeds: runs of each fault.
        path: without suffix.
    """
    with house_style():
        figure = Figure(figsize=(WIDTH, 0.27 * len(counts) + 1.75), layout=LAYOUT)
        axes = figure.subplots()
        sns.heatmap(
            counts,
            vmin=0,
            vmax=seeds,
            cmap="Blues",  # one hue from light to dark, told apart in grey and by every eye
            annot=np.where(counts > 0, counts.astype(str), ""),
            fmt="",
            linewidths=0.8,
            linecolor="#ffffff",
            cbar=False,
            ax=axes,
        )
        axes.set_xlabel("check that the diagnosis names first")
        axes.set_ylabel("fault planted")
        axes.set_xticklabels(
            [_words(name) for name in counts.columns],
            rotation=40,
            ha="right",
            rotation_mode="anchor",
        )
        axes.set_yticklabels([_words(name) for name in counts.index], rotation=0)
        axes.set_title(
            f"Runs in which each check was named first, of {count(seeds, 'seed')} per fault; "
            "outlined: where they belong"
        )
        _outline_truth(axes, counts)
        _save(figure, path)


def write_learning(curves: Mapping[str, Sequence[pd.DataFrame]], path: Path) -> None:
    """Draw success over environment steps into `path` with .png and with .svg.

    Args:
        curves: control -> one table per seed: columns `update`, `step`, `value`, success in 0..1.
        path: without suffix.
    """
    names = list(curves)
    with house_style():
        figure = Figure(figsize=(WIDTH, 2.6), layout=LAYOUT)
        axes = figure.subplots()
        ends = []
        for name, tables in curves.items():
            curve = Curve(_words(name), tables, *arm_style(name, names))
            end = plot_curve(axes, curve, "step", Scale.PLAIN)
            if end is not None:
                ends.append((end, curve.label, curve.colour))
        seeds = max(map(len, curves.values()))
        axes.set_title(f"Success of the healthy controls, {count(seeds, 'seed')} each")
        axes.set_ylabel("share of 20 episodes")
        axes.set_ylim(-0.03, 1.03)
        last = max(int(table["step"].max()) for tables in curves.values() for table in tables)
        even_axis(axes, last, "step")
        side_labels(axes, ends)
        sns.despine(ax=axes)
        _save(figure, path)


def _outline_truth(axes: Axes, counts: pd.DataFrame) -> None:
    """Outline in each row the check that should be named first, so that a miss is seen."""
    columns = list(counts.columns)
    for row, name in enumerate(counts.index):
        column = columns.index(FAULTS[name].check or NOTHING)
        axes.add_patch(
            Rectangle((column, row), 1, 1, fill=False, ec=PALETTE[1], lw=1.4, clip_on=False)
        )


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path.with_suffix(".png"), dpi=_DOTS_PER_INCH)
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})


def _words(name: str) -> str:
    return name.replace("_", " ")
