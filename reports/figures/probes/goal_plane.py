"""The goals of a map as a grid seen from above, at the height of the state it is drawn for."""

from dataclasses import dataclass

import numpy as np

from goalscope.reports.statistics.scales import Array


@dataclass(frozen=True, eq=False)
class GoalPlane:
    """The goals at one height, as a grid seen from above.

    Attributes:
        x: float (nx,), ascending.
        y: float (ny,), ascending.
        rows: int (ny, nx), which goals these are.
        height: of these goals; None for goals of two dimensions.
        levels: how many heights the grid of goals has.
    """

    x: Array
    y: Array
    rows: np.ndarray
    height: float | None
    levels: int


def goal_plane(goals: Array, achieved: Array) -> GoalPlane | None:
    """Return the goals at the height nearest to what is achieved; None if they are no grid."""
    if goals.shape[1] not in (2, 3):
        return None
    rows, height, levels = np.arange(len(goals)), None, 1
    if goals.shape[1] == 3:
        heights = np.unique(goals[:, 2])
        nearest = heights[np.abs(heights - achieved[2]).argmin()]
        rows, height, levels = np.flatnonzero(goals[:, 2] == nearest), float(nearest), len(heights)
    x, y = np.unique(goals[rows, 0]), np.unique(goals[rows, 1])
    if min(len(x), len(y)) < 2 or len(rows) != len(x) * len(y):
        return None
    ordered = rows[np.lexsort((goals[rows, 0], goals[rows, 1]))]
    return GoalPlane(x, y, ordered.reshape(len(y), len(x)), height, levels)
