"""What figures draw: thinned without losing NaN, labels apart, no state left behind."""

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from helpers.synthetic_runs import BASELINE, write_arms, write_run
from hypothesis import given
from hypothesis import strategies as st

from goalscope.reports.claims.assessment import assess
from goalscope.reports.figures.comparison.figures import comparison_plots
from goalscope.reports.figures.curves import Curve, Panel, curves_figure, seeds_side_by_side, thin
from goalscope.reports.figures.distance import bin_centres
from goalscope.reports.figures.labels import spread, wrap
from goalscope.reports.figures.plot import Plot, save
from goalscope.reports.figures.run.figures import run_plots
from goalscope.reports.figures.style import arm_style, house_style
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.windows import three_times
from goalscope.reports.statistics.intervals import Scale
from goalscope.reports.statistics.thresholds import Thresholds


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


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_labels_move_apart(heights):
    moved = spread(sorted(heights), [0.075] * len(heights))
    gaps = np.diff(moved)
    assert (gaps > 0.07).all()
    assert len(moved) == len(heights)


def test_a_label_moved_off_the_edge_moves_its_neighbour():
    assert spread([0.0, 0.09375], [0.075] * 2) == pytest.approx([0.0375, 0.1125], abs=1e-3)


def test_long_labels_are_broken():
    assert wrap("pixel-her-drq-norm-lr3e4") == "pixel-her-drq-\nnorm-lr3e4"
    assert wrap("goal") == "goal"
    assert wrap("") == ""


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
    (saved,) = save([Plot("f", "t", "c", lambda: curves_figure([panel]))], tmp_path)
    ET.fromstring(saved.svg)
    # fewer digits, but not of the scale of glyphs: a rounded one pulls letters apart
    assert {float(scale) for scale in re.findall(r"scale\((0\.01\d*)\)", saved.svg)} == {1 / 64}


def test_drawing_leaves_matplotlib_as_it_was(tmp_path):
    before, backend = dict(matplotlib.rcParams), matplotlib.get_backend()
    with house_style():
        pass
    panel = Panel("x", "unit", [Curve("a", [table([1.0])], "#0173b2")])
    save([Plot("f", "t", "c", lambda: curves_figure([panel]))], tmp_path)
    assert dict(matplotlib.rcParams) == before
    assert matplotlib.get_backend() == backend


def test_svgs_in_one_page_share_no_id(tmp_path):
    run = load_run(write_run(tmp_path / "a"))
    plots = run_plots(run, three_times([run]), Thresholds(), "sensitivity")
    saved = save(plots, tmp_path / "figures")
    names = {d.name for d in saved}
    assert names == {
        "forward_signal",
        "gradient_shares",
        "goal_sensitivity",
        "q_distance",
        "gradient_sizes",
        "features",
        "directions",
        "relabelling",
        "training",
    }
    ids = [set(re.findall(r'\bid="([^"]+)"', d.svg)) for d in saved]
    assert sum(map(len, ids)) == len(set.union(*ids))
    for one, own in zip(saved, ids, strict=True):
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', one.svg))
        assert used <= own
        ET.fromstring(one.svg)
        assert (tmp_path / "figures" / f"{one.name}.svg").stat().st_size > 5000
        assert (tmp_path / "figures" / f"{one.name}.png").read_bytes()[:4] == b"\x89PNG"


def test_only_what_was_measured_is_drawn(tmp_path):
    kept = ("signal/",)
    run = load_run(write_run(tmp_path / "a"))
    without = tuple(key for key in run.metrics if not key.startswith(kept))
    bare = load_run(write_run(tmp_path / "b", kind=replace(BASELINE, without=without)))
    plots = run_plots(bare, three_times([bare]), Thresholds(), None)
    assert [d.name for d in plots] == ["forward_signal"]


def test_a_comparison_by_step_has_a_figure_of_its_own(tmp_path):
    slow = replace(BASELINE, steps_per_update=8, updates=100)
    folders = write_arms(tmp_path, 2, {"pixel-her": replace(BASELINE, updates=100), "slow": slow})
    arms = load_arms(folders)
    runs = [run for group in arms.values() for run in group]
    assessment = assess(arms, three_times(runs), Thresholds())
    names = [d.name for d in comparison_plots(arms, assessment, by_step=True)]
    assert names[0] == "three_times"
    assert names[-1] == "by_step"
    assert all(d.caption for d in comparison_plots(arms, assessment, by_step=False))


def test_the_baseline_is_always_blue_and_arms_differ():
    arms = [f"arm{i}" for i in range(9)]
    assert arm_style("arm0", arms)[0] == arm_style("x", ["x", "arm0"])[0]
    assert len({arm_style(arm, arms)[0] for arm in arms}) == 9


def test_distances_come_from_the_record(tmp_path):
    run = load_run(write_run(tmp_path / "a"))
    assert bin_centres(run, "sensitivity")[0] == pytest.approx(0.42 / 16)
    run.record.info.probe_set["distance_edges"] = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert bin_centres(run, "sensitivity")[0] == 0.5
