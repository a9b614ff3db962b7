"""Curves over updates, panel by panel: every seed, their mean and interval, labels at the lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from goalscope.reports.figures.labels import side_labels
from goalscope.reports.figures.style import (
    GREY,
    LAYOUT,
    LOWEST_SHARE,
    WIDTH,
    Dash,
    step_axis,
    update_axis,
    value_axis,
)
from goalscope.reports.numbers.windows import Axis
from goalscope.reports.statistics.intervals import t_interval
from goalscope.reports.statistics.scales import Array, Scale

_MOST_MARKERS = 60  # more run into a thick line
SEEDS_FOR_A_BAND = 3  # the interval of two spans the whole panel
MOST_POINTS = 400  # per line; more cannot be told apart


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a panel: the seeds of an arm, or one block of a run.

    Attributes:
        label: written at its end.
        tables: one per seed: columns `update`, `step`, `value`.
        colour: of all its seeds.
        dash: of its mean.
    """

    label: str
    tables: Sequence[pd.DataFrame]
    colour: str
    dash: Dash = "-"


@dataclass(frozen=True)
class Reference:
    """A labelled dashed line across a panel: a threshold, or what chance would give."""

    value: float
    label: str
    colour: str = GREY


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: what is shown.
        unit: label of the y axis, with its unit.
        curves: what is drawn.
        scale: of the y axis, and of means and intervals over seeds.
        references: lines across it.
        include: values that must be in view, such as 0.
    """

    title: str
    unit: str
    curves: Sequence[Curve]
    scale: Scale = Scale.PLAIN
    references: Sequence[Reference] = ()
    include: Sequence[float] = ()


def curves_figure(
    panels: Sequence[Panel], *, columns: int = 2, axis: Axis = "update", height: float = 2.1
) -> Figure:
    """Return a figure of panels over updates, or over steps."""
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(WIDTH, height * rows + 0.15), layout=LAYOUT)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _plot_panel(axes, panel, axis)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    return figure


def curve_rows(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Return what `curves_figure` draws of its panels, a row for each measurement."""
    return [
        {
            "panel": panel.title,
            "unit": panel.unit,
            "line": curve.label,
            "seed_number": number,
            **{str(name): value for name, value in row.items()},
        }
        for panel in panels
        for curve in panel.curves
        for number, table in enumerate(curve.tables)
        for row in table[["update", "step", "value"]].to_dict("records")
    ]


def _plot_panel(axes: Axes, panel: Panel, axis: Axis) -> None:
    axes.set_title(panel.title[:1].upper() + panel.title[1:])
    axes.set_ylabel(panel.unit)
    references = [line for line in panel.references if math.isfinite(line.value)]
    shown = [*(reference.value for reference in references), *panel.include]
    ends: list[tuple[float, str, str]] = []
    places: list[int] = []
    measured = False
    for curve in panel.curves:
        tables = [thin(table, axis) for table in curve.tables]
        for table in tables:
            finite = table[np.isfinite(table["value"])]
            shown += finite["value"].tolist()
            measured |= len(finite) > 0
            places += [int(table[axis].min()), int(table[axis].max())]
        end = plot_curve(axes, replace(curve, tables=tables), axis, panel.scale)
        if end is not None:
            ends.append((end, curve.label, curve.colour))
    if measured:
        value_axis(axes, panel.scale, np.asarray(shown, dtype=float))
    else:
        axes.text(0.5, 0.5, "no finite measurement", ha="center", transform=axes.transAxes)
    if axis == "update":
        update_axis(axes, max(places))
    else:
        step_axis(axes, min(places), max(places))
    for reference in references:
        axes.axhline(reference.value, color=reference.colour, lw=1, ls=(0, (2, 2)), zorder=1.5)
    side_labels(axes, [*ends, *((r.value, r.label, r.colour) for r in references)])
    sns.despine(ax=axes)


def plot_curve(axes: Axes, curve: Curve, axis: Axis, scale: Scale) -> float | None:
    """Draw every seed of a curve and their mean; return where the line ends, None for nowhere."""
    for table in curve.tables:
        _plot_seed(axes, table, curve, axis, scale, alone=len(curve.tables) == 1)
    return _plot_mean(axes, curve.tables, curve, axis, scale)


