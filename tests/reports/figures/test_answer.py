"""The picture that answers a comparison."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.planted import with_metrics
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, FIX, write_arms, write_run

from goalscope.diagnostics.record.metrics import ROLLOUT_SUCCESS_RATE, ZERO_FRACTION
from goalscope.reports.figures.comparison.answer import answer_plot
from goalscope.reports.figures.style import PALETTE, house_style
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.statistics.intervals import t_interval
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

FAILS = replace(BASELINE, updates=60, success=(0.0, 0.0, 0.0), settings=FLOORS)
LEARNS = replace(FIX, updates=60, success=(0.0, 0.5, 1.0), settings=FLOORS)


def made(arms, width=7.2):
    plot = answer_plot(arms, Thresholds())
    with house_style(width):
        return plot, {axes.get_title(loc="left"): axes for axes in plot.make().axes}


def texts(axes):
    return [text.get_text().replace("\n", "") for text in axes.texts]


def test_success_stands_beside_the_share_in_each_network(tmp_path):
    plot, axes = made(load_arms(write_arms(tmp_path, 2, {"pixel-her": FAILS, "fix": LEARNS})))
    success = axes["Success"]
    assert {"plan: 50 %", "plan: 70 %", "plan: 85 %", "does nothing", "pixel-her", "fix"} <= set(
        texts(success)
    )
    critic, actor = (axes[f"Goal's share of the {name}'s signal"] for name in ("critic", "actor"))
    assert critic.get_ylim() == actor.get_ylim() == (0.01, 0.99)
    assert texts(critic) == ["drowned", "outweighed"]
    for each in axes.values():  # labels stand in the margin, not on the curves
        assert all(text.get_position()[0] > 1 for text in each.texts)
    assert "every seed" in plot.caption
    assert {row["panel"] for row in plot.rows()} == {
        "Success", "goal's share, critic", "goal's share, actor"
    }  # fmt: skip


def test_beside_a_dead_encoder_no_share_is_drawn(tmp_path):
    arms = load_arms(write_arms(tmp_path, 1, {"pixel-her": FAILS, "fix": LEARNS}))
    zeros = ZERO_FRACTION.key("actor", "pixels")
    dying = with_metrics(arms["pixel-her"][0], {zeros: [(0, 0.5), (20, 0.97), (40, 0.5), (50, 1)]})
    shares = answer_plot({**arms, "pixel-her": [dying]}, Thresholds()).rows()
    drawn = {
        network: {
            row["update"]
            for row in shares
            if row["panel"] == f"goal's share, {network}" and row["line"] == "pixel-her"
        }
        for network in ("critic", "actor")
    }
    assert drawn["actor"] == {u for u in drawn["critic"] if u < 20 or 40 <= u < 50} != set()


def test_the_plans_marks_are_of_the_plans_arms(tmp_path):
    arms = load_arms(write_arms(tmp_path, 1, {"mine": FAILS, "theirs": LEARNS}))
    _, axes = made(
        {
            arm: [
                replace(run, record=replace(run.record, info=replace(run.record.info, settings={})))
                for run in runs
            ]
            for arm, runs in arms.items()
        }
    )
    assert not [text for text in texts(axes["Success"]) if text.startswith("plan")]


@pytest.mark.parametrize("width", [84 / 25.4, 7.2])
def test_the_baseline_is_blue_and_of_many_arms_five_are_in_colour(tmp_path, width):
    kinds = {"pixel-her": FAILS, **{f"arm{i}": FAILS for i in range(6)}, "best": LEARNS}
    plot, axes = made(load_arms(write_arms(tmp_path, 1, kinds)), width)
    names = texts(axes["Success"])
    assert "best" in names
    assert sum(name.startswith("arm") for name in names) == 3
    assert "3 other arms" in plot.caption
    baseline = [t for t in axes["Success"].texts if t.get_text() == "pixel-her"]
    assert [text.get_color() for text in baseline] == [PALETTE[0]]


def test_without_evaluations_the_training_episodes_are_drawn(tmp_path):
    kind = replace(FAILS, success=())
    plot, axes = made(load_arms(write_arms(tmp_path, 1, {"pixel-her": kind, "fix": kind})))
    assert "Success while training" in axes
    assert "never evaluated" in plot.caption


def test_without_any_success_a_line_says_so(tmp_path):
    kind = replace(FAILS, success=(), without=(ROLLOUT_SUCCESS_RATE.key(),))
    plot, axes = made(load_arms(write_arms(tmp_path, 1, {"pixel-her": kind, "fix": kind})))
    assert len(axes) == 2
    assert "Success was not measured" in plot.caption
    assert all("pixel-her" in texts(each) for each in axes.values())


def rise(table):
    return table.assign(value=np.linspace(0, 1, len(table)))


def test_a_share_beyond_the_axis_lies_at_its_end(tmp_path):
    arms = load_arms(write_arms(tmp_path, 1, {"pixel-her": FAILS, "fix": FAILS}))
    key = "signal/critic.goal.share"
    rising = {
        arm: [replace(run, metrics={**run.metrics, key: rise(run.metrics[key])}) for run in runs]
        for arm, runs in arms.items()
    }
    _, axes = made(rising)
    line = axes["Goal's share of the critic's signal"].lines[-1]
    assert (line.get_ydata().min(), line.get_ydata().max()) == (0.01, 0.99)


def test_what_is_averaged_does_not_end_where_the_axis_does(tmp_path):
    arms = load_arms(write_arms(tmp_path, 3, {"pixel-her": FAILS, "fix": FAILS}))
    key = "signal/critic.goal.share"
    shares = (0.5, 0.9, 0.99999)
    spread = {
        arm: [
            replace(run, metrics={**run.metrics, key: run.metrics[key].assign(value=share)})
            for run, share in zip(runs, shares, strict=True)
        ]
        for arm, runs in arms.items()
    }
    plot, axes = made(spread)
    mean = axes["Goal's share of the critic's signal"].lines[-1].get_ydata()
    expected = t_interval(shares, Scale.LOGIT).mean
    assert expected > 0.98
    np.testing.assert_allclose(mean, expected)
    assert "3 seeds in each arm; thin every seed, thick their mean; shaded" in plot.caption


def test_only_seeds_that_are_drawn_are_counted(tmp_path):
    shares = tuple(f"signal/{network}.goal.share" for network in ("critic", "actor"))
    silent = replace(FAILS, success=(), without=(ROLLOUT_SUCCESS_RATE.key(), *shares))
    folders = [
        write_run(tmp_path / f"{arm}-{seed}", arm, seed, FAILS if seed == 0 else silent)
        for arm in ("pixel-her", "fix")
        for seed in range(3)
    ]
    plot, _ = made(load_arms(folders))
    assert plot.caption.startswith("1 seed in each arm. ")
