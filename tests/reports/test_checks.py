"""Suspects of one run and rivals over seeds: who speaks, in which order, and who may not."""

import math
from dataclasses import replace

import pandas as pd
import pytest
from helpers.synthetic_runs import BASELINE, FIX, FLOORS, write_arms, write_run
from hypothesis import given
from hypothesis import strategies as st

from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.windows import TIMES, three_times
from goalscope.reports.rivals.checks import CHECKS
from goalscope.reports.rivals.findings import run_findings
from goalscope.reports.rivals.judging import judge_rivals
from goalscope.reports.rivals.rivals import RIVALS
from goalscope.reports.statistics.combining import disjunction, flipped
from goalscope.reports.statistics.outcomes import Outcome, Verdict
from goalscope.reports.statistics.thresholds import Thresholds

UPDATES = (0, 1, 50, 300, 550, 600)
HEALTHY = {
    "observation/replay.pixels.spread": 0.04,
    "observation/replay.desired_goal.spread": 0.1,
    "training/relabelled.reward_mismatch": 0.0,
    "content/critic.pixels.object_cm": 2.0,
    "content/critic.pixels.object_r2": 0.9,
    "content/critic.pixels.raw_desired_goal_r2": 0.0,
    "prediction/critic.features.next_goal_r2": 0.9,
    "prediction/critic.features.next_goal_with_previous_r2": 0.91,
    "prediction/critic.features.next_goal_with_proprioception_r2": 0.91,
    "training/critic.q_spread": 0.5,
    "sensitivity/actor.pixels.action_swap": 0.1,
    "training/relabelled.unmoved_fraction": 0.5,
    "signal/critic.pixels.signal": 0.1,
}
PLANTED = {
    "constant_images": {"observation/replay.pixels.spread": 0.0},
    "constant_goal": {"observation/replay.desired_goal.spread": 0.0},
    "reward_mismatch": {"training/relabelled.reward_mismatch": 0.5},
    "augmentation_far": {
        "augmentation/critic.pixels.augmentation_over_signal": 0.5,
        "augmentation/camera.shift_cm": 80.0,
    },
    "augmentation_above_signal": {"augmentation/critic.pixels.augmentation_over_signal": 2.0},
    "critic_constant": {"training/critic.q_spread": 0.0},
    "dead_units": {"features/critic.pixels.zero_fraction": 1.0},
    "constant_features": {"features/critic.pixels.spread": 0.0},
    "saturated": {"features/critic.pixels.saturated_fraction": 0.9},
    "encoder_without_gradient": {"gradient/critic_loss.pixels.encoder_gradient": 0.0},
    "encoder_not_moving": {"gradient/actor_loss.pixels.encoder_update_ratio": 0.0},
    "image_block_loud": {"signal/critic.pixels.signal": 40.0},
    "goal_path_quiet": {"signal/critic.goal.signal": 1e-5},
    "content_missing": {"content/critic.pixels.object_cm": 9.0},
    "rank_collapsed": {"features/critic.pixels.effective_rank": 1.1},
    "object_unmoved": {"training/relabelled.unmoved_fraction": 0.99},
    "critic_ignores_pixels": {"sensitivity/critic.pixels.q_swap": 0.01},
    "actor_ignores_pixels": {"sensitivity/actor.pixels.action_swap": 0.0},
    "velocity_missing": {"prediction/critic.features.next_goal_r2": 0.5},
    "proprioception_missing": {
        "prediction/critic.features.next_goal_with_proprioception_r2": 1.0,
        "prediction/critic.features.next_goal_r2": 0.85,
    },
    "goal_in_image": {"content/critic.pixels.raw_desired_goal_r2": 0.8},
    "entropy_collapsed": {"training/entropy.coefficient": 1e-5},
    "few_updates": {"training/updates_per_step": 0.125},
}


def with_metrics(run, values):
    tables = {
        key: pd.DataFrame({"update": UPDATES, "step": UPDATES, "value": [value] * len(UPDATES)})
        for key, value in values.items()
    }
    return replace(run, metrics={**run.metrics, **tables})


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    run = load_run(write_run(tmp_path_factory.mktemp("run") / "a", kind=BASELINE))
    return with_metrics(run, HEALTHY)


def names(run):
    return [finding.name for finding in run_findings(run, checks=CHECKS)]


def test_nothing_speaks_in_a_healthy_run(healthy):
    assert names(healthy) == []


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_named_first(healthy, name):
    assert names(with_metrics(healthy, PLANTED[name]))[0] == name


def test_every_check_has_been_planted():
    assert {check.name for check in CHECKS} - set(PLANTED) == {"nan"}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("dead_units", {"zero_fraction": 1.0}, {"zero_fraction": 0.0}),
        ("constant_features", {"norm": 2.0, "spread": 1e-5}, {"norm": 4.9, "spread": 0.3}),
        ("rank_collapsed", {"effective_rank": 1.1}, {"effective_rank": 24.0}),
    ],
)
def test_a_normalisation_hides_nothing_from_a_check(tmp_path, name, before, after):
    run = with_metrics(load_run(write_run(tmp_path / "a", kind=FIX)), HEALTHY)
    planted = {f"features/critic.pixels_raw.{k}": v for k, v in before.items()}
    hidden = {f"features/critic.pixels.{k}": v for k, v in after.items()}
    assert names(run) == []
    assert names(with_metrics(run, planted | hidden))[0] == name


