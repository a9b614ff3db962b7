"""The points of lines: thinned to what can be seen, and those that seeds share."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from goalscope.reports.figures.axes import root
from goalscope.reports.numbers.windows import Axis
from goalscope.reports.statistics.scales import Array

MOST_POINTS = 400  # of a line alone; more cannot be told apart
POINTS_AMONG_SEEDS = 80  # of a line that stands with others of its arm, thin behind their mean


def thinned(tables: Sequence[pd.DataFrame], axis: Axis) -> Sequence[pd.DataFrame]:
    """Return the tables of a curve with no more points than can be seen.

    Its seeds are thinned alike, however long each is: their mean needs points that they share.

    Args:
        tables: one per seed: columns `update`, `step`, `value`.
        axis: steps or updates.
    """
    most = MOST_POINTS if len(tables) == 1 else POINTS_AMONG_SEEDS
    if max(map(len, tables)) <= most:
        return tables
    places = np.concatenate([table[axis].to_numpy(dtype=float) for table in tables])
    span = float(places.min()), float(places.max())
    return [_thin(table, axis, span, most) for table in tables]


def _thin(table: pd.DataFrame, axis: Axis, span: tuple[float, float], most: int) -> pd.DataFrame:
    """Return at most about `most` rows, neighbours on the drawn axis averaged.

    NaN and infinity survive: a group that holds one is drawn as not finite.

    Args:
        table: columns `update`, `step`, `value`.
        axis: steps or updates.
        span: first and last place of the whole curve.
        most: rows over that span.
    """
    if table.empty:
        return table
    first, last = span
    places = table[axis].to_numpy(dtype=float)
    *place, end = root(np.append(places, last) - first)
    group = np.floor(np.asarray(place) / (end or 1.0) * most)
    starts = np.flatnonzero(np.diff(group, prepend=-1.0))
    ends = np.append(starts[1:], len(group)) - 1
    values = table["value"].to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):  # infinities of both signs
        mean = np.add.reduceat(values, starts) / (ends - starts + 1)
    at = {name: table[name].to_numpy()[ends] for name in ("update", "step")}
    return pd.DataFrame({**at, "value": np.where(np.isfinite(mean), mean, math.nan)})


def seeds_side_by_side(tables: Sequence[pd.DataFrame], axis: Axis) -> pd.DataFrame:
    """Return one column per seed, with the rows at which all of them have a finite number."""
    columns = [_by_place(table, axis) for table in tables]
    shared = columns[0][0]
    for places, _ in columns[1:]:
        shared = np.intersect1d(shared, places, assume_unique=True)
    rows = np.column_stack([values[np.searchsorted(at, shared)] for at, values in columns])
    finite = np.isfinite(rows).all(axis=1)
    return pd.DataFrame(rows[finite], index=shared[finite])


def _by_place(table: pd.DataFrame, axis: Axis) -> tuple[Array, Array]:
    """Return the places of a table, each once, and the mean of the values there."""
    places, group, counts = np.unique(
        table[axis].to_numpy(), return_inverse=True, return_counts=True
    )
    return places, np.bincount(group, table["value"].to_numpy(dtype=float)) / counts
