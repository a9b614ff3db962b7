"""Labels written at the end of their lines instead of a legend."""

import math
import re
from collections.abc import Sequence

from matplotlib.axes import Axes

LABEL_GAP = 0.075  # height of a line of text over the height of the axes


def side_labels(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write each label at the height of its line, right of the axes, without overlaps.

    Args:
        axes: with limits and scale set.
        ends: value, label and colour of each line.
    """
    axes.get_ylim()  # settles limits that are still to be found
    transform = axes.transData + axes.transAxes.inverted()
    placed: list[tuple[float, str, str]] = []
    for value, label, colour in ends:
        height = float(transform.transform((1.0, value))[1])
        if math.isfinite(height):
            placed.append((min(max(height, 0.02), 0.98), wrap(label), colour))
    placed.sort(key=lambda item: item[0])
    sizes = [LABEL_GAP * (text.count("\n") + 1) for _, text, _ in placed]
    heights = spread([height for height, _, _ in placed], sizes)
    for height, (_, text, colour) in zip(heights, placed, strict=True):
        axes.text(
            1.015,
            height,
            text,
            color=colour,
            va="center",
            fontsize=8,
            linespacing=0.95,
            transform=axes.transAxes,
        )


def wrap(label: str, width: int = 17) -> str:
    """Return a label broken after hyphens, underscores and spaces, into lines of about `width`."""
    lines = [""]
    for piece in re.findall(r"[^-_ ]+[-_ ]?", label):
        if lines[-1] and len(lines[-1]) + len(piece.strip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)


def spread(heights: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Return heights in 0..1, moved apart as little as needed so that neighbours do not overlap.

    Args:
        heights: centres, ascending.
        sizes: height of each label, same unit.
    """
    result = list(heights)
    if not result:
        return result
    for _ in range(100):
        result[0] = max(result[0], sizes[0] / 2)
        result[-1] = min(result[-1], 1 - sizes[-1] / 2)
        moved = False
        for i in range(len(result) - 1):
            lack = (sizes[i] + sizes[i + 1]) / 2 - (result[i + 1] - result[i])
            if lack > 1e-4:
                result[i] -= lack / 2
                result[i + 1] += lack / 2
                moved = True
        if not moved:
            break
    return result