def test_dead_units_are_read_as_a_normalised_encoder_was_recorded(tmp_path):
    # of 50 features before LayerNorm and Tanh, as the demo's fix records them late in training
    run = load_run(write_run(tmp_path / "a", kind=FIX))
    recorded = {"pixels_raw.zero_fraction": 0.62, "pixels.zero_fraction": 0.0}
    run = with_metrics(run, {f"features/critic.{k}": v for k, v in recorded.items()})
    (check,) = [check for check in CHECKS if check.name == "dead_units"]
    assert check.read(run, three_times([run]).windows["late"]) == 0.62


def test_nan_is_named_before_what_follows_from_it(tmp_path):
    key = "gradient/critic_loss.pixels.weight_gradient"
    broken = replace(BASELINE, overrides={(key, 300): math.nan})
    run = with_metrics(load_run(write_run(tmp_path / "a", kind=broken)), HEALTHY)
    assert names(with_metrics(run, PLANTED["dead_units"]))[:2] == ["nan", "dead_units"]


def test_what_an_earlier_suspect_explains_is_left_out(healthy):
    constant = PLANTED["critic_constant"] | PLANTED["encoder_without_gradient"]
    assert names(with_metrics(healthy, constant)) == ["critic_constant"]


def test_a_share_of_nothing_is_not_broken(tmp_path):
    key = "gradient/critic_loss.pixels.weight_gradient_share"
    nothing = replace(BASELINE, overrides={(key, 300): math.nan})
    run = with_metrics(load_run(write_run(tmp_path / "a", kind=nothing)), HEALTHY)
    assert names(run) == []


def test_causes_come_before_their_consequences():
    order = [check.name for check in CHECKS]
    for cause, consequence in (
        ("constant_images", "constant_features"),
        ("dead_units", "constant_features"),
        ("critic_constant", "encoder_without_gradient"),
        ("encoder_without_gradient", "encoder_not_moving"),
    ):
        assert order.index(cause) < order.index(consequence)


def test_an_encoder_that_no_loss_reaches_is_read_from_the_routing(healthy):
    rows = [
        {**row, "losses": []} if row["group"].startswith("encoder") else row
        for row in healthy.record.routing
    ]
    unfed = replace(healthy, record=replace(healthy.record, routing=rows))
    assert names(unfed)[0] == "encoder_without_gradient"


def test_an_encoder_that_no_optimiser_holds_is_read_from_the_routing(healthy):
    rows = [
        {**row, "optimizer": None} if row["group"].startswith("encoder") else row
        for row in healthy.record.routing
    ]
    unheld = replace(healthy, record=replace(healthy.record, routing=rows))
    assert names(unheld)[0] == "encoder_not_moving"


def arms_of(root, seeds, values=()):
    arms = load_arms(write_arms(root, seeds))
    planted = HEALTHY | dict(values)
    return {arm: [with_metrics(run, planted) for run in runs] for arm, runs in arms.items()}


def judged(arms):
    runs = [run for group in arms.values() for run in group]
    found = judge_rivals(arms, three_times(runs), Thresholds())
    return {(j.rival.name, j.arm, j.time): j for j in found}


def test_every_rival_is_judged_at_every_time_for_every_arm(tmp_path):
    arms = arms_of(tmp_path, 2)
    assert set(judged(arms)) == {(r.name, a, t) for r in RIVALS for a in arms for t in TIMES}


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [(1, "not tested"), (2, "leaning for"), (4, "leaning for"), (5, "supported")],
)
def test_seeds_decide_how_much_may_be_said(tmp_path, seeds, expected):
    found = judged(arms_of(tmp_path, seeds, PLANTED["constant_images"]))
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
    found = judge_rivals(arms, three_times(runs), Thresholds())
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


VERDICTS = st.sampled_from(
    [
        Verdict(Outcome.SUPPORTED, "a"),
        Verdict(Outcome.CONTRADICTED, "b"),
        Verdict(Outcome.LEANING, "c", "for"),
        Verdict(Outcome.LEANING, "d", "against"),
        Verdict(Outcome.UNDECIDED, "e"),
        Verdict(Outcome.NOT_TESTED, "f"),
    ]
)


@given(st.lists(VERDICTS, min_size=1, max_size=5))
def test_one_part_is_enough_and_only_all_contradict(verdicts):
    parts = [(str(number), verdict) for number, verdict in enumerate(verdicts)]
    outcome = disjunction(parts).outcome
    outcomes = {verdict.outcome for verdict in verdicts}
    assert (outcome is Outcome.SUPPORTED) == (Outcome.SUPPORTED in outcomes)
    assert (outcome is Outcome.CONTRADICTED) == (outcomes == {Outcome.CONTRADICTED})


@given(VERDICTS)
def test_flipping_twice_changes_nothing(verdict):
    assert flipped(flipped(verdict)) == verdict
