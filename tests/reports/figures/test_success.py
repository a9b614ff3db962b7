"""Success curves, with their floors."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, write_arms

from goalscope.reports.figures.plot import draw
from goalscope.reports.figures.style import arm_styles
from goalscope.reports.figures.success import success_plot
from goalscope.reports.numbers.grouping import load_arms

LEARNS = replace(BASELINE, updates=60, success=(0.0, 0.5, 1.0), settings=FLOORS)
FAILS = replace(LEARNS, success=(0.0, 0.0, 0.0))


def arms_of(tmp_path, seeds, **kinds):
    return load_arms(write_arms(tmp_path, seeds, kinds))


@pytest.mark.parametrize("seeds", [1, 2, 3])
@pytest.mark.parametrize("by_update", [False, True])
def test_curves_are_drawn(tmp_path, seeds, by_update):
    arms = arms_of(tmp_path, seeds, **{"pixel-her": FAILS, "fix": LEARNS})
    plot = success_plot(arms, arm_styles(arms), by_update=by_update)
    (saved,) = draw([plot], tmp_path / "figures")
    ET.fromstring(saved.svg)
    assert "does nothing (8.6 %) and of one that acts at random (7.9 %)" in plot.caption
    assert "1,000 episodes" in plot.caption
    assert f"{seeds} seed" in plot.caption
    assert "20 episodes" in plot.caption
    assert ("Wilson interval of each evaluation" in plot.caption) == (seeds == 1)
    assert ("t-interval" in plot.caption) == (seeds == 3)
    figure = plot.make()
    success, distance = figure.axes[:2]
    assert len(figure.axes) == (4 if by_update else 2)
    assert success.get_ylim()[1] >= 1.0
    assert success.get_xlabel() == distance.get_xlabel() == "environment step"
    # Of two arms: Wilson bars, nothing, or bands.
    assert len(success.collections) == {1: 2, 2: 0, 3: 2}[seeds]