def _plot_seed(
    axes: Axes, table: pd.DataFrame, curve: Curve, axis: Axis, scale: Scale, *, alone: bool
) -> None:
    finite = np.isfinite(table["value"].to_numpy(dtype=float))
    y = np.where(finite, _inside(table["value"].to_numpy(dtype=float), scale), np.nan)
    x = table[axis].to_numpy(dtype=float)
    axes.plot(
        x,
        y,
        color=curve.colour,
        ls=curve.dash if alone else "-",
        lw=1.5 if alone else 0.7,
        alpha=1.0 if alone else 0.55,
        marker="o" if len(x) <= _MOST_MARKERS else "",
        markersize=2.2 if alone else 1.6,
        markeredgewidth=0,
    )
    foot = blended_transform_factory(axes.transData, axes.transAxes)
    axes.plot(
        x[~finite],
        np.full((~finite).sum(), 0.03),
        ls="",
        marker="x",
        color=curve.colour,
        markersize=4,
        transform=foot,
    )


def _plot_mean(
    axes: Axes, tables: Sequence[pd.DataFrame], curve: Curve, axis: Axis, scale: Scale
) -> float | None:
    """Draw mean and interval where every seed has a finite number; return where the line ends."""
    if len(tables) == 1:
        finite = tables[0][np.isfinite(tables[0]["value"])]
        return float(finite["value"].iloc[-1]) if len(finite) else None
    common = seeds_side_by_side(tables, axis)
    if not len(common):
        ends = [t["value"].iloc[-1] for t in tables if len(t) and np.isfinite(t["value"].iloc[-1])]
        return float(np.mean(ends)) if ends else None
    bands = [t_interval(row, scale) for row in common.to_numpy(dtype=float).tolist()]
    x = common.index.to_numpy(dtype=float)
    mean = _inside(np.array([band.mean for band in bands]), scale)
    sns.lineplot(x=x, y=mean, color=curve.colour, lw=2, ls=curve.dash, errorbar=None, ax=axes)
    if len(tables) < SEEDS_FOR_A_BAND:
        return float(mean[-1])
    low, high = (np.array([getattr(band, end) for band in bands]) for end in ("low", "high"))
    axes.fill_between(
        x, _inside(low, scale), _inside(high, scale), color=curve.colour, alpha=0.13, lw=0
    )
    return float(mean[-1])


def seeds_side_by_side(tables: Sequence[pd.DataFrame], axis: Axis) -> pd.DataFrame:
    """Return one column per seed, with the rows at which all of them have a finite number."""
    columns = [table.groupby(axis)["value"].mean() for table in tables]
    joined = pd.concat(columns, axis=1, join="inner").sort_index()
    finite = np.isfinite(joined.to_numpy(dtype=float)).all(axis=1)
    return pd.DataFrame(joined.loc[finite])


def thin(table: pd.DataFrame, axis: Axis, most: int = MOST_POINTS) -> pd.DataFrame:
    """Return at most about `most` rows, neighbours on the drawn axis averaged.

    NaN and infinity survive: a group that holds one is drawn as not finite.
    """
    if len(table) <= most:
        return table
    place = np.arcsinh(table[axis].to_numpy(dtype=float) / 10)
    group = np.floor(place / place.max() * most)
    grouped = table.groupby(group)
    return pd.DataFrame(
        {
            "update": grouped["update"].last(),
            "step": grouped["step"].last(),
            "value": grouped["value"].apply(_mean_or_nan),
        }
    )


def _mean_or_nan(values: "pd.Series[float]") -> float:
    return float(values.mean()) if bool(np.isfinite(values).all()) else math.nan


def _inside(values: Array, scale: Scale) -> Array:
    if scale is Scale.LOGIT:
        return np.clip(values, LOWEST_SHARE, 1 - LOWEST_SHARE)
    return np.maximum(values, 1e-12) if scale is Scale.LOG else values
