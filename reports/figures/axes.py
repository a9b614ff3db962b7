"""The axes that all figures share: where updates, steps and values lie, and their ticks."""

import math
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis as MatplotlibAxis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from goalscope.reports.numbers.windows import Axis
from goalscope.reports.statistics.scales import Array, Scale

_SHARES = (
    *(1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5),
    *(0.7, 0.8, 0.9, 0.97, 0.99, 0.999, 0.9999),
)
_FEW_SHARES = (1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
_MOST_TICKS = 7
_MOST_TICKS_ALONG_X = 2
_LEAST_TOP = 0.2  # of an axis of rates: a floor of some percent is seen beside nothing
_TOP_ROOM = 1.08
_TICK_ROOM = 0.15  # of the axis' width, for a label such as "200k"
_ROUND = (1, 2, 5)
LOWEST_SHARE = 1e-4  # drawn at the edge below this
WHERE = {"update": "update", "step": "environment step"}


def root_axis(axes: Axes, first: int, last: int, axis: Axis) -> None:
    """Make the x axis even in the square root of training since `first`.

    The first tenth of training takes a third of the width and the first hundredth a tenth: its
    start is seen, and does not crowd out the rest.

    Args:
        axes: what to change.
        first: the first update or step in view.
        last: the last; an axis without width is widened.
        axis: in what they are counted.
    """
    span = max(last - first, 1)
    axes.set_xscale(
        "function", functions=(lambda x: root(x - first), lambda x: _squared(x) + first)
    )
    axes.set_xlim(first - 0.0004 * span, first + 1.03 * span)
    axes.xaxis.set_major_locator(FixedLocator(_root_ticks(first, last)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _count(value)))
    axes.set_xlabel(WHERE[axis])


def even_axis(axes: Axes, last: int, axis: Axis) -> None:
    """Make the x axis even from 0 to the last step or update."""
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _count(value)))
    axes.set_xlim(-0.02 * last, 1.03 * last)
    axes.set_xlabel(WHERE[axis])


def root(values: Array) -> Array:
    """Return the square roots of values, the sign kept: an axis begins a little before its 0."""
    values = np.asarray(values, dtype=float)
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def _squared(values: Array) -> Array:
    values = np.asarray(values, dtype=float)
    return np.asarray(np.sign(values) * values**2)


def _root_ticks(first: int, last: int) -> list[float]:
    """Return the first place and round ones after it, far enough apart on a root axis."""
    span = max(last - first, 1)
    powers = range(math.floor(math.log10(max(last, 1))) + 1)
    ticks: list[float] = []
    for tick in sorted((d * 10.0**p for p in powers for d in _ROUND), reverse=True):
        if not first < tick <= last:
            continue
        place = math.sqrt((tick - first) / span)
        above = math.sqrt((ticks[-1] - first) / span) if ticks else math.inf
        if place >= _TICK_ROOM and above - place >= _TICK_ROOM:
            ticks.append(tick)
    return [float(first), *reversed(ticks)]


def _count(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e4 else f"{value:g}"


def percent_ticks(axis: MatplotlibAxis) -> None:
    """Write the ticks of an axis of 0..1 in percent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))


def rate_axis(axes: Axes, values: Iterable[float]) -> None:
    """Give rates, such as success, a y axis in percent, from 0 to beyond the highest.

    Args:
        axes: what to change.
        values: finite rates in 0..1 that must be in view.
    """
    top = min(_TOP_ROOM * max(_LEAST_TOP, *values), 1.02)
    axes.set_ylim(-0.03 * top, top)
    percent_ticks(axes.yaxis)


def value_axis(axes: Axes, scale: Scale, values: Array, along: Literal["x", "y"] = "y") -> None:
    """Give an axis its scale, limits around the values and ticks in plain numbers.

    Args:
        axes: what to change.
        scale: logit for shares, log for ratios, plain otherwise.
        values: finite numbers that must be in view; at least one.
        along: which axis.
    """
    axis = axes.yaxis if along == "y" else axes.xaxis
    set_scale = axes.set_yscale if along == "y" else axes.set_xscale
    set_limits = axes.set_ylim if along == "y" else axes.set_xlim
    if scale is Scale.LOGIT:
        inside = np.clip(values, LOWEST_SHARE, 1 - LOWEST_SHARE)
        set_scale("logit", nonpositive="clip")
        ends = scale.backward(np.array(_padded(scale.forward(inside), least=0.8)))
        low, high = np.clip(ends, LOWEST_SHARE, 1 - LOWEST_SHARE)
        ticks = [t for t in _SHARES if low <= t <= high]
        if len(ticks) > (_MOST_TICKS if along == "y" else _MOST_TICKS_ALONG_X):
            ticks = [t for t in _FEW_SHARES if low <= t <= high]
        if along == "x":
            ticks = ticks[:: -(-len(ticks) // _MOST_TICKS_ALONG_X)]
        labels = {t: _share(t) for t in ticks}
    elif scale is Scale.LOG:
        positive = values[values > 0]
        inside = positive if len(positive) else np.array([1.0])
        set_scale("log", nonpositive="clip")
        low, high = np.exp(_padded(np.log(inside), least=0.4))
        ticks = _log_ticks(low, high)
        if along == "x":
            ticks = ticks[:: -(-len(ticks) // _MOST_TICKS_ALONG_X)]
        labels = {t: f"{t:g}" for t in ticks}
    else:
        low, high = _padded(values, least=0.02 * float(np.abs(values).max()))
        set_limits(low, high)
        if 1e-4 <= max(abs(low), abs(high)) < 1e6:
            axes.ticklabel_format(axis=along, style="plain", useOffset=False)
        else:  # a power of ten written once, above the axis, would lie in the title
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        return
    set_limits(low, high)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: _nearest(labels, value)))


def _share(tick: float) -> str:
    """Return a tick of shares in words: at the ends of the axis lies all that is beyond them."""
    beyond = "≤ " if tick <= LOWEST_SHARE else "≥ " if tick >= 1 - LOWEST_SHARE else ""
    return f"{beyond}{100 * tick:g} %"


def _padded(values: Array, least: float) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = max(0.08 * (high - low), least / 2 if high - low < least else 0.0)
    if room == 0:
        room = 0.5
    return low - room, high + room


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [s * 10.0**p for p in range(first, last + 1) for s in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) < 2:
            return [float(t) for t in MaxNLocator(4).tick_values(low, high) if low <= t <= high]
        if len(ticks) <= _MOST_TICKS:
            return ticks
    return ticks[:: math.ceil(len(ticks) / _MOST_TICKS)]


def _nearest(labels: Mapping[float, str], value: float) -> str:
    return labels[min(labels, key=lambda tick: abs(tick - value))] if labels else ""
