"""Attribution over checkpoints: what Q and the action owe to each block, in three ways."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from goalscope.diagnostics.record.keys import ACTOR, CRITIC, GOAL
from goalscope.diagnostics.record.metrics import (
    ACTION_ABLATION,
    INTEGRATED_GRADIENT_SHARE,
    Q_ABLATION,
    SHAPLEY_SHARE,
)
from goalscope.reports.figures.axes import value_axis
from goalscope.reports.figures.curves import Curve, Panel, curve_rows, plot_curve
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.probes.panels import checkpoint_axis, mark_broken
from goalscope.reports.figures.probes.sections import Absent, Section
from goalscope.reports.figures.run.panels import ONE_SEED, panel_of
from goalscope.reports.figures.style import new_figure
from goalscope.reports.numbers.probes import Probes
from goalscope.reports.statistics.scales import Scale

_NAME, _TITLE = "probe_attribution", "Attribution: what do Q and the action owe to whom?"
_SHARES = (
    (CRITIC, SHAPLEY_SHARE, "Q: Shapley values"),
    (ACTOR, SHAPLEY_SHARE, "Action: Shapley values"),
    (CRITIC, INTEGRATED_GRADIENT_SHARE, "Q: integrated gradients"),
)
_ABLATIONS = (
    (CRITIC, Q_ABLATION, "Q: block at its mean", "change (std of Q)"),
    (ACTOR, ACTION_ABLATION, "Action: block at its mean", "change (action ranges)"),
)
_TOGETHER = GOAL  # the two goal vectors as one: no part of a partition that holds them both


def attribution_section(probes: Probes) -> Section:
    """Return each block's share of Q and of the action, and what ablating it changes."""
    run = probes.run
    shares = [
        _apart(panel_of(run, metric, network, title, "share", Scale.PLAIN))
        for network, metric, title in _SHARES
    ]
    ablations = [
        panel_of(run, metric, network, title, unit, Scale.PLAIN)
        for network, metric, title, unit in _ABLATIONS
    ]
    panels = [*shares, *ablations]
    if not any(panel.curves for panel in panels):
        return Absent(_NAME, _TITLE, "attribution was not measured")
    caption = (
        f"{ONE_SEED}On the probe set. Above: each block's share of the mean magnitude of exact "
        "Shapley values (an absent block has another observation's columns) and of integrated "
        "gradients at the fused features, of which the action is none; what is stacked sums to 1. "
        "Below: root mean square change of Q and of the action with one block held at its mean "
        f"over the batch; {_TOGETHER} is both goal vectors at once. A block near 0 in all of them "
        "is not listened to."
    )
    return Plot(
        _NAME,
        _TITLE,
        caption,
        lambda: _plot(shares, ablations, probes.last.update),
        lambda: curve_rows([panel for panel in panels if panel.curves]),
    )


def _apart(panel: Panel) -> Panel:
    """Return the panel without the block in which the goal vectors are one."""
    apart = [curve for curve in panel.curves if curve.label != _TOGETHER]
    return replace(panel, curves=apart or panel.curves)


def _plot(shares: Sequence[Panel], ablations: Sequence[Panel], last: int) -> Figure:
    figure = new_figure(4.3)
    grid = figure.subplots(2, 3)
    for axes, panel in zip(grid[0], shares, strict=True):
        _plot_shares(axes, panel, last)
    for axes, panel in zip(grid[1], ablations, strict=False):
        _plot_ablations(axes, panel)
    for axes in grid.flat[:5]:
        checkpoint_axis(axes, last)
    for axes in grid[0]:
        axes.set_xlabel("")
    for axes in grid[:, 1:].flat:
        if axes.get_ylabel() == "share":
            axes.set_ylabel("")
    _legend(grid[1, 2], [*shares, *ablations])
    return figure


def _plot_shares(axes: Axes, panel: Panel, last: int) -> None:
    """Stack the blocks' shares; one checkpoint alone has no area and gets a bar."""
    _frame(axes, panel)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    if not panel.curves:
        return
    updates = panel.curves[0].tables[0]["update"].to_numpy(dtype=float)
    values = np.stack([_at(curve, updates) for curve in panel.curves])
    colours = [curve.colour for curve in panel.curves]
    edge: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.7}
    if len(updates) == 1:
        floors = np.cumsum(values[:, 0]) - values[:, 0]
        width = -0.3 * last if last else 3.0  # to the left of it, unless it is the first of all
        axes.bar(
            updates[0],
            values[:, 0],
            width=width,
            bottom=floors,
            color=colours,
            align="edge",
            **edge,
        )
    else:
        axes.stackplot(updates, values, colors=colours, alpha=0.85, **edge)
    for x in updates:
        axes.plot([x, x], [0, 0.025], color="#1f2328", lw=0.8)
    mark_broken(axes, panel.curves[0].tables[0])
    axes.grid(visible=False)


def _at(curve: Curve, updates: np.ndarray) -> np.ndarray:
    table: pd.DataFrame = curve.tables[0].drop_duplicates("update", keep="last")
    return table.set_index("update")["value"].reindex(updates).to_numpy(dtype=float)


def _plot_ablations(axes: Axes, panel: Panel) -> None:
    _frame(axes, panel)
    shown = [0.0]
    for curve in panel.curves:
        plot_curve(axes, curve, "update", Scale.PLAIN)
        values = curve.tables[0]["value"]
        shown += values[np.isfinite(values)].tolist()
    value_axis(axes, Scale.PLAIN, np.asarray(shown if any(shown) else [0.0, 1.0]))


def _frame(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title)
    axes.set_ylabel(panel.unit)
    if not panel.curves:
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(axes: Axes, panels: Sequence[Panel]) -> None:
    """Name the blocks, in the order in which they are stacked, in a cell of its own."""
    curves = {curve.label: curve for panel in panels for curve in panel.curves}
    stacked = {curve.label for panel in panels[: len(_SHARES)] for curve in panel.curves}
    handles: list[Patch | Line2D] = []
    for name, curve in reversed(curves.items()):
        handles.append(
            Line2D([], [], color=curve.colour, ls=curve.dash, lw=2, label=name)
            if name not in stacked
            else Line2D(
                [], [], color=curve.colour, ls=curve.dash, lw=2, marker="s", ms=8, label=name
            )
        )
    axes.axis("off")
    axes.legend(
        handles=handles,
        loc="center left",
        frameon=False,
        fontsize=8.5,
        title="block (square: stacked above)",
        title_fontsize=8,
        handlelength=2.6,
        labelspacing=0.8,
        alignment="left",
    )
