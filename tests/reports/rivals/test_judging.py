"""Rivals over seeds: what may be said of them, and what only other arms can tell."""

from dataclasses import replace

import pytest
from helpers.planted import FAULTS, HEALTHY, with_metrics
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, write_arms

from goalscope.reports.checks.table import CHECKS
from goalscope.reports.claims.success import last_evaluations
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.windows import TIMES, four_times
from goalscope.reports.rivals.judging import judge_rivals, learns_in_words
from goalscope.reports.rivals.rivals import RIVALS
from goalscope.reports.statistics.outcomes import Outcome
from goalscope.reports.statistics.thresholds import Thresholds


def arms_of(root, seeds, values=()):
    arms = load_arms(write_arms(root, seeds))
    planted = HEALTHY | dict(values)
    return {arm: [with_metrics(run, planted) for run in runs] for arm, runs in arms.items()}


def judged(arms):
    runs = [run for group in arms.values() for run in group]
    found = judge_rivals(arms, four_times(runs), Thresholds())
    return {(j.rival.name, j.network, j.time): j for j in found}


def test_every_rival_is_judged_at_every_time_and_of_each_of_its_networks(tmp_path):
    expected = {(r.name, network, t) for r in RIVALS for network in r.networks for t in TIMES}
    assert set(judged(arms_of(tmp_path, 2))) == expected


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [(1, "not tested"), (2, "leaning for"), (4, "leaning for"), (5, "supported")],
)
def test_seeds_decide_how_much_may_be_said(tmp_path, seeds, expected):
    found = judged(arms_of(tmp_path, seeds, FAULTS["constant_images"]))
    assert str(found["B", None, "late"].verdict) == expected


def test_a_healthy_study_contradicts_what_it_measured(tmp_path):
    found = judged(arms_of(tmp_path, 5))
    for rival in (("B", None), ("R4", "critic"), ("R8", "critic"), ("R9", None), ("R10", None)):
        assert found[*rival, "late"].verdict.outcome is Outcome.CONTRADICTED, rival
    assert found["R5", None, "late"].verdict.outcome is Outcome.NOT_TESTED
    assert found["R12", None, "late"].verdict.outcome is Outcome.NOT_TESTED


def test_everything_is_at_the_floor_where_every_arm_is(tmp_path):
    low = replace(BASELINE, settings=FLOORS, success=(0.05, 0.05, 0.05), episodes=400)
    high = replace(low, success=(0.05, 0.5, 0.9))
    arms = load_arms(write_arms(tmp_path, 5, {"pixel-her": low, "pixel-her-norm": high}))
    alone = judged({"pixel-her": arms["pixel-her"]})
    assert alone["R1", None, "late"].verdict.outcome is Outcome.SUPPORTED
    found = judged(arms)  # one that learns is enough
    assert found["R1", None, "late"].verdict.outcome is Outcome.CONTRADICTED
    assert found["R1", None, "early"].verdict.outcome is Outcome.NOT_TESTED


def test_a_baseline_that_learns_has_no_failure_to_explain(tmp_path):
    high = replace(BASELINE, settings=FLOORS, success=(0.05, 0.5, 0.9), episodes=400)
    arms = load_arms(write_arms(tmp_path, 5, {"pixel-her": high, "pixel-her-norm": high}))
    found = judged(arms)
    assert {j.verdict.outcome for j in found.values()} == {Outcome.NOT_TESTED}
    assert "there is no failure to explain" in found["R8", "actor", "late"].verdict.reason


def test_whether_it_learns_is_read_where_the_page_reads_success(tmp_path):
    whole = replace(BASELINE, settings=FLOORS, success=(0.05, 0.05, 0.9), episodes=400)
    short = replace(whole, success=(0.05, 0.05), updates=2 * BASELINE.updates // 3)
    arms = load_arms(write_arms(tmp_path, 5, {"pixel-her": whole, "pixel-her-norm": short}))
    steps = {row["step"] for row in last_evaluations(arms)}
    assert max(steps) < max(run.steps for run in arms["pixel-her"])
    assert learns_in_words(arms, Thresholds()) == ""
    assert learns_in_words({"pixel-her": arms["pixel-her"]}, Thresholds())


QUIET = {
    "pixel-her": replace(BASELINE, q_goal_swap=0.1),
    "pixel-her-scale0": replace(BASELINE, q_goal_swap=0.1),
    "goal-only": replace(BASELINE, q_goal_swap=0.5),
    "goal-only-wide": replace(BASELINE, q_goal_swap=0.1),
    "pixel-her-goal-std": replace(BASELINE, q_goal_swap=1.5),
}


def quiet_goal(root, kinds):
    arms = load_arms(write_arms(root, 5, kinds))
    runs = [run for group in arms.values() for run in group]
    found = judge_rivals(arms, four_times(runs), Thresholds())
    return next(j for j in found if (j.rival.name, j.time) == ("R12", "late"))


def test_the_goal_is_quiet_in_itself_where_zeros_quieten_and_standardising_helps(tmp_path):
    found = quiet_goal(tmp_path, QUIET)
    assert [part.test.side for part in found.evidence] == ["for"] * 3
    assert found.verdict.outcome is Outcome.SUPPORTED


def test_the_goal_is_not_quiet_in_itself_where_zeros_change_nothing(tmp_path):
    same = QUIET | {"goal-only-wide": replace(BASELINE, q_goal_swap=2.0)}
    assert quiet_goal(tmp_path, same).verdict.outcome is Outcome.CONTRADICTED


def test_without_the_arms_that_tell_the_goal_path_is_not_tested(tmp_path):
    few = {arm: QUIET[arm] for arm in ("pixel-her", "pixel-her-goal-std")}
    found = quiet_goal(tmp_path, few)
    assert found.verdict.outcome is Outcome.NOT_TESTED
    assert "no arm" in found.verdict.reason


def test_every_check_that_a_rival_names_exists_and_speaks_for_no_other():
    named = [check for rival in RIVALS for check in rival.checks]
    assert len(set(named)) == len(named)
    assert set(named) <= {check.name for check in CHECKS}


def test_a_dead_encoder_is_the_actors_alone(tmp_path):
    dead = {"features/actor.pixels.zero_fraction": 1.0}
    found = judged(arms_of(tmp_path, 5, dead))
    assert found["R3", "actor", "late"].verdict.outcome is Outcome.SUPPORTED
    assert found["R3", "critic", "late"].verdict.outcome is Outcome.CONTRADICTED
    assert found["R3", "actor", "late"].title == "the actor's encoder gets no useful gradient"


def test_exact_zeros_speak_for_a_check_whose_threshold_is_tiny(tmp_path):
    still = {"gradient/critic_loss.pixels.encoder_update_ratio": 0.0}
    found = judged(arms_of(tmp_path, 5, still))["R3", "critic", "late"]
    assert found.verdict.speaks != "against"
