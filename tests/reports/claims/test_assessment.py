"""C1, C2, C4 and C5 on made-up runs whose answer is known."""

import math
from dataclasses import replace

import pytest
from helpers.synthetic_runs import BASELINE, FIX, Synthetic, write_arms, write_run

from goalscope.diagnostics.record.keys import Family, parse
from goalscope.diagnostics.record.metrics import SIGNAL_SHARE
from goalscope.reports.claims.assessment import assess
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.windows import four_times
from goalscope.reports.statistics.outcomes import Outcome
from goalscope.reports.statistics.thresholds import Thresholds

DROWNED = Synthetic(goal_share=0.02, late_share=0.02, q_goal_swap=0.02, noise=0.1)
MEASURED = ("initialisation", "early", "late")  # late begins before a middle does
DECIDED = (Outcome.SUPPORTED, Outcome.CONTRADICTED)


def evaluation_of(folders, thresholds=None):
    arms = load_arms(folders)
    runs = [run for group in arms.values() for run in group]
    return assess(arms, four_times(runs), thresholds or Thresholds())


def test_a_drowned_baseline_and_a_fix_that_works(tmp_path):
    folders = write_arms(tmp_path, 5, {"pixel-her": DROWNED, "pixel-her-norm": FIX})
    assessment = evaluation_of(folders)
    for time in MEASURED:
        assert (
            assessment.find("C1", time, "pixel-her", "critic").verdict.outcome is Outcome.SUPPORTED
        )
        assert (
            assessment.find("C2", time, "pixel-her", "critic").verdict.outcome is Outcome.SUPPORTED
        )
    assert assessment.find("C4", "late", "pixel-her", "critic").verdict.outcome is Outcome.SUPPORTED
    assert (
        assessment.find("C5", "late", "pixel-her-norm", "critic").verdict.outcome
        is Outcome.SUPPORTED
    )
    link = assessment.find("C5", "late", "pixel-her-norm", "critic")
    assert link.quantities[0].difference.low > 0
    assert link.grade == "raises it, does not restore it"  # its share is 0.3


def test_a_heard_goal_contradicts_and_leaves_the_fix_nothing_to_do(tmp_path):
    heard = replace(BASELINE, goal_share=0.8, late_share=0.8)
    arms = {"pixel-her": heard, "same": replace(heard, noise=0.3)}
    assessment = evaluation_of(write_arms(tmp_path, 5, arms))
    for link in ("C1", "C2"):
        for time in MEASURED:
            assert (
                assessment.find(link, time, "pixel-her", "critic").verdict.outcome
                is Outcome.CONTRADICTED
            )
    for time in MEASURED:
        assert (
            assessment.find("C5", time, "same", "critic").verdict.outcome is not Outcome.SUPPORTED
        )


def test_two_seeds_lean_and_say_how_many(tmp_path):
    assessment = evaluation_of(write_arms(tmp_path, 2, {"pixel-her": DROWNED, "fix": FIX}))
    link = assessment.find("C1", "late", "pixel-her", "critic")
    assert str(link.verdict) in ("leaning for", "undecided")
    assert "2 seeds" in link.verdict.reason
    assert all(link.verdict.outcome not in DECIDED for link in assessment.links)


def test_one_seed_tests_nothing_but_is_shown(tmp_path):
    assessment = evaluation_of(write_arms(tmp_path, 1))
    assert {link.verdict.outcome for link in assessment.links} == {Outcome.NOT_TESTED}
    part = assessment.find("C1", "late", "pixel-her", "critic").quantities[0]
    assert part.interval.mean == pytest.approx(part.sample.numbers["seed 0"])


def test_the_first_arm_is_the_baseline_unless_one_is_called_pixel_her(tmp_path):
    folders = write_arms(tmp_path, 1, {"z": BASELINE, "a": FIX})
    assert evaluation_of(folders).arms == ("z", "a")
    folders.append(write_run(tmp_path / "b", "pixel-her", 0))
    assert evaluation_of(folders).arms == ("pixel-her", "z", "a")


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_nan_in_the_window_is_never_averaged_away(tmp_path, broken):
    folders = write_arms(tmp_path, 5, {"pixel-her": DROWNED, "fix": FIX})
    overrides = {(SIGNAL_SHARE.key("critic", "goal"), 550): broken}
    folders.append(write_run(tmp_path / "x", "pixel-her", 5, replace(DROWNED, overrides=overrides)))
    assessment = evaluation_of(folders)
    link = assessment.find("C1", "late", "pixel-her", "critic")
    assert str(link.verdict) == "leaning for"
    assert link.quantities[0].sample.failed == ("seed 5",)
    assert "seed 5" in link.verdict.reason
    # elsewhere the seed counts
    early = assessment.find("C1", "early", "pixel-her", "critic")
    assert early.verdict.outcome is Outcome.SUPPORTED
    assert early.quantities[0].interval.seeds == 6


def test_a_metric_that_is_absent_is_not_tested_and_named_in_words(tmp_path):
    without = replace(DROWNED, without=(SIGNAL_SHARE.key("actor", "goal"),))
    assessment = evaluation_of(write_arms(tmp_path, 5, {"pixel-her": without, "fix": without}))
    link = assessment.find("C1", "late", "pixel-her", "actor")
    assert link.verdict.outcome is Outcome.NOT_TESTED
    assert link.verdict.reason == (
        "goal's share of the actor's first-layer signal is not in the record"
    )
    assert assessment.find("C5", "late", "fix", "actor").verdict.speaks is None


def test_without_a_probe_set_the_replay_batch_serves(tmp_path):
    kind = replace(DROWNED, sensitivity=(Family.SENSITIVITY_REPLAY,))
    assessment = evaluation_of(write_arms(tmp_path, 5, {"pixel-her": kind, "fix": DROWNED}))
    assert assessment.study.family is Family.SENSITIVITY_REPLAY
    part = assessment.find("C4", "late", "pixel-her", "critic").quantities[0]
    assert parse(part.quantity.key).family == Family.SENSITIVITY_REPLAY
    assert part.test.side == "for"


def test_without_goal_sensitivity_c4_is_not_tested(tmp_path):
    kind = replace(DROWNED, sensitivity=())
    assessment = evaluation_of(write_arms(tmp_path, 5, {"pixel-her": kind, "fix": DROWNED}))
    assert assessment.study.family is None
    assert (
        assessment.find("C4", "late", "pixel-her", "critic").verdict.outcome is Outcome.NOT_TESTED
    )


def test_other_thresholds_decide_otherwise(tmp_path):
    folders = write_arms(tmp_path, 5)
    strict = evaluation_of(folders)
    loose = evaluation_of(folders, Thresholds(goal_share=0.15, drowned_share=0.05))
    assert strict.find("C1", "late", "pixel-her", "critic").verdict.outcome is Outcome.SUPPORTED
    assert loose.find("C1", "late", "pixel-her", "critic").verdict.speaks != "for"


def test_the_literal_numbers_stand_beside(tmp_path):
    assessment = evaluation_of(write_arms(tmp_path, 2))
    beside = {
        part.quantity.label: part
        for part in assessment.find("C1", "late", "pixel-her", "critic").beside
    }
    dimensions = beside["goal's share of the critic's dimensions"]
    assert dimensions.interval.mean == pytest.approx(6 / 262)
    norm = beside["norm of pixels over norm of goal, critic"]
    assert norm.interval.mean == pytest.approx(6.9 / (1.6 * 1.41), rel=0.05)
    labels = [p.quantity.label for p in assessment.find("C2", "late", "pixel-her", "actor").beside]
    assert "goal's share of the actor loss's weight gradient" in labels
