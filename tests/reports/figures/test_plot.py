"""Figures of pages: no state left behind, no id shared, nothing drawn that was not measured."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
from helpers.synthetic_runs import BASELINE, write_arms, write_run

from goalscope.diagnostics.record.keys import Family, parse
from goalscope.reports.claims.assessment import assess
from goalscope.reports.figures.comparison.figures import comparison_plots
from goalscope.reports.figures.curves import Curve, Panel, curves_figure
from goalscope.reports.figures.plot import Plot, save
from goalscope.reports.figures.run.figures import run_plots
from goalscope.reports.figures.style import house_style
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.windows import four_times
from goalscope.reports.statistics.thresholds import Thresholds


def table(values, updates=None):
    places = np.arange(len(values)) if updates is None else np.array(updates)
    return pd.DataFrame({"update": places, "step": places * 3, "value": values})


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
    plots = run_plots(run, four_times([run]), Thresholds(), Family.SENSITIVITY)
    saved = save(plots, tmp_path / "figures")
    names = {s.plot.name for s in saved}
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
        assert (tmp_path / "figures" / f"{one.plot.name}.svg").stat().st_size > 5000
        assert (tmp_path / "figures" / f"{one.plot.name}.png").read_bytes()[:4] == b"\x89PNG"


def test_only_what_was_measured_is_drawn(tmp_path):
    run = load_run(write_run(tmp_path / "a"))
    without = tuple(key for key in run.metrics if parse(key).family != Family.SIGNAL)
    bare = load_run(write_run(tmp_path / "b", kind=replace(BASELINE, without=without)))
    plots = run_plots(bare, four_times([bare]), Thresholds(), None)
    assert [d.name for d in plots] == ["forward_signal"]


def test_a_comparison_by_step_has_a_figure_of_its_own(tmp_path):
    slow = replace(BASELINE, steps_per_update=8, updates=100)
    folders = write_arms(tmp_path, 2, {"pixel-her": replace(BASELINE, updates=100), "slow": slow})
    arms = load_arms(folders)
    runs = [run for group in arms.values() for run in group]
    assessment = assess(arms, four_times(runs), Thresholds())
    names = [d.name for d in comparison_plots(arms, assessment, by_step=True)]
    assert names[0] == "three_times"
    assert names[-1] == "by_step"
    assert all(d.caption for d in comparison_plots(arms, assessment, by_step=False))
