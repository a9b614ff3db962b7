"""Colours and dashes of arms, ranges that panels share, and the words below figures."""

import colorsys
import re
from dataclasses import replace

import pytest
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, FIX, write_arms

from goalscope.reports.claims.assessment import assess
from goalscope.reports.figures.comparison.figures import comparison_plots
from goalscope.reports.figures.style import PALETTE, arm_styles, house_style
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.windows import four_times
from goalscope.reports.statistics.thresholds import Thresholds


def test_the_baseline_is_always_blue_and_arms_differ():
    arms = [f"arm{i}" for i in range(13)]
    styles = arm_styles(arms)
    assert styles["arm0"] == arm_styles(["x", "arm0"])["x"] == (PALETTE[0], "-")
    assert len({colour for colour, _ in styles.values()}) == 13
    many = arm_styles(f"arm{i}" for i in range(25))
    assert len(set(many.values())) == 25
    assert [colour for colour, _ in many.values()].count(PALETTE[0]) == 1


def test_no_arm_is_red_which_says_what_does_harm():
    for colour, _ in arm_styles(f"arm{i}" for i in range(13)).values():
        channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        hue, *_ = colorsys.rgb_to_hls(*channels)
        assert 15 < 360 * hue < 345, colour


@pytest.fixture(scope="module")
def plots(tmp_path_factory):
    kinds = {
        f"arm{i}": replace(FIX if i else BASELINE, updates=60, success=(0.0, 0.5), settings=FLOORS)
        for i in range(7)
    }
    arms = load_arms(write_arms(tmp_path_factory.mktemp("arms"), 2, kinds))
    runs = [run for group in arms.values() for run in group]
    assessment = assess(arms, four_times(runs, 10, 0.2), Thresholds())
    return comparison_plots(arms, assessment, by_step=False)


@pytest.fixture(scope="module")
def figures(plots):
    with house_style():
        return {plot.name: plot.make() for plot in plots}


def test_an_arm_has_one_colour_in_all_figures_of_a_page(figures):
    """Where arms come in groups, too: the labels at the lines' ends have the lines' colour."""
    styles = arm_styles(f"arm{i}" for i in range(7))
    seen = {name: set() for name in figures}
    for name, figure in figures.items():
        for text in (text for axes in figure.axes for text in axes.texts):
            if text.get_text() in styles:
                seen[name].add(text.get_text())
                assert text.get_color() == styles[text.get_text()][0], name
    assert seen["answer"] > {"arm0"}
    assert seen["success_1"] == {"arm0", "arm1", "arm2", "arm3", "arm4"}
    assert seen["success_2"] == {"arm0", "arm5", "arm6"}


@pytest.mark.parametrize(("name", "along"), [("arms", "x"), ("four_times_1", "y"), ("cause", "x")])
def test_panels_of_one_quantity_share_a_range(figures, name, along):
    ranges = {}
    for axes in (axes for axes in figures[name].axes if axes.get_visible()):
        label = getattr(axes, f"get_{along}label")()
        ranges.setdefault(label, []).append(getattr(axes, f"get_{along}lim")())
    assert max(map(len, ranges.values())) > 1
    for label, limits in ranges.items():
        assert len(set(limits)) == 1, label


def test_captions_are_in_short_sentences(plots):
    for plot in plots:
        for sentence in re.split(r"(?<=[.?!])\s+", plot.caption):
            assert len(sentence.split()) < 40, sentence
