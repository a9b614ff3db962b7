"""Arms that a page advises are arms that `goalscope train` takes, and change one thing more."""

from dataclasses import replace

import pytest
from helpers.synthetic_runs import BASELINE, write_run

from goalscope.reports.checks.table import CHECKS
from goalscope.reports.numbers.changes import changes_of, with_change
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.rivals.next_steps import CLAIM
from goalscope.reports.rivals.rivals import RIVALS
from goalscope.training.envs.tasks import PIXEL_POINT
from goalscope.training.runs.arms import ARMS, find_arm
from goalscope.training.runs.settings import RunSettings, SettingsError
from goalscope.training.runs.validation import check

ADVISED = {arm for check in CHECKS for arm in check.arms} | {
    rival.change for rival in (*RIVALS, CLAIM)
}
CHANGES = sorted(ADVISED - set(ARMS) - {""})


@pytest.mark.parametrize(
    "arm", ["pixel-her", "pixel-her-goal-std", "pixel-her-goal-std+explore", "goal-only"]
)
@pytest.mark.parametrize("change", CHANGES)
def test_an_arm_that_is_advised_is_one_that_can_be_trained(tmp_path, arm, change):
    runs = [load_run(write_run(tmp_path / "a", arm))]
    made = changes_of(runs)
    advised = with_change(runs, change)
    if change in made:
        assert advised == ""
    else:
        assert find_arm(advised).changes == (*made, change)


def test_nothing_is_advised_that_the_recipe_makes(tmp_path):
    made = {"arm.changes": list(find_arm("pixel-her-recipe").changes)}
    kind = replace(BASELINE, settings=made)
    runs = [load_run(write_run(tmp_path / "a", "pixel-her-recipe", kind=kind))]
    assert with_change(runs, "explore") == ""
    assert with_change(runs, "layernorm") == "pixel-her-recipe+layernorm"


@pytest.mark.parametrize("arm", ["pixel-her-recipe~explore", "pixel-her-recipe~explore+layernorm"])
def test_a_change_that_was_left_out_comes_back_in_its_place(tmp_path, arm):
    made = {"arm.changes": list(find_arm(arm).changes)}
    kind = replace(BASELINE, settings=made)
    runs = [load_run(write_run(tmp_path / "a", arm, kind=kind))]
    assert with_change(runs, "explore") == arm.replace("~explore", "")


@pytest.mark.parametrize(
    ("arm", "change"),
    [
        ("pixel-her-vectors-std", "goal-std"),
        ("pixel-her-norm", "layernorm"),
        ("pixel-her+inverse-dynamics+decoupled-encoder+frozen-encoder", "critic-encoder"),
    ],
)
def test_what_another_change_does_is_not_advised(tmp_path, arm, change):
    made = {"arm.changes": list(find_arm(arm).changes)}
    run = load_run(write_run(tmp_path / "a", arm, kind=replace(BASELINE, settings=made)))
    assert with_change([run], change) == ""


@pytest.mark.parametrize("algorithm", ["sac", "tqc", "td3", "ppo"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_the_algorithm_has_no_place_for_is_not_advised(tmp_path, algorithm, change):
    settings = {"arm.changes": ["plain" if algorithm == "ppo" else "pixel-her"]}
    settings["run.algorithm"] = algorithm
    base = settings["arm.changes"][0]
    run = load_run(write_run(tmp_path / "a", base, kind=replace(BASELINE, settings=settings)))
    advised = with_change([run], change)
    asked = RunSettings(
        advised or f"{base}+{change}", tmp_path / "run", env=PIXEL_POINT.name, algorithm=algorithm
    )
    if advised:
        check(asked)
    else:
        with pytest.raises(SettingsError, match=r"alone; leave it out|needs hindsight"):
            check(asked)


def test_an_arm_of_ones_own_has_no_changes_to_add_to(tmp_path):
    run = load_run(write_run(tmp_path / "a", None))
    assert with_change([run], "explore") == ""
