"""Curves: thinned without losing NaN, means only where every seed has a number."""

import math
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from goalscope.reports.figures.curves import (
    Curve,
    Panel,
    curves_figure,
)
from goalscope.reports.figures.plot import Plot, draw
from goalscope.reports.figures.points import seeds_side_by_side, thinned
from goalscope.reports.figures.style import house_style
from goalscope.reports.statistics.scales import Scale


def table(values, updates=None):
    places = np.arange(len(values)) if updates is None else np.array(updates)
    return pd.DataFrame({"update": places, "step": places * 3, "value": values})


def test_long_lines_are_thinned_and_nan_survives():
    values = np.ones(20_000)
    values[12_345] = math.nan
    (line,) = thinned([table(values)], "update")
    assert len(line) <= 402
    assert line["value"].isna().sum() == 1
    assert line["update"].iloc[0] == 0
    assert line["update"].iloc[-1] == 19_999
    short = [table([1.0, 2.0])]
    assert thinned(short, "update") is short


def test_a_seed_without_a_point_stands_beside_one_with_many():
    long, empty = thinned([table(np.ones(200)), table([])], "update")
    assert (len(long) <= 82, len(empty)) == (True, 0)


@pytest.mark.parametrize("lengths", [(1300, 1300, 1240), (1300, 700, 90), (1300, 60, 1299)])
def test_the_mean_of_seeds_of_other_lengths_reaches_to_the_end_of_the_shortest(lengths):
    tables = [table(np.arange(n, dtype=float)) for n in lengths]
    joined = seeds_side_by_side(thinned(tables, "update"), "update")
    reached = joined.index
    assert reached.max() >= 0.9 * min(lengths)
    alone = thinned([tables[0]] * 2, "update")[0]["update"]
    assert len(reached) >= (alone < min(lengths)).sum() - 1
    np.testing.assert_allclose(joined[0], joined[1])


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


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_share_of_none_or_all_is_drawn_at_the_end_of_its_axis(value):
    panel = Panel("x", "share", [Curve("a", [table([0.3, value, value])], "#0173b2")], Scale.LOGIT)
    with house_style():
        (axes,) = curves_figure([panel], columns=1).axes
    end = axes.get_ylim()[round(value)]
    line = axes.lines[0]
    assert line.get_ydata()[-1] == end == pytest.approx(value, abs=2e-4)
    assert not line.get_clip_on()
    labels = [axes.yaxis.get_major_formatter()(tick, 0) for tick in axes.get_yticks()]
    assert labels[-1 if value else 0] == ("≥ 99.99 %" if value else "≤ 0.01 %")


def test_many_seeds_stay_small(tmp_path):
    noise = np.random.default_rng(0)
    curves = [
        Curve(f"arm{i}", [table(noise.random(20_000)) for _ in range(5)], "#0173b2")
        for i in range(5)
    ]
    panels = [Panel("a", "share", curves, Scale.LOGIT), Panel("b", "share", curves, Scale.LOGIT)]
    (drawn,) = draw([Plot("f", "t", "c", lambda: curves_figure(panels))], tmp_path)
    assert len(drawn.svg) < 80_000


def test_panels_of_one_quantity_share_a_range_and_others_have_their_own():
    low, high = ([Curve("a", [table([v, 2 * v])], "#0173b2")] for v in (1.0, 500.0))
    panels = [Panel("low", "loss", low), Panel("high", "loss", high), Panel("other", "cm", low)]
    with house_style():
        first, second, other = (axes.get_ylim() for axes in curves_figure(panels).axes[:3])
    assert first == second
    assert first[1] > 1000
    assert other[1] < 3


def test_a_line_that_ends_early_has_its_label_tied_to_its_end():
    short, long = table([1.0] * 300), table([5.0] * 1000)
    panel = Panel("x", "u", [Curve("crashed", [short], "#111111"), Curve("b", [long], "#222222")])
    with house_style():
        (axes,) = curves_figure([panel], columns=1).axes
    leaders = [line for line in axes.lines if line.get_transform() == axes.transAxes]
    assert [line.get_color() for line in leaders] == ["#111111"]
    assert 0.5 < leaders[0].get_xdata()[0] < 0.6  # the root of 0.3


@pytest.mark.parametrize("highest", [0.0, 0.07, 1.0])
def test_rates_are_in_percent_from_nought_on(highest):
    panel = Panel("success", "of episodes", [Curve("a", [table([0.0, highest])], "b")], rate=True)
    with house_style():
        figure = curves_figure([panel])
        figure.draw_without_rendering()
    axes = next(axes for axes in figure.axes if axes.get_visible())
    low, high = axes.get_ylim()
    assert -0.05 < low < 0
    assert max(0.2, highest) <= high < 1.05
    shown = [t.get_text() for t in axes.get_yticklabels() if low <= t.get_position()[1] <= high]
    assert shown[0] == "0 %"
    assert all(text.endswith(" %") for text in shown)
