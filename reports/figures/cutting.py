"""A figure cut between its rows of panels, where it is higher than a page of a paper."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

_GAP = 0.06  # inches around a legend


@dataclass(frozen=True)
class _Row:
    """Panels side by side, and where they begin and end in inches above the figure's lower edge."""

    panels: Sequence[Axes]
    low: float
    high: float


def parts(figure: Figure, most: float) -> Iterator[Bbox]:
    """Yield the parts of a figure, each in inches: what is not of a part is hidden while it is out.

    The legend below a figure goes below each of its parts.

    Args:
        figure: laid out by `lay_out`; hidden panels stay hidden afterwards.
        most: height of a part in inches; a row of panels that is higher is a part by itself.
    """
    width, height = figure.get_size_inches()
    if height <= most:
        yield Bbox.from_extents(0, 0, width, height)
        return
    legends = [legend.get_window_extent().height / figure.dpi + _GAP for legend in figure.legends]
    below = sum(legends)
    chunks = _chunks(_rows(figure), most - below)
    for chunk in chunks:
        for other in chunks:
            for panel in (panel for row in other for panel in row.panels):
                panel.set_visible(other is chunk)
        low = chunk[-1].low - below
        for legend in figure.legends:
            place = (0, low / height, 1, below / height)
            legend.set_bbox_to_anchor(place, figure.transFigure)
        yield Bbox.from_extents(0, low, width, chunk[0].high)


def _rows(figure: Figure) -> list[_Row]:
    """Return the rows of panels from the top down, all that overlap in height in one."""
    groups: list[list[Axes]] = []
    lowest = np.inf
    visible = [axes for axes in figure.axes if axes.get_visible()]
    for axes in sorted(visible, key=lambda axes: -axes.get_window_extent().y1):
        frame = axes.get_window_extent()
        if frame.y1 <= lowest:
            groups.append([])
        groups[-1].append(axes)
        lowest = min(lowest, frame.y0)
    boxes = [Bbox.union([a.get_tightbbox() for a in group]) for group in groups]  # type: ignore[misc]
    edges = [boxes[0].y1 + _GAP * figure.dpi]
    edges += [(above.y0 + box.y1) / 2 for above, box in pairwise(boxes)]
    edges += [boxes[-1].y0 - _GAP * figure.dpi]
    inches = [edge / figure.dpi for edge in edges]
    return [
        _Row(group, low, high) for group, high, low in zip(groups, inches, inches[1:], strict=False)
    ]


def _chunks(rows: Sequence[_Row], most: float) -> list[list[_Row]]:
    """Return the rows in as few chunks as fit, about as many rows in each."""
    for number in range(1, len(rows) + 1):
        ends = np.linspace(0, len(rows), number + 1).round().astype(int)
        chunks = [list(rows[start:end]) for start, end in pairwise(ends)]
        if all(chunk[0].high - chunk[-1].low <= most for chunk in chunks):
            break
    return chunks
