"""Saliency on real frames: where in the image Q and the action look."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.probes.sections import Absent, Section, spread_places
from goalscope.reports.figures.run.panels import ONE_SEED
from goalscope.reports.figures.style import figure_width, new_figure
from goalscope.reports.numbers.probes import ProbedCheckpoint, Probes
from goalscope.reports.statistics.formatting import plain
from goalscope.reports.statistics.scales import Array

_NAME, _TITLE = "probe_saliency", "Saliency: where in the image do Q and the action look?"
_ROWS, _ROWS_ALONE = 3, 2  # pictures of one checkpoint are larger
_LAYOUT = ConstrainedLayoutEngine(h_pad=0.02, w_pad=0.02)  # inches; pictures need no room
_DOTS_PER_INCH = 200
_NETWORKS = (("critic", "Q"), ("actor", "action"))


def saliency_section(probes: Probes) -> Section:
    """Return frames with what of them moves Q and the action, or why there are none.

    Of several images the one that most of the record is about is drawn.
    """
    keys = [
        name.removeprefix("shown.")
        for name in probes.last.arrays
        if name.startswith("shown.") and f"saliency.critic.{name[6:]}" in probes.last.arrays
    ]
    if not keys:
        return Absent(_NAME, _TITLE, "this agent reads no image")
    key = probes.image_block if probes.image_block in keys else keys[0]
    found = probes.with_arrays(f"shown.{key}", f"saliency.critic.{key}")
    times = [found[0], found[-1]] if len(found) > 1 else found
    rows = _ROWS if len(times) > 1 else _ROWS_ALONE
    states = spread_places(len(times[0].arrays[f"shown.{key}"]), rows)
    newest = ", the newest of a stack" if _stacked(times[0].arrays[f"shown.{key}"]) else ""
    caption = (
        f"{ONE_SEED}{len(states)} labelled states, the frame ({key}{newest}) as the agent "
        "gets it, enlarged. Over it, in colour: the magnitude of the gradient of Q, and of the "
        "action, by each pixel, largest over channels; the brighter, the more. Each picture has a "
        "scale of its own, whose largest value is written below it (units of return, or of action, "
        "per full range of intensity): pictures tell where, these numbers tell how much. Colour "
        "on gripper, object or goal marker is seeing; colour spread evenly is noise."
    )
    return Plot(_NAME, _TITLE, caption, lambda: _plot(times, key, states))


def _stacked(frames: Array) -> bool:
    return bool(frames.shape[1] > 4) and frames.shape[1] % 3 == 0


def _plot(times: Sequence[ProbedCheckpoint], key: str, states: Sequence[int]) -> Figure:
    columns = [
        (time, name, words)
        for name, words in _NETWORKS
        for time in times
        if f"saliency.{name}.{key}" in time.arrays
    ]
    frames = times[0].arrays[f"shown.{key}"][states]
    numbers = times[0].arrays.get("drawn", np.arange(max(states) + 1))[states]
    width = figure_width() / (1 + len(columns))
    panel = width * frames.shape[2] / frames.shape[3]
    height = len(frames) * (panel + 0.2) + 0.4
    figure = new_figure(height, layout=_LAYOUT, dpi=_DOTS_PER_INCH)
    grid = figure.subplots(len(frames), 1 + len(columns), squeeze=False)
    for row, (state, stack) in enumerate(zip(states, frames, strict=True)):
        frame = _newest(stack)
        grid[row, 0].imshow(frame, interpolation="nearest", cmap="gray", vmin=0, vmax=255)
        grid[row, 0].set_xlabel(f"state {numbers[row] + 1}", fontsize=7.5)
        for column, (time, name, words) in enumerate(columns, start=1):
            axes = grid[row, column]
            _overlay(axes, frame, time.arrays[f"saliency.{name}.{key}"][state])
            if row == 0:
                axes.set_title(f"{words}\nupdate {time.update:,}", fontsize=8.5, loc="left")
    grid[0, 0].set_title("frame", fontsize=8.5, loc="left")
    for axes in grid.flat:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure


def _newest(stack: Array) -> Array:
    """Return what can be shown of an image with its channels first: colour, or grey."""
    image = stack[-3:] if stack.shape[0] % 3 == 0 else stack[-1:]
    return image.transpose(1, 2, 0) if len(image) == 3 else image[0]


def _overlay(axes: Axes, frame: Array, saliency: Array) -> None:
    """Lay the saliency over a paled grey frame, the more opaque the larger it is."""
    grey = frame.mean(axis=2) if frame.ndim == 3 else frame
    axes.imshow(grey, cmap="gray", vmin=-160, vmax=255, interpolation="nearest")
    finite = np.isfinite(saliency)
    largest = float(saliency[finite].max(initial=0.0))
    if not finite.all():
        axes.set_xlabel("NaN or infinite", fontsize=7.5)
    elif largest == 0:
        axes.set_xlabel("no gradient", fontsize=7.5)
    else:
        part = saliency / largest
        axes.imshow(part, cmap="inferno", alpha=part**0.7, vmin=0, vmax=1, interpolation="nearest")
        axes.set_xlabel(f"max {plain(largest)}", fontsize=7.5)
