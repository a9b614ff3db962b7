"""A run's settings: what an arm decides, what is given beside it, and the way back from a file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from goalscope.training.runs.arms import ARMS
from goalscope.training.runs.configuration import completed, configuration_of, settings_of
from goalscope.training.runs.settings import (
    Cadence,
    RunSettings,
    StudySettings,
)


def test_what_is_given_beside_the_arm_wins_over_it():
    own = RunSettings("pixel-her-norm", Path("a"))
    assert (own.agent.learning_rate, own.agent.cnn_dim) == (1e-4, 50)
    given = replace(own, lr=2e-4, cnn_dim=64)
    assert given.agent == replace(own.agent, learning_rate=2e-4, cnn_dim=64)


def test_an_arm_holds_how_it_learns_unless_it_is_given():
    own = RunSettings("pixel-her-recipe", Path("a"))
    assert (own.agent.gamma, own.agent.tau, own.agent.batch_size) == (0.95, 0.05, 256)
    assert own.entropy_coefficient == 0.01
    given = replace(own, gamma=0.9, ent_coef="auto_0.1", n_sampled_goal=8, hindsight_goals="final")
    assert given.entropy_coefficient == "auto_0.1"
    assert given.agent == replace(
        own.agent, gamma=0.9, ent_coef="auto_0.1", n_sampled_goal=8, hindsight_goals="final"
    )


def test_the_arm_wins_over_what_is_observed():
    settings = RunSettings("reach-pixel", Path("a"), env="FetchPush-v4", image_size=48)
    assert settings.environment.id == "FetchReach-v4"
    assert settings.environment.image_size == 48
    assert not settings.environment.goals


def test_a_study_hands_its_settings_to_each_run():
    study = StudySettings(env="FetchReach-v4", lr=1e-3, every=Cadence(7, 8, 9), n_envs=4)
    run = study.of_run("pixel-her", Path("a"), 3)
    assert (run.arm, run.out, run.seed) == ("pixel-her", Path("a"), 3)
    assert (run.env, run.lr, run.every, run.n_envs) == ("FetchReach-v4", 1e-3, Cadence(7, 8, 9), 4)


@pytest.mark.parametrize("arm", ARMS)
def test_the_configuration_of_a_checkpoint_leads_back_to_its_settings(arm):
    settings = RunSettings(
        arm, Path("run"), seed=5, env="FetchReach-v4", image_size=36, lr=2e-4, net_arch=(8, 4)
    )
    saved = json.loads(json.dumps(configuration_of(settings)))
    again = settings_of(saved, Path("run"))
    assert again.agent == settings.agent
    assert again.environment == settings.environment
    assert json.loads(json.dumps(configuration_of(again))) == saved


def test_an_arm_defined_anew_is_not_taken_for_the_one_that_was_saved():
    saved = configuration_of(RunSettings("pixel-her-norm", Path("run")))
    saved["agent.trunk"] = "simnorm"
    with pytest.raises(
        ValueError, match=r"agent.trunk of pixel-her-norm was simnorm, is layernorm"
    ):
        settings_of(saved, Path("run"))


def test_a_setting_that_came_after_a_checkpoint_was_saved_did_nothing_then():
    settings = RunSettings("pixel-her-recipe", Path("run"))
    saved = configuration_of(settings)
    del saved["agent.encoder_warmup"]
    assert settings_of(saved, Path("run")).agent == settings.agent
    assert completed(saved) == configuration_of(settings)
