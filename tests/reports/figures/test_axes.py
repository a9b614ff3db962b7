"""The axis of updates: its start is seen, the rest is not crowded out, ticks do not collide."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from goalscope.reports.figures.axes import root_axis


def root_axes(first, last):
    axes = Figure(figsize=(2.5, 2)).subplots()
    root_axis(axes, first, last, "update")
    return axes, lambda x: axes.transAxes.inverted().transform(axes.transData.transform((x, 0.5)))[
        0
    ]


@pytest.mark.parametrize("last", [10, 640, 4_900, 48_000, 8_000_000])
def test_the_first_tenth_takes_a_third_of_the_width(last):
    _, place = root_axes(0, last)
    width = place(last) - place(0)
    assert (place(last / 10) - place(0)) / width == pytest.approx(0.316, abs=0.01)
    assert (place(last / 100) - place(0)) / width == pytest.approx(0.1, abs=0.01)
    assert 0 < place(0) < 0.05
    assert 0.95 < place(last) < 1


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 7), (0, 1_900), (1_013, 5_900), (0, 8e6)])
def test_ticks_do_not_collide(first, last):
    axes, place = root_axes(first, int(last))
    places = [place(tick) for tick in axes.get_xticks()]
    assert places[0] == pytest.approx(place(first))
    assert all(np.diff(places) > 0.13)
    assert len(places) >= 3 or last - first < 5
    assert all(0 <= tick <= 1 for tick in places)
