"""Figures of pages: no state left behind, no id shared, nothing drawn that was not measured."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from helpers.synthetic_runs import BASELINE, FIX, write_arms, write_run
from matplotlib.text import Text
from pypdf import PdfReader

from goalscope.diagnostics.record.keys import Family, parse
from goalscope.reports.claims.assessment import assess
from goalscope.reports.figures.comparison.figures import comparison_plots
from goalscope.reports.figures.curves import Curve, Panel, curves_figure
from goalscope.reports.figures.plot import Plot, draw
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
    draw([Plot("f", "t", "c", lambda: curves_figure([panel]))], tmp_path)
    assert dict(matplotlib.rcParams) == before
    assert matplotlib.get_backend() == backend


def test_svgs_in_one_page_share_no_id(tmp_path):
    run = load_run(write_run(tmp_path / "a"))
    plots = run_plots(run, four_times([run]), Thresholds(), Family.SENSITIVITY)
    saved = draw(plots, tmp_path / "figures")
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
        assert 5_000 < len(one.svg) < 100_000
    assert not (tmp_path / "figures").exists()


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
    assert names[:2] == ["answer", "four_times"]
    assert names[-1] == "by_step"
    assert all(d.caption for d in comparison_plots(arms, assessment, by_step=False))


def test_files_are_written_where_they_are_asked_for(tmp_path):
    run = load_run(write_run(tmp_path / "a"))
    plots = run_plots(run, four_times([run]), Thresholds(), None)[:1]
    (drawn,) = draw(plots, tmp_path / "figures", ("png", "csv", "pdf"))
    assert not drawn.narrow
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == set(drawn.files.values())
    assert names == {
        *(f"forward_signal{end}" for end in (".png", ".csv", "-84mm.pdf", "-174mm.pdf"))
    }
    for width in (84, 174):
        pdf = PdfReader(tmp_path / "figures" / f"forward_signal-{width}mm.pdf")
        assert float(pdf.pages[0].mediabox.width) == pytest.approx(width / 25.4 * 72, abs=0.1)
        assert "Critic" in pdf.pages[0].extract_text()


def test_a_figure_as_wide_as_a_column_is_legible(tmp_path):
    arms = load_arms(write_arms(tmp_path, 2, {"pixel-her": BASELINE, "pixel-her-norm": FIX}))
    runs = [run for group in arms.values() for run in group]
    assessment = assess(arms, four_times(runs), Thresholds())
    plots = comparison_plots(arms, assessment, by_step=False)
    for plot in plots:
        with house_style(84 / 25.4):
            figure = plot.make()
            figure.draw_without_rendering()
        shown = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
        assert min(text.get_fontsize() for text in shown) >= 6, plot.name
        for axes in figure.axes:
            if axes.get_visible():
                assert axes.get_window_extent().width / figure.dpi > 0.5, plot.name
