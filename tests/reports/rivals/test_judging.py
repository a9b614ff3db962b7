"""Rivals over seeds: what may be said of them, and what only other arms can tell."""

from dataclasses import replace

import pytest
from helpers.planted import FAULTS, HEALTHY, with_metrics
from helpers.synthetic_runs import BASELINE, FLOORS, write_arms

from goalscope.reports.checks.table import CHECKS
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.windows import TIMES, four_times
from goalscope.reports.rivals.judging import judge_rivals
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
    return {(j.rival.name, j.arm, j.time): j for j in found}


def test_every_rival_is_judged_at_every_time_for_every_arm(tmp_path):
    arms = arms_of(tmp_path, 2)
    assert set(judged(arms)) == {(r.name, a, t) for r in RIVALS for a in arms for t in TIMES}


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [(1, "not tested"), (2, "leaning for"), (4, "leaning for"), (5, "supported")],
)
def test_seeds_decide_how_much_may_be_said(tmp_path, seeds, expected):
    found = judged(arms_of(tmp_path, seeds, FAULTS["constant_images"]))
    assert str(found["B", "pixel-her", "late"].verdict) == expected


def test_a_healthy_study_contradicts_what_it_measured(tmp_path):
    found = judged(arms_of(tmp_path, 5))
    for rival in ("B", "R2", "R4", "R8", "R9", "R10"):
        assert found[rival, "pixel-her", "late"].verdict.outcome is Outcome.CONTRADICTED, rival
    assert found["R5", "pixel-her", "late"].verdict.outcome is Outcome.NOT_TESTED
    assert found["R12", "pixel-her", "late"].verdict.outcome is Outcome.NOT_TESTED


def test_everything_is_at_the_floor_where_every_arm_is(tmp_path):
    low = replace(BASELINE, settings=FLOORS, success=(0.05, 0.05, 0.05), episodes=400)
    high = replace(low, success=(0.05, 0.5, 0.9))
    arms = load_arms(write_arms(tmp_path, 5, {"pixel-her": low, "pixel-her-norm": high}))
    alone = judged({"pixel-her": arms["pixel-her"]})
    assert alone["R1", "pixel-her", "late"].verdict.outcome is Outcome.SUPPORTED
    found = judged(arms)
    for arm in arms:  # one that learns is enough
        assert found["R1", arm, "late"].verdict.outcome is Outcome.CONTRADICTED
    assert found["R1", "pixel-her", "early"].verdict.outcome is Outcome.NOT_TESTED


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
    return next(j for j in found if (j.rival.name, j.arm, j.time) == ("R12", "pixel-her", "late"))


def test_the_goal_is_quiet_in_itself_where_zeros_quieten_and_standardising_helps(tmp_path):
    found = quiet_goal(tmp_path, QUIET)
    assert [str(part.verdict) for part in found.evidence] == ["supported"] * 3
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


def test_critic_and_actor_are_evidence_apart(tmp_path):
    dead = {"features/actor.pixels.zero_fraction": 1.0}
    found = judged(arms_of(tmp_path, 5, dead))["R3", "pixel-her", "late"]
    zeros = {e.label: str(e.verdict) for e in found.evidence if e.check.name == "dead_units"}
    assert zeros == {
        "exact zeros among its features of pixels (critic)": "contradicted",
        "exact zeros among its features of pixels (actor)": "supported",
    }
