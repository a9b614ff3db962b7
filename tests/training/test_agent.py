"""What an arm asks for is what its agent is built of, and what run.json says of it."""

from pathlib import Path

import numpy as np
import pytest
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import NatureCNN
from torch import nn

from goalscope.diagnostics.material.probe_set import ProbeSet, gather_probe_set
from goalscope.diagnostics.provenance import agent_settings
from goalscope.training.agents.extended_sac import ExtendedLeanSAC, ExtendedSAC
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import PIXEL_POINT
from goalscope.training.runs.agent import build_agent, vector_constants
from goalscope.training.runs.arms import find_arm
from goalscope.training.runs.settings import EvaluationSettings, RunSettings


@pytest.fixture(scope="module")
def probe_set() -> ProbeSet:
    observed = EnvironmentSettings(id="PixelPoint-v0", image_size=36, state=True)
    env = make_environment(observed)
    try:
        return gather_probe_set(env, seed=0)
    finally:
        env.close()


@pytest.mark.parametrize(
    ("part", "centred", "scaled"),
    [("goal-std", True, True), ("goal-centred", True, False), ("goal-scaled", False, True)],
)
def test_goals_are_centred_and_scaled_as_the_arm_says(probe_set, part, centred, scaled):
    agent = find_arm(f"pixel-her+{part}").agent
    space = make_environment(EnvironmentSettings(id="PixelPoint-v0")).observation_space
    found = vector_constants(agent, space, probe_set, PIXEL_POINT.negligible)
    assert found.keys() == {"achieved_goal", "desired_goal"}
    assert found["achieved_goal"] == found["desired_goal"]
    goals = np.concatenate([probe_set.observations[key] for key in found])
    mean, spread = found["achieved_goal"]
    np.testing.assert_allclose(mean, goals.mean(axis=0) if centred else 0.0)
    np.testing.assert_allclose(spread, goals.std(axis=0) if scaled else 1.0)


def test_every_vector_is_standardised_and_noise_is_not_blown_up(probe_set):
    agent = find_arm("state-her+vectors-std").agent
    env = make_environment(EnvironmentSettings(id="PixelPoint-v0", image_size=36, state=True))
    found = vector_constants(agent, env.observation_space, probe_set, 1.0)
    assert found.keys() == {"achieved_goal", "desired_goal", "state"}
    spread = probe_set.observations["state"].std(axis=0)
    np.testing.assert_allclose(found["state"][1], np.maximum(spread, 1.0))
    assert (spread < 1.0).any()
    assert (spread > 1.0).any()


@pytest.mark.parametrize(
    "more", ["", "+asymmetric-critic", "+inverse-dynamics+decoupled-encoder+frozen-encoder"]
)
def test_the_plans_trunk_stays_beside_whatever_else_an_arm_changes(more, tmp_path):
    settings = RunSettings(
        f"pixel-her+layernorm{more}", Path("run"), env="PixelPoint-v0", image_size=36
    )
    model = build_agent(settings, None, tmp_path)
    path = model.actor.features_extractor.extractors["pixels"]
    assert [type(layer) for layer in path] == [NatureCNN, nn.LayerNorm, nn.Tanh]
    model.get_env().close()


@pytest.mark.parametrize(("fast", "form"), [(False, ExtendedSAC), (True, ExtendedLeanSAC)])
def test_the_record_says_what_the_arm_adds(probe_set, fast, form, tmp_path):
    settings = RunSettings(
        "pixel-her-recipe~close-camera+action-penalty",
        Path("run"),
        env="PixelPoint-v0",
        image_size=36,
        n_sampled_goal=2,
        hindsight_goals="episode",
        fast=fast,
    )
    model = build_agent(settings, probe_set, tmp_path)
    assert type(model) is form
    said = agent_settings(model)
    expected = {
        "gamma": 0.95,
        "tau": 0.05,
        "learning_rate": 1e-3,
        "entropy_coefficient": 0.01,
        "random_actions": 0.3,
        "target_range": [pytest.approx(-20), 0.0],
        "action_penalty": 1.0,
        "inverse_dynamics": True,
        "n_sampled_goal": 2,
        "goal_selection_strategy": "episode",
        "moved_half": True,
        "policy": "DecoupledPolicy",
        "features_extractor.encoder": "keypoints",
    }
    assert {name: said[f"agent.{name}"] for name in expected} == expected
    model.get_env().close()


def test_the_learning_rate_falls_at_the_end_of_an_annealed_run(tmp_path):
    settings = RunSettings(
        "pixel-her-lr1e3+anneal",
        tmp_path / "run",
        env="PixelPoint-v0",
        image_size=36,
        batch_size=4,
        total_steps=200,
        evaluation=EvaluationSettings(every=0),
    )
    rates = {}
    agent = build_agent(settings)
    watch = SeeRates(rates)
    agent.learn(200, callback=watch)
    agent.get_env().close()
    assert rates[120] == 1e-3
    assert rates[180] == pytest.approx(1e-3 * (0.1 + 0.9 / 2), rel=0.02)
    assert rates[199] == pytest.approx(1e-3 * (0.1 + 0.9 * 0.005 / 0.2), rel=0.02)


class SeeRates(BaseCallback):
    def __init__(self, rates: dict[int, float]) -> None:
        super().__init__()
        self._rates = rates

    def _on_step(self) -> bool:
        optimizer = self.model.critic.optimizer
        self._rates[self.num_timesteps - 1] = optimizer.param_groups[0]["lr"]  # of the last update
        return True


def test_environments_of_two_seeds_share_no_start():
    def goals(seed):
        run = RunSettings(
            arm="pixel-her",
            out=Path(),
            env="PixelPoint-v0",
            image_size=36,
            seed=seed,
            n_envs=3,
            buffer_size=300,
        )
        env = build_agent(run).get_env()
        return {tuple(goal) for goal in env.reset()["desired_goal"].tolist()}

    found = [goals(seed) for seed in (0, 1, 2)]
    assert len(set.union(*found)) == 9
