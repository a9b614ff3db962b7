"""Every arm at a glance: table, text and figure agree on whose share can be judged."""

from dataclasses import replace

from helpers.memory_runs import BASELINE, holding_world

from goalscope.diagnostics.record.metrics import SIGNAL_SHARE, ZERO_FRACTION
from goalscope.reports.claims.assessment import assess
from goalscope.reports.figures.comparison.arms import arms_plot
from goalscope.reports.numbers.windows import four_times
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.text.answer import share_sentences
from goalscope.reports.text.arm_rows import arm_rows


def with_zeros(run, dead):
    """Return the run with a critic whose image features are zero, or half of them."""
    table = run.metrics[SIGNAL_SHARE.key("critic", "goal")].assign(value=1.0 if dead else 0.5)
    return replace(run, metrics={**run.metrics, ZERO_FRACTION.key("critic", "pixels"): table})


def test_a_share_that_says_nothing_is_neither_written_nor_drawn():
    world = holding_world()
    for arm, dead in ((BASELINE, 4), ("fix-a", 3), ("fix-b", 5)):
        world[arm] = [with_zeros(run, run.seed < dead) for run in world[arm]]
    assessment = assess(world, four_times([r for g in world.values() for r in g]), Thresholds())
    rows = {row.arm: row.shares["critic"]["late"] for row in arm_rows(world, assessment)}
    assert rows[BASELINE] == "no share to judge in 4 of 5 seeds"
    assert rows["fix-a"].endswith("] (2 of 5 seeds)")
    assert rows["fix-b"] == "no share to judge"
    critic, *_ = share_sentences(assessment, [])
    assert "no share of the goal to judge" in critic
    drawn = [row["arm"] for row in arms_plot(world, assessment).rows() if "late" in row["panel"]]
    shares = drawn[: drawn.index("fix-c") + 5]
    assert [shares.count(arm) for arm in (BASELINE, "fix-a", "fix-b", "fix-c")] == [0, 2, 0, 5]
