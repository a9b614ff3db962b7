"""Curves: thinned without losing NaN, means only where every seed has a number."""

import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from goalscope.reports.figures.curves import Curve, Panel, curves_figure, seeds_side_by_side, thin
from goalscope.reports.figures.plot import Plot, draw
from goalscope.reports.statistics.scales import Scale


def table(values, updates=None):
    places = np.arange(len(values)) if updates is None else np.array(updates)
    return pd.DataFrame({"update": places, "step": places * 3, "value": values})


def test_long_lines_are_thinned_and_nan_survives():
    values = np.ones(20_000)
    values[12_345] = math.nan
    thinned = thin(table(values), "update")
    assert len(thinned) <= 402
    assert thinned["value"].isna().sum() == 1
    assert thinned["update"].iloc[0] == 0
    assert thinned["update"].iloc[-1] == 19_999
    short = table([1.0, 2.0])
    assert thin(short, "update") is short


def test_means_are_taken_only_where_every_seed_is_finite():
    tables = [table([1.0, 2.0, math.nan, 4.0]), table([3.0, 4.0, 5.0], [0, 1, 2])]
    assert seeds_side_by_side(tables, "update").to_numpy().tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize("scale", list(Scale))
@pytest.mark.parametrize(
    "values",
    [
        [0.2] * 5,
        [0.0, 0.0, 0.0],
        [math.nan, math.nan],
        [math.inf, 0.3, -math.inf],
        [1e-30, 1e30],
        [1.0, 1.0],
        [0.5],
    ],
)
def test_any_values_can_be_drawn(scale, values, tmp_path):
    panel = Panel(
        "$x_", "unit", [Curve("a_b$", [table(values)] * n, "#0173b2") for n in (1, 2)], scale
    )
    (saved,) = draw([Plot("f", "t", "c", lambda: curves_figure([panel]))], tmp_path)
    ET.fromstring(saved.svg)
    # fewer digits, but not of the scale of glyphs: a rounded one pulls letters apart
    assert {float(scale) for scale in re.findall(r"scale\((0\.01\d*)\)", saved.svg)} == {1 / 64}
