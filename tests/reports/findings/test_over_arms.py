"""Findings of many runs: each told once, with the arms it was made in."""

from dataclasses import replace

import pytest
from helpers.planted import FAULTS, HEALTHY, with_metrics
from helpers.synthetic_runs import write_arms

from goalscope.reports.findings.diagnosis import diagnose
from goalscope.reports.findings.learning import Learning
from goalscope.reports.findings.over_arms import (
    arms_without_findings,
    first_findings,
    found_in_arms,
)
from goalscope.reports.numbers.grouping import load_arms


@pytest.fixture
def arms(tmp_path):
    loaded = load_arms(write_arms(tmp_path, 3))
    return {arm: [with_metrics(run, HEALTHY) for run in runs] for arm, runs in loaded.items()}


def diagnosed(arms):
    return {arm: [diagnose(run) for run in runs] for arm, runs in arms.items()}


def test_where_nothing_is_wrong_the_arms_are_named(arms):
    assert found_in_arms(diagnosed(arms)) == []
    assert arms_without_findings(diagnosed(arms)) == ["pixel-her", "pixel-her-norm"]


def test_a_finding_of_several_runs_is_told_once_with_its_updates(arms):
    dying = [(0, 0.5), (50, 0.5), (300, 1.0), (550, 1.0), (600, 1.0)]
    dead = "features/actor.pixels.zero_fraction"
    first, second, third = arms["pixel-her"]
    arms["pixel-her"] = [
        with_metrics(first, {dead: 1.0}),
        with_metrics(second, {dead: [*dying[:1], (100, 1.0), *dying[2:]]}),
        third,
    ]
    arms["pixel-her-norm"] = [
        with_metrics(run, FAULTS["constant_goal"]) for run in arms["pixel-her-norm"]
    ]
    goal, encoder = found_in_arms(diagnosed(arms))
    assert goal.says == "The desired goal never changes."
    assert goal.arms == ("pixel-her-norm 3 of 3 (from the start)",)
    assert encoder.arms == ("pixel-her 2 of 3 (since updates 0 to 100)",)
    assert arms_without_findings(diagnosed(arms)) == []


def test_each_camera_is_counted_by_itself(arms):
    first, second, _ = arms["pixel-her"]
    dead = diagnose(with_metrics(first, {"features/actor.pixels.zero_fraction": 1.0}))
    both = [replace(finding, block=block) for finding in dead.findings for block in ("a", "b")]
    one = replace(dead, run=second, findings=both[:1])
    found = found_in_arms({"pixel-her": [replace(dead, findings=both), one]})
    assert [each.arms for each in found] == [
        ("pixel-her 2 of 2 (from the start)",), ("pixel-her 1 of 2 (from the start)",)
    ]  # fmt: skip
    everywhere = replace(dead, run=second)  # in all its cameras
    found = found_in_arms({"pixel-her": [replace(dead, findings=both), everywhere]})
    assert [each.arms for each in found] == [("pixel-her 2 of 2 (from the start)",)] * 2


def test_what_most_seeds_of_an_arm_show_first_is_told_with_its_change(arms):
    dead = {"features/actor.pixels.zero_fraction": 1.0}
    first, second, third = arms["pixel-her"]
    arms["pixel-her"] = [
        with_metrics(first, FAULTS["constant_goal"]),  # an earlier cause, of one seed alone
        with_metrics(second, dead),
        with_metrics(third, dead),
    ]
    arms = {"pixel-her": arms["pixel-her"], "other": arms["pixel-her"][1:]}
    (shared,) = first_findings(diagnosed(arms))
    assert shared.sentence == (
        "The actor's encoder is dead: all of its features are zero, or nearly all. Found in 2 of 3 "
        "seeds of pixel-her and 2 of 2 seeds of other, which is no test. Change: Lower the "
        "learning rate, normalise the features, or let the critic train one encoder."
    )


def test_seeds_that_learn_have_nothing_to_mend_first(arms):
    arms["pixel-her"] = [
        with_metrics(run, {"features/actor.pixels.zero_fraction": 1.0}) for run in arms["pixel-her"]
    ]
    found = diagnosed(arms)
    learns = [replace(one, learning=Learning.YES) for one in found["pixel-her"]]
    assert first_findings({"pixel-her": learns}) == []
    (first,) = first_findings({"pixel-her": [*learns[:2], found["pixel-her"][2]]})
    assert first.seeds == "in 3 of 3 seeds of pixel-her"  # it was found in those that learn, too


def test_an_arm_of_one_seed_and_many_arms_are_told_in_short(arms):
    run = with_metrics(arms["pixel-her"][0], FAULTS["constant_goal"])
    (first,) = first_findings({arm: [diagnose(run)] for arm in "abcde"})
    assert first.seeds == "in the one seed of a, the one seed of b and seeds of 3 more arms"
