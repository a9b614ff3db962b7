"""Curves over updates, panel by panel: every seed, their mean and interval, labels at the lines."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation, Transform, blended_transform_factory

from goalscope.reports.figures.axes import LOWEST_SHARE, rate_axis, root_axis, value_axis
from goalscope.reports.figures.labels import End, side_labels
from goalscope.reports.figures.points import seeds_side_by_side, thinned
from goalscope.reports.figures.style import GREY, Dash, new_figure, panels_abreast
from goalscope.reports.numbers.windows import Axis
from goalscope.reports.statistics.formatting import capital, count
from goalscope.reports.statistics.intervals import t_interval
from goalscope.reports.statistics.scales import Array, Scale

_MOST_MARKERS = 25  # more run into a thick line
SEEDS_FOR_A_BAND = 3  # the interval of two spans the whole panel
MOST_SEEDS = 20  # of an arm drawn each by itself; more are one blot, and make a large page


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
        rate: whether its values are rates in 0..1, drawn in percent from 0 on.
    """

    title: str
    unit: str
    curves: Sequence[Curve]
    scale: Scale = Scale.PLAIN
    references: Sequence[Reference] = ()
    include: Sequence[float] = ()
    rate: bool = False


def curves_figure(
    panels: Sequence[Panel], *, columns: int = 2, axis: Axis = "update", height: float = 2.1
) -> Figure:
    """Return a figure of panels over updates, or over steps."""
    columns = panels_abreast(columns)
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(height * rows + 0.15)
    grid = figure.subplots(rows, columns, squeeze=False)
    drawn = [_drawn(panel, axis) for panel in panels]
    for axes, panel in zip(grid.flat, drawn, strict=False):
        alike = [other for other in drawn if (other.unit, other.scale) == (panel.unit, panel.scale)]
        _plot_panel(axes, panel, axis, [value for other in alike for value in _shown(other)])
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


def _drawn(panel: Panel, axis: Axis) -> Panel:
    """Return a panel with its lines thinned to what can be seen."""
    curves = [replace(curve, tables=thinned(curve.tables, axis)) for curve in panel.curves]
    return replace(panel, curves=curves)


def _shown(panel: Panel) -> list[float]:
    """Return the finite numbers that must be in view."""
    lines = [reference.value for reference in panel.references]
    values = np.concatenate([*_all(panel, "value"), lines, panel.include])
    return [float(value) for value in values[np.isfinite(values)]]


def _all(panel: Panel, name: str) -> list[Array]:
    """Return a column of every table of a panel."""
    tables = [table for curve in panel.curves for table in curve.tables]
    return [table[name].to_numpy(dtype=float) for table in tables]


def _plot_panel(axes: Axes, panel: Panel, axis: Axis, shown: Sequence[float]) -> None:
    """Draw a panel.

    Args:
        axes: on which.
        panel: its lines thinned.
        axis: steps or updates.
        shown: what the y axis spans: neighbours of one unit have one range.
    """
    axes.set_title(capital(panel.title))
    axes.set_ylabel(panel.unit)
    places = np.concatenate(_all(panel, axis))
    root_axis(axes, 0 if axis == "update" else int(places.min()), int(places.max()), axis)
    if np.isfinite(np.concatenate(_all(panel, "value"))).any():
        if panel.rate:
            rate_axis(axes, shown)
        else:
            value_axis(axes, panel.scale, np.asarray(shown, dtype=float))
    else:
        axes.text(0.5, 0.5, "no finite measurement", ha="center", transform=axes.transAxes)
    ends = [plot_curve(axes, curve, axis, panel.scale) for curve in panel.curves]
    references = [line for line in panel.references if math.isfinite(line.value)]
    for reference in references:
        axes.axhline(reference.value, color=reference.colour, lw=1, ls=(0, (2, 2)), zorder=1.5)
    lines = [End(r.value, r.label, r.colour) for r in references]
    side_labels(axes, [*filter(None, ends), *lines])
    axes.spines[["top", "right"]].set_visible(False)


def lifted(axes: Axes, points: float) -> Transform:
    """Return the transform of an axes' data, moved up by so many points."""
    return axes.transData + ScaledTranslation(0, points / 72, axes.figure.dpi_scale_trans)


def plot_curve(
    axes: Axes,
    curve: Curve,
    axis: Axis,
    scale: Scale,
    lift: float = 0.0,
    lowest: float = LOWEST_SHARE,
) -> End | None:
    """Draw every seed of a curve and their mean; return where the line ends, None for nowhere.

    Args:
        axes: with limits and scales set, or to find their own.
        curve: what is drawn.
        axis: steps or updates.
        scale: of means and intervals.
        lift: points by which the lines are moved up, so that none hides another.
        lowest: share at which an axis of shares begins: what is drawn ends there, and not what is
            averaged.
    """
    up = lifted(axes, lift)
    for table in _drawn_seeds(curve.tables):
        _plot_seed(axes, table, curve, axis, scale, up, lowest)
    return _plot_mean(axes, curve, axis, scale, up, lowest)


