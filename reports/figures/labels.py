"""Labels written at the end of their lines instead of a legend."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

_SIZE = 7.5  # points
_LINE = 1.25  # height of a line of text over its size
_MOVED = 0.012  # of the axes' height: further, and a leader says whose the label is
_LINES = 3  # of a label
_EARLY = 0.97  # of the axes' width: a line that ends before has a leader, too


@dataclass(frozen=True)
class End:
    """Where a line ends.

    Attributes:
        value: there, in the unit of the y axis.
        label: to be written beside it.
        colour: of the line.
        place: on the x axis; None for the axes' right edge.
    """

    value: float
    label: str
    colour: str
    place: float | None = None


def side_labels(axes: Axes, ends: Sequence[End]) -> None:
    """Write each label at the height of its line, right of the axes, without overlaps.

    A label that had to move, or whose line ends early, is tied to the end of its line.

    Args:
        axes: with limits and scale set.
        ends: of the lines.
    """
    axes.get_ylim()  # settles limits that are still to be found
    transform = axes.transData + axes.transAxes.inverted()
    placed: list[tuple[float, float, End]] = []  # where the line ends, in the axes' own units
    for end in ends:
        x, height = transform.transform(
            (axes.get_xlim()[1] if end.place is None else end.place, end.value)
        )
        if math.isfinite(height):
            placed.append((float(min(x, 1)), float(min(max(height, 0), 1)), end))
    placed.sort(key=lambda item: item[1])
    line = _SIZE * _LINE / 72 * axes.figure.dpi / axes.bbox.height
    sizes = [line * (wrap(end.label).count("\n") + 1) for _, _, end in placed]
    heights = spread([height for _, height, _ in placed], sizes)
    tied = any(
        x < _EARLY or abs(height - old) > _MOVED
        for height, (x, old, _) in zip(heights, placed, strict=True)
    )
    for height, (x, old, end) in zip(heights, placed, strict=True):
        if x < _EARLY or abs(height - old) > _MOVED:
            start = x if x < _EARLY else 1.0
            axes.plot(
                [start, 1.01, 1.045],
                [old, old, height],
                color=end.colour,
                lw=0.6,
                ls=(0, (1, 1.5)) if x < _EARLY else "-",
                alpha=0.7,
                transform=axes.transAxes,
                clip_on=False,
                scalex=False,
                scaley=False,
            )
        axes.text(
            1.055 if tied else 1.015,
            height,
            wrap(end.label),
            color=end.colour,
            va="center",
            fontsize=_SIZE,
            linespacing=0.95,
            transform=axes.transAxes,
        )


def wrap(label: str, width: int = 17) -> str:
    """Return a label in lines of about `width`, broken where its parts meet, or anywhere.

    Of one that takes more than three lines the first and the last stay, with the number of parts
    left out between them: an arm may be composed of a dozen changes.
    """
    lines: list[list[str]] = [[]]
    parts = filter(None, re.split(r"(?<=[-_ /])|(?<=\.)(?=[^\W\d])|(?=[+~])", label))
    for piece in (part[at : at + width] for part in parts for at in range(0, len(part), width)):
        if lines[-1] and len("".join(lines[-1])) + len(piece.strip()) > width:
            lines.append([])
        lines[-1].append(piece)
    if len(lines) > _LINES:
        left_out = sum(piece[0] in "+~" for line in lines[1:-1] for piece in line)
        lines[1:-1] = [[f"(and {left_out} more)" if left_out else "..."]]
    return "\n".join("".join(line).strip() for line in lines)


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
