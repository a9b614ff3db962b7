"""Arms are lists of named changes, and each trains."""

from dataclasses import fields, replace

import pytest

from goalscope.diagnostics.record import read_run
from goalscope.training.agents.settings import AgentSettings
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.arms import (
    ARMS,
    BASES,
    CHANGES,
    RECIPE,
    UnknownArm,
    find_arm,
    start_of,
)
from goalscope.training.runs.checkpoint.folder import list_checkpoints
from goalscope.training.runs.run import train
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings
from goalscope.training.runs.validation import check

OF_THE_PLAN = {
    "pixel-her": {},
    "pixel-her-drq": {"random_shift": 4},
    "pixel-her-norm": {"trunk": "layernorm-tanh", "cnn_dim": 50, "learning_rate": 1e-4},
    "pixel-her-norm-dim256": {"trunk": "layernorm-tanh", "cnn_dim": 256, "learning_rate": 1e-4},
    "pixel-her-drq-norm": {
        "trunk": "layernorm-tanh",
        "cnn_dim": 50,
        "learning_rate": 1e-4,
        "random_shift": 4,
    },
    "pixel-her-drq-norm-lr3e4": {
        "trunk": "layernorm-tanh",
        "cnn_dim": 50,
        "learning_rate": 3e-4,
        "random_shift": 4,
    },
}
SINGLE_CHANGES = (
    "dim50 layernorm lr1e4 gain goal-std drqv2-trunk scale0 scale0.1 scale3 scale10 proprio stack4 "
    "spatial critic-encoder simnorm close-camera no-marker share drq goal-centred goal-scaled "
    "vectors-std lr1e3 gamma95 tau05 fixed-entropy explore target-clip action-penalty "
    "spatial-sharp keypoints decoupled-encoder inverse-dynamics asymmetric-critic moved-half"
).split()


@pytest.mark.parametrize("name", OF_THE_PLAN)
def test_the_plans_arms_are_what_the_plan_says(name):
    assert find_arm(name).agent == replace(AgentSettings(), **OF_THE_PLAN[name])
    assert find_arm(name).environment(EnvironmentSettings()) == EnvironmentSettings()


def test_every_change_sets_what_there_is():
    known = {f.name for f in (*fields(AgentSettings), *fields(EnvironmentSettings))}
    for name, change in CHANGES.items():
        assert set(change.values) <= known, name
    names = [{f.name for f in fields(cls)} for cls in (AgentSettings, EnvironmentSettings)]
    assert not names[0] & names[1]  # a value goes to one of them


@pytest.mark.parametrize("name", SINGLE_CHANGES)
def test_every_single_change_is_an_arm(name):
    assert ARMS[f"pixel-her-{name}"].values == dict(CHANGES[name].values)


@pytest.mark.parametrize("name", ["encoder-warmup", "frozen-encoder"])
def test_a_change_that_needs_another_is_no_arm_by_itself(name, tmp_path):
    with pytest.raises(UnknownArm):
        find_arm(f"pixel-her-{name}")
    arm = f"pixel-her-decoupled-encoder+inverse-dynamics+{name}"
    check(RunSettings(arm=arm, out=tmp_path / "run", env="FetchPush-v4", image_size=36))


def test_arms_compose():
    composed = find_arm("pixel-her+drq+norm+dim256")
    assert composed.agent == replace(find_arm("pixel-her-norm-dim256").agent, random_shift=4)
    stacked = find_arm("pixel-her-norm+stack4")
    assert stacked.agent == find_arm("pixel-her-norm").agent
    assert stacked.environment(EnvironmentSettings()).frame_stack == 4


def test_changes_are_left_out_and_a_recipe_is_several():
    recipe = find_arm("pixel-her-recipe")
    assert recipe.changes == ("pixel-her", *RECIPE)
    assert find_arm("goal-only+recipe").changes == ("goal-only", *RECIPE)
    without = find_arm("pixel-her-recipe~explore~decoupled-encoder")
    assert set(recipe.changes) - set(without.changes) == {"explore", "decoupled-encoder"}
    assert without.agent == replace(recipe.agent, random_actions=0.0, routing="separate")
    assert find_arm("pixel-her+recipe~recipe").changes == ("pixel-her",)
    assert start_of("goal-only+recipe~explore") == "goal-only"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pixel-hre", "did you mean pixel-her?"),
        ("pixel-her+nrom", "unknown part 'nrom'; did you mean norm?"),
        ("pixel-her+", "unknown part ''"),
        ("pixel-her+state-her", "unknown part 'state-her'"),
        ("pixel-her~explore", "leaves out 'explore', which it does not have"),
        ("pixel-her-recipe~explor", "unknown part 'explor'; did you mean explore?"),
    ],
)
def test_an_unknown_name_is_answered_in_one_line(name, said):
    with pytest.raises(UnknownArm) as caught:
        find_arm(name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ARMS)
def test_no_arm_needs_a_change_that_it_does_not_have(name, tmp_path):
    check(RunSettings(arm=name, out=tmp_path / "run", env="FetchPush-v4", image_size=36))


@pytest.mark.slow
@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", ARMS)
def test_every_arm_trains(name, fast, tmp_path):
    settings = RunSettings(
        arm=name,
        out=tmp_path / "run",
        total_steps=300,
        learning_starts=100,
        batch_size=16,
        env="FetchPush-v4",
        image_size=36,
        every=Cadence(sensitivity=50),
        evaluation=EvaluationSettings(every=300, episodes=1),
        fast=fast,
        threads=1,
    )
    run = read_run(train(settings))
    assert run.end is not None
    assert run.end.update == 200
    assert not run.failures
    assert not run.nonfinite()
    assert [checkpoint.step for checkpoint in list_checkpoints(run.folder)] == [0, 300]


def test_bases_are_arms():
    assert set(BASES) <= set(ARMS)
