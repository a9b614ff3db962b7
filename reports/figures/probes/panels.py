"""Panels over checkpoints: they are saved at an even pace, so their axis is even, too."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goalscope.reports.figures.axes import even_axis
from goalscope.reports.figures.curves import Panel, curve_rows, curves_figure
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.probes.sections import Absent, Section
from goalscope.reports.figures.style import GREY

_LEAST_UPDATES = 10  # an axis from 0 to 0 has no width
_MARKER = 3  # points; twice that for a line of one
NETWORK_COLOURS = {"critic": "#1b3a57", "actor": "#d55e00"}  # of no block
NETWORK_DASHES = {"critic": "-", "actor": (0, (5, 1.5))}


def over_checkpoints(name: str, title: str, caption: str, panels: Sequence[Panel]) -> Plot:
    """Return a figure of panels over the updates of the checkpoints."""
    columns = 2 if len(panels) % 3 else 3
    return Plot(
        name,
        title,
        caption,
        lambda: _evenly(curves_figure(panels, columns=columns), _last(panels)),
        lambda: curve_rows(panels),
    )


def section_of(name: str, title: str, caption: str, panels: Sequence[Panel], why: str) -> Section:
    """Return a figure of the panels that have a line, or why there is none."""
    plotted = [panel for panel in panels if panel.curves]
    return over_checkpoints(name, title, caption, plotted) if plotted else Absent(name, title, why)


def checkpoint_axis(axes: Axes, last: int) -> None:
    """Give axes the even axis of updates, and markers that show: checkpoints are few."""
    axes.set_xscale("linear")
    even_axis(axes, max(last, _LEAST_UPDATES), "update")
    for line in axes.lines:
        if line.get_marker() == "o":
            line.set_markersize(_MARKER if np.size(line.get_xdata()) > 1 else 2 * _MARKER)


def mark_broken(axes: Axes, table: pd.DataFrame, colour: str = GREY) -> None:
    """Put a cross at the foot of the axes wherever a value is NaN or infinite."""
    broken = table[~table["value"].abs().lt(float("inf"))]
    axes.plot(
        broken["update"],
        [0.03] * len(broken),
        ls="",
        marker="x",
        color=colour,
        markersize=4,
        transform=axes.get_xaxis_transform(),
    )


def _evenly(figure: Figure, last: int) -> Figure:
    for axes in figure.axes:
        if axes.get_visible():
            checkpoint_axis(axes, last)
    return figure


def _last(panels: Sequence[Panel]) -> int:
    return max(int(t["update"].max()) for p in panels for c in p.curves for t in c.tables)
