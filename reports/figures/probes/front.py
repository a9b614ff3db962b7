"""The value wavefront: how far from the goal Q is raised, checkpoint by checkpoint."""

from collections.abc import Sequence
from dataclasses import replace

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from goalscope.diagnostics.record import Task
from goalscope.diagnostics.record.keys import GOAL
from goalscope.diagnostics.record.metrics import ACTION_ALIGNMENT, FRONT, FRONT_CONTRAST, FRONT_FIT
from goalscope.reports.figures.axes import value_axis
from goalscope.reports.figures.curves import Panel, curve_rows
from goalscope.reports.figures.labels import End, side_labels
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.probes.panels import checkpoint_axis, mark_broken
from goalscope.reports.figures.probes.sections import (
    Absent,
    Section,
    evenly,
    side_by_side,
    tolerance_lines,
)
from goalscope.reports.figures.run.panels import ONE_SEED, panel_of_keys
from goalscope.reports.figures.style import GREY, new_figure
from goalscope.reports.numbers.probes import ProbedCheckpoint, Probes
from goalscope.reports.statistics.formatting import capital, listed
from goalscope.reports.statistics.scales import Array, Scale
from goalscope.reports.text.probe_sentences import NO_MAP

_NAME, _TITLE = "probe_front", "Value wavefront: how far from the goal is Q raised?"
_NEEDED = ("map.q", "map.distance")
_LINES = 6  # more cannot be told apart
_DOTS_PER_INCH = 200  # of the points, which an SVG would hold by the ten thousand


def front_section(probes: Probes) -> Section:
    """Return Q over distance, and what the record says of its front; or why there is neither."""
    panels = _panels(probes)
    plotted = evenly(probes.with_arrays(*_NEEDED), _LINES)
    if not plotted or not panels:
        return Absent(_NAME, _TITLE, NO_MAP)
    states, goals = plotted[0].arrays["map.q"].shape
    total = len(probes.checkpoints)
    some = (
        " each checkpoint" if len(plotted) == total else f" {len(plotted)} of {total} checkpoints"
    )
    caption = (
        f"{ONE_SEED}Left: a line is the best curve of Q that never rises with distance (isotonic "
        f"regression) over {states} states with each of {goals} goals, at{some}; a faint point is "
        f"one such pair, drawn for {_updates(plotted)}. Both minus the mean of Q at that "
        "checkpoint, since its level drifts. A dot marks the front: where the curve has fallen "
        "half-way. "
        "Right: the front, the whole fall of the curve, and the share of Q's variance that the "
        "curve explains (where that is near 0, front and fall are the extremes of noise); and the "
        "mean cosine between the action and the way from achieved goal to goal."
    )
    return Plot(
        _NAME,
        _TITLE,
        caption,
        lambda: _plot(plotted, panels, probes),
        lambda: curve_rows(panels),
    )


def _panels(probes: Probes) -> list[Panel]:
    """Return the panels at the right; none where the record has no map."""
    panels = [
        panel_of_keys(probes.run, {GOAL: metric.key()}, title, unit)
        for metric, title, unit in (
            (FRONT, "front", "goal units"),
            (FRONT_CONTRAST, "fall from near to far", "return"),
            (FRONT_FIT, "variance explained", "share"),
            (ACTION_ALIGNMENT, "actions point to the goal", "cosine"),
        )
    ]
    panels[0] = _as_shown(panels[0], probes.run.task)
    return [panel for panel in panels if panel.curves]


def _as_shown(panel: Panel, task: Task) -> Panel:
    """Return a panel of distances in the unit that the task is shown in."""
    curves = [
        replace(
            curve,
            tables=[table.assign(value=task.scale * table["value"]) for table in curve.tables],
        )
        for curve in panel.curves
    ]
    return replace(panel, unit=task.shown_in, curves=curves)


def _updates(plotted: Sequence[ProbedCheckpoint]) -> str:
    updates = [f"{checkpoint.update:,}" for checkpoint in side_by_side(plotted)]
    return f"update{'s' if len(updates) > 1 else ''} {listed(updates)}"


def _plot(plotted: Sequence[ProbedCheckpoint], panels: Sequence[Panel], probes: Probes) -> Figure:
    figure = new_figure(0.4 + 1.2 * max(3, len(panels)), dpi=_DOTS_PER_INCH)
    grid = figure.add_gridspec(len(panels), 2, width_ratios=(1.75, 1))
    _plot_curves(figure.add_subplot(grid[:, 0]), plotted, probes)
    last = probes.last.update
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(grid[number, 1])
        _plot_numbers(axes, panel, last)
        for line in tolerance_lines(probes) if number == 0 else []:
            axes.axhline(line.value, color=GREY, lw=1, ls=(0, (2, 2)))
            side_labels(axes, [End(line.value, "tolerance", GREY)])
        if number < len(panels) - 1:
            axes.set_xlabel("")
    return figure


def _plot_curves(axes: Axes, plotted: Sequence[ProbedCheckpoint], probes: Probes) -> None:
    """Draw Q over distance at each checkpoint, dark to light."""
    scale = probes.run.task.scale
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(plotted)))
    shown: list[float] = []
    with_points = side_by_side(plotted)
    for shade, checkpoint in zip(shades, plotted, strict=True):
        distance = checkpoint.arrays["map.distance"].ravel().astype(float) * scale
        q = checkpoint.arrays["map.q"].ravel().astype(float)
        label = f"update {checkpoint.update:,}"
        colour = to_hex(shade)
        if not np.isfinite(q).all():
            axes.plot([], [], color=colour, label=f"{label}: NaN")
            continue
        order = np.argsort(distance, kind="stable")
        distance, q = distance[order], q[order] - q.mean()
        curve: Array = isotonic_regression(q, increasing=False).x
        if checkpoint in with_points:
            axes.plot(
                distance,
                q,
                ls="",
                marker="o",
                ms=1.7,
                mew=0,
                alpha=0.22,
                color=colour,
                rasterized=True,
            )
        axes.plot(distance, curve, color=colour, lw=1.9, label=label)
        front = checkpoint.values.get(FRONT.key(), np.nan) * scale
        if np.isfinite(front):
            at = float(curve[min(int(np.searchsorted(distance, front)), len(curve) - 1)])
            axes.plot(front, at, "o", ms=5, color=colour, mec="white", mew=0.9, zorder=5)
        shown += [*np.quantile(q, [0.005, 0.995]), curve[0], curve[-1]]
    value_axis(axes, Scale.PLAIN, np.asarray(shown or [0.0]))
    lines = tolerance_lines(probes)
    for line in lines:
        axes.axvline(line.value, color=GREY, lw=1, ls=(0, (2, 2)), zorder=1)
    axes.set_xlim(left=0)
    dashed = "; dashed: tolerance" if lines else ""
    axes.set_xlabel(f"distance from achieved goal to goal ({probes.run.task.shown_in}{dashed})")
    axes.set_ylabel("Q minus its mean (return)")
    axes.set_title("Q over distance")
    axes.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize=8, loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)


def _plot_numbers(axes: Axes, panel: Panel, last: int) -> None:
    (curve,) = panel.curves
    (table,) = curve.tables
    finite = table[np.isfinite(table["value"])]
    axes.plot(finite["update"], finite["value"], color=GREY, marker="o", ms=3)
    mark_broken(axes, table)
    if len(finite):
        value_axis(axes, Scale.PLAIN, np.asarray([0.0, *finite["value"]]))
    axes.set_title(capital(panel.title))
    axes.set_ylabel(panel.unit)
    checkpoint_axis(axes, last)
    axes.spines[["top", "right"]].set_visible(False)