def _plot_seed(
    axes: Axes,
    table: pd.DataFrame,
    curve: Curve,
    axis: Axis,
    scale: Scale,
    up: Transform,
    lowest: float,
) -> None:
    alone = len(curve.tables) == 1
    finite = np.isfinite(table["value"].to_numpy(dtype=float))
    y = np.where(finite, inside(table["value"].to_numpy(dtype=float), scale, lowest), np.nan)
    x = table[axis].to_numpy(dtype=float)
    axes.plot(
        x,
        y,
        color=curve.colour,
        ls=curve.dash if alone else "-",
        lw=1.5 if alone else 0.6,
        alpha=1.0 if alone else 0.5,
        marker="o" if len(x) <= _MOST_MARKERS and (alone or len(x) == 1) else "",
        markersize=2.2 if alone else 1.6,
        markeredgewidth=0,
        transform=up,
        clip_on=scale is not Scale.LOGIT,  # a share of all lies on the edge
    )
    if finite.all():
        return
    broken = x[~finite][:: math.ceil((~finite).sum() / _MOST_MARKERS)]
    axes.plot(
        broken,
        np.full(len(broken), 0.03),
        ls="",
        marker="x",
        color=curve.colour,
        markersize=4,
        transform=blended_transform_factory(axes.transData, axes.transAxes),
    )


def _plot_mean(
    axes: Axes, curve: Curve, axis: Axis, scale: Scale, up: Transform, lowest: float
) -> End | None:
    """Draw mean and interval where every seed has a finite number; return where the line ends."""
    common = seeds_side_by_side(curve.tables, axis)
    if len(curve.tables) == 1 or not len(common):
        lasts = [f.iloc[-1] for t in curve.tables if len(f := t[np.isfinite(t["value"])])]
        if not lasts:
            return None
        mean = inside(np.array([np.mean([last["value"] for last in lasts])]), scale, lowest)
        return End(
            float(mean[0]), curve.label, curve.colour, float(max(last[axis] for last in lasts))
        )
    bands = [t_interval(row, scale) for row in common.to_numpy(dtype=float).tolist()]
    x = common.index.to_numpy(dtype=float)
    mean = inside(np.array([band.mean for band in bands]), scale, lowest)
    axes.plot(x, mean, color=curve.colour, lw=2, ls=curve.dash, transform=up)
    end = End(float(mean[-1]), curve.label, curve.colour, float(x[-1]))
    if len(curve.tables) < SEEDS_FOR_A_BAND:
        return end
    low, high = (np.array([getattr(band, name) for band in bands]) for name in ("low", "high"))
    low, high = (inside(end, scale, lowest) for end in (low, high))
    axes.fill_between(x, low, high, color=curve.colour, alpha=0.13, lw=0)
    return end


def _drawn_seeds(tables: Sequence[pd.DataFrame]) -> Sequence[pd.DataFrame]:
    """Return the tables of the seeds that have a line of their own.

    Of many it is some, from the least to the greatest where their lines end.
    """
    if len(tables) <= MOST_SEEDS:
        return tables
    ends = np.argsort([float(table["value"].iloc[-1]) for table in tables], kind="stable")
    ranks = np.linspace(0, len(tables) - 1, MOST_SEEDS).round().astype(int)
    return [tables[place] for place in ends[ranks]]


def seeds_drawn(panels: Sequence[Panel]) -> dict[str, int]:
    """Return arm -> how many of its seeds have a line in some panel."""
    counts: dict[str, int] = {}
    for curve in (curve for panel in panels for curve in panel.curves):
        counts[curve.label] = max(len(curve.tables), counts.get(curve.label, 0))
    return counts


def seeds_in_words(counts: Mapping[str, int], *, band: bool = True) -> str:
    """Return how many seeds each line stands for, and what is drawn of them, without a full stop.

    Args:
        counts: arm -> its seeds that are drawn; at least one arm.
        band: whether the figure has bands.
    """
    numbers = set(counts.values())
    most = max(numbers)
    if len(numbers) > 1:
        words = ["Seeds: " + ", ".join(f"{arm} {number}" for arm, number in counts.items())]
    else:
        words = [f"{count(most, 'seed')}{' in each arm' if len(counts) > 1 else ''}"]
    if most > 1:
        some = f"thin {MOST_SEEDS} seeds of each arm, from the least at its end to the greatest"
        words.append(f"{'thin every seed' if most <= MOST_SEEDS else some}, thick their mean")
    if band and most >= SEEDS_FOR_A_BAND:
        words.append("shaded its 95 % t-interval")
    elif band and most == 2:
        words.append("no band, since the interval of two seeds spans the whole panel")
    return "; ".join(words)


def inside(values: Array, scale: Scale, lowest: float = LOWEST_SHARE) -> Array:
    """Return values where their axis can show them: a share of none, or all, at its end.

    Args:
        values: in their own unit.
        scale: of the axis.
        lowest: share at which an axis of shares begins; it ends as far from 1.
    """
    if scale is Scale.LOGIT:
        return np.clip(values, lowest, 1 - lowest)
    return np.maximum(values, 1e-12) if scale is Scale.LOG else values
