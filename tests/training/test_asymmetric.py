"""The asymmetric agent: a critic of the simulator's state, an actor of pixels."""

from typing import Any

import pytest
import torch
from helpers.identity import assert_identical
from stable_baselines3 import SAC

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.record import read_run
from goalscope.probes import view_networks
from goalscope.training.agents.asymmetric import AsymmetricPolicy
from goalscope.training.agents.extended_sac import ExtendedLeanSAC, ExtendedSAC
from goalscope.training.agents.lean_sac import LeanSAC
from goalscope.training.envs.settings import EnvironmentSettings

POINT = EnvironmentSettings(id="PixelPoint-v0", image_size=36, state=True)


def make(make_agent: Any, form: type[SAC], **settings: Any) -> SAC:
    return make_agent(
        lambda _, env, **given: form(AsymmetricPolicy, env, **given), POINT, **settings
    )


@pytest.mark.parametrize("form", [SAC, LeanSAC])
def test_the_critic_reads_the_state_and_the_actor_the_pixels(make_agent, form):
    networks = view_networks(make(make_agent, form).policy)
    goals = {"achieved_goal", "desired_goal"}
    assert {block.name for block in networks["actor"].blocks} == goals | {"pixels"}
    for name in ("critic", "critic_target"):
        assert {block.name for block in networks[name].blocks} == goals | {"state"}


@pytest.mark.parametrize("form", [SAC, LeanSAC])
def test_it_trains_is_watched_and_watching_changes_nothing(make_agent, tmp_path, form):
    plain = make(make_agent, form).learn(66)
    callback = ModalityDiagnostics(
        tmp_path / "run", features_every=1, gradients_every=1, sensitivity_every=3
    )
    watched = make(make_agent, form).learn(66, callback=callback)
    assert callback.failures == {}
    assert_identical(watched, plain)
    run = read_run(tmp_path / "run")
    rows = {(row["network"], row["group"]): row for row in run.routing}
    assert rows["actor", "encoder of pixels"]["losses"] == ["actor_loss"]
    assert rows["actor", "encoder of pixels"]["optimizer"] == "actor"
    assert ("critic", "encoder of pixels") not in rows


@pytest.mark.parametrize("form", [ExtendedSAC, ExtendedLeanSAC])
def test_inverse_dynamics_then_train_the_actors_encoder(make_agent, form):
    agent = make(make_agent, form, inverse_dynamics=True).learn(62)
    (group,) = agent.auxiliary["inverse_dynamics"].param_groups
    held = {id(parameter) for parameter in group["params"]}
    encoder = agent.actor.features_extractor.extractors["pixels"]
    assert {id(parameter) for parameter in encoder.parameters()} < held
    assert len(agent.policy.inverse_dynamics.heads) == 1


def test_it_is_loaded_as_it_was_saved(make_agent, tmp_path):
    agent = make(make_agent, SAC).learn(62)
    agent.save(tmp_path / "agent")
    again = SAC.load(tmp_path / "agent", env=agent.get_env())
    torch.testing.assert_close(again.policy.state_dict(), agent.policy.state_dict())
