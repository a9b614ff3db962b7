"""Colours, dashes, axes and ticks that all figures share.

The palette is seaborn's "colorblind"; every line also has dashes of its own, so that a page printed
in grey stays readable. Nothing here touches matplotlib's global state.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from goalscope.reports.statistics.scales import Array, Scale

Dash = Any  # matplotlib's own type of line styles: a name or (offset, lengths)
PALETTE: list[str] = list(sns.color_palette("colorblind").as_hex())
DASHES: tuple[Dash, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5)))
GREY = "#5f6368"
WIDTH = 7.2  # inches, a page's column
LAYOUT = ConstrainedLayoutEngine(h_pad=0.09, w_pad=0.05)  # inches between panels
_BLOCKS = {
    "pixels": (PALETTE[1], DASHES[0]),
    "goal": (PALETTE[0], DASHES[0]),
    "desired_goal": (PALETTE[9], DASHES[1]),
    "achieved_goal": (PALETTE[2], DASHES[2]),
    "action": (PALETTE[7], DASHES[3]),
    "proprioception": (PALETTE[4], DASHES[1]),
    "pixels_raw": (PALETTE[5], DASHES[2]),
}
_SHARES = (
    *(1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5),
    *(0.7, 0.8, 0.9, 0.97, 0.99, 0.999, 0.9999),
)
_FEW_SHARES = (1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
_MOST_TICKS = 7
_MOST_TICKS_ALONG_X = 3
LOWEST_SHARE = 1e-4  # drawn at the edge below this


@contextmanager
def house_style() -> Iterator[None]:
    """Apply the style of all figures, and take it back."""
    settings: Any = {
        **sns.axes_style("whitegrid"),
        **sns.plotting_context("paper"),
        "font.family": ["DejaVu Sans"],
        "font.size": 8.5,
        "axes.titlesize": 9,
        "axes.labelsize": 8.5,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "axes.titlelocation": "left",
        "axes.edgecolor": "#9aa0a6",
        "grid.color": "#e3e5e8",
        "grid.linewidth": 0.7,
        "axes.linewidth": 0.8,
        "lines.linewidth": 1.6,
        # Glyphs as outlines look the same in every browser and printer, whatever its fonts.
        "svg.fonttype": "path",
        "svg.hashsalt": "goalscope",
        "text.parse_math": False,  # an arm may be called anything
    }
    with matplotlib.rc_context(settings):
        yield


def block_style(block: str, blocks: Sequence[str]) -> tuple[str, Dash]:
    """Return colour and dashes of a block; unknown names take what is left, in their order."""
    if block in _BLOCKS:
        return _BLOCKS[block]
    unknown = [name for name in blocks if name not in _BLOCKS]
    left = [PALETTE[3], "#1b3a57", PALETTE[5], PALETTE[6]]  # yellow is too pale for a label
    index = unknown.index(block) if block in unknown else 0
    return left[index % len(left)], DASHES[index % len(DASHES)]


def arm_style(arm: str, arms: Sequence[str]) -> tuple[str, Dash]:
    """Return colour and dashes of an arm; the baseline, the first arm, is always blue and solid."""
    order = [0, 1, 2, 4, 3, 5, 9, 6, 7]
    index = list(arms).index(arm)
    return PALETTE[order[index % len(order)]], DASHES[index % len(DASHES)]


def update_axis(axes: Axes, last: int) -> None:
    """Make the x axis even up to 10 and logarithmic above, with 0 and the first ten visible."""
    axes.set_xscale("symlog", linthresh=10, linscale=0.9)
    last = max(last, 10)
    decades = [10**power for power in range(1, math.floor(math.log10(last)) + 1)]
    ticks = [0, 5, *decades]
    if last > 1.9 * decades[-1] and len(decades) < 4:
        ticks.append(_round_down(last))
    _plain_ticks(axes, ticks)
    axes.set_xlim(-0.4, last * 1.06)
    axes.set_xlabel("update")


def step_axis(axes: Axes, first: int, last: int) -> None:
    """Make the x axis logarithmic from the first step measured to the last."""
    axes.set_xscale("log")
    low, high = max(first, 1) / 1.06, max(last, first + 1, 2) * 1.06
    _plain_ticks(axes, _log_ticks(low, high))
    axes.set_xlim(low, high)
    axes.set_xlabel("environment step")


def even_axis(axes: Axes, last: int, axis: str) -> None:
    """Make the x axis even from 0 to the last step or update."""
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _count(value)))
    axes.set_xlim(-0.02 * last, 1.03 * last)
    axes.set_xlabel("environment step" if axis == "step" else "update")


def _plain_ticks(axes: Axes, ticks: Sequence[float]) -> None:
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _count(value)))


def _round_down(value: int) -> int:
    unit = int(10 ** math.floor(math.log10(value)))
    return value // unit * unit


def _count(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e4 else f"{value:g}"


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
        low, high = _padded(scale.forward(inside), least=0.8)
        low, high = scale.backward(np.array([low, high]))
        ticks = [t for t in _SHARES if low <= t <= high]
        if len(ticks) > (_MOST_TICKS if along == "y" else _MOST_TICKS_ALONG_X):
            ticks = [t for t in _FEW_SHARES if low <= t <= high]
        if along == "x":
            ticks = ticks[:: -(-len(ticks) // _MOST_TICKS_ALONG_X)]
        labels = {t: f"{100 * t:g} %" for t in ticks}
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
        set_limits(*_padded(values, least=0.02 * float(np.abs(values).max())))
        axes.ticklabel_format(axis=along, useOffset=False)
        return
    set_limits(low, high)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: _nearest(labels, value)))


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
