"""What arms add to SAC, in SB3's form and in the lean one."""

from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.logger import Logger
from torch import Tensor

from goalscope.diagnostics.record.keys import LOSSES
from goalscope.diagnostics.updates.routing import RoutingWatch
from goalscope.diagnostics.updates.tap import Tap, TrackedUpdate
from goalscope.probes import view_networks
from goalscope.training.agents.critic_encoder import CriticEncoderPolicy, DecoupledPolicy
from goalscope.training.agents.extended_sac import ExtendedLeanSAC, ExtendedSAC
from goalscope.training.agents.lean_sac import LeanSAC
from goalscope.training.envs.settings import EnvironmentSettings

FORMS = [ExtendedSAC, ExtendedLeanSAC]


def updated(agent: SAC, updates: int = 3) -> SAC:
    """Return the agent after updates from one fixed state of the generators."""
    agent.learn(59)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - SB3's buffers draw from it
    agent.train(updates, batch_size=8)
    return agent


def weights(agent: SAC) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in agent.policy.state_dict().items()}


@pytest.mark.parametrize(("form", "plain"), [(ExtendedSAC, SAC), (ExtendedLeanSAC, LeanSAC)])
def test_without_additions_it_is_what_it_extends(make_agent, form, plain):
    agents = [make_agent(cls).learn(64) for cls in (form, plain)]
    torch.testing.assert_close(*map(weights, agents), rtol=0, atol=0)


@pytest.mark.parametrize("form", FORMS)
def test_a_fraction_of_training_actions_is_uniform_and_seeded(make_agent, form):
    agent = make_agent(form, random_actions=0.3)
    agent._last_obs = agent.get_env().reset()
    agent.predict = lambda obs, deterministic: (np.full((1, 2), 0.125, np.float32), None)
    agent.num_timesteps = agent.learning_starts
    drawn = [agent._sample_action(agent.learning_starts) for _ in range(2000)]
    actions, stored = (np.concatenate(part) for part in zip(*drawn, strict=True))
    np.testing.assert_allclose(actions, stored, atol=1e-6)  # of a space from -1 to 1
    random = (actions != 0.125).any(axis=1)
    assert 0.26 < random.mean() < 0.34
    assert actions[random].min() < -0.97
    assert actions[random].max() > 0.97
    assert abs(actions[random].mean()) < 0.05
    again = make_agent(form, random_actions=0.3)
    again._last_obs, again.predict = agent._last_obs, agent.predict
    again.num_timesteps = again.learning_starts
    np.testing.assert_array_equal(
        np.concatenate([again._sample_action(60)[0] for _ in range(2000)]), actions
    )


@pytest.mark.parametrize("form", FORMS)
def test_targets_bootstrap_from_possible_values_alone(make_agent, form):
    agent = make_agent(form, target_range=(-0.01, 0.0), ent_coef=1e-9)
    targets: list[Tensor] = []
    agent.critic_target.register_forward_hook(lambda _, __, values: targets.extend(values))
    updated(agent)
    assert len(targets) == 2 * 3
    for values in targets:
        assert -0.01 <= values.min()
        assert values.max() <= 0
    shown = view_networks(agent.policy)["critic_target"]  # so instruments see what trains
    observation, _ = agent.policy.obs_to_tensor(agent.get_env().reset())
    with torch.no_grad():
        values = shown.q_values(shown.fused_features(observation), torch.zeros(1, 2))
    assert -0.01 <= float(values) <= 0


@pytest.mark.parametrize("form", FORMS)
def test_large_actions_cost_the_actor_and_nobody_else(make_agent, form):
    agent = make_agent(form, action_penalty=3.0)
    observation, _ = agent.policy.obs_to_tensor(agent.get_env().reset())
    actions = torch.tensor([[0.5, -1.0]])
    recorded = agent.critic(observation, actions)
    carried = actions.clone().requires_grad_()
    judged = agent.critic(observation, carried)
    for one, other in zip(recorded, judged, strict=True):
        assert float(one.detach() - other.detach()) == pytest.approx(3.0 * (0.25 + 1.0) / 2)
    sizes = []
    for weight in (-30.0, 30.0):  # a reward, and a cost
        agent = make_agent(form, action_penalty=weight, learning_rate=3e-3)
        with torch.no_grad():
            agent.actor.mu.bias.fill_(0.5)
        batch = updated(agent, 30).replay_buffer.sample(64)
        with torch.no_grad():
            mean_actions = agent.actor(batch.observations, deterministic=True)
        sizes.append(float(mean_actions.square().mean()))
    assert sizes[1] < sizes[0] / 2


def of(form: type[SAC], policy: type[CriticEncoderPolicy] = CriticEncoderPolicy) -> Any:
    return lambda _, env, **settings: form(policy, env, **settings)


@pytest.mark.parametrize("form", FORMS)
def test_inverse_dynamics_train_the_encoder_in_steps_of_their_own(make_agent, form):
    agent = make_agent(of(form), inverse_dynamics=True)
    networks = view_networks(agent.policy)
    seen: list[TrackedUpdate] = []
    failures: list[Exception] = []
    routing = RoutingWatch(agent, networks, failures.append)
    tap = Tap(networks, 0, lambda _: LOSSES, lambda: None, seen.append, failures.append)
    agent.learn(62)
    tap.detach()
    routing.detach()
    assert not failures
    assert routing.seen()
    rows = {(row["network"], row["group"]): row for row in routing.rows()}
    for network in ("actor", "critic"):
        encoder = rows[network, "encoder of pixels"]
        assert encoder["optimizer"] == "critic, inverse_dynamics"
        assert encoder["losses"] == ["critic_loss", "inverse_dynamics_loss"]
    assert rows["actor", "latent_pi"]["losses"] == ["actor_loss"]
    head = rows["inverse_dynamics", "head"]
    assert (head["optimizer"], head["losses"]) == ("inverse_dynamics", ["inverse_dynamics_loss"])
    assert len(seen) == 2
    # The tap's critic loss is that loss alone: the same update without the addition shows the same.
    gradients = []
    for additions in ({}, {"inverse_dynamics": True}):
        agent = make_agent(of(form), **additions)
        seen.clear()
        networks = view_networks(agent.policy)
        tap = Tap(networks, 0, lambda _: LOSSES, lambda: None, seen.append, failures.append)
        updated(agent, 1)
        tap.detach()
        gradients.append(seen[0].losses["critic_loss"].encoders["pixels"].gradient)
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


@pytest.mark.parametrize("form", FORMS)
def test_a_decoupled_encoder_learns_from_inverse_dynamics_alone(make_agent, form):
    alone = make_agent(of(form, DecoupledPolicy)).learn(59)
    before = weights(alone)
    alone.learn(70, reset_num_timesteps=False)
    for name, value in weights(alone).items():
        if "features_extractor" in name:  # the target's is rounded as it follows
            torch.testing.assert_close(value, before[name], rtol=1e-5, atol=1e-7)
        elif name.startswith("critic."):
            assert not torch.equal(value, before[name]), name
    agent = make_agent(of(form, DecoupledPolicy), inverse_dynamics=True)
    networks = view_networks(agent.policy)
    seen: list[TrackedUpdate] = []
    failures: list[Exception] = []
    routing = RoutingWatch(agent, networks, failures.append)
    tap = Tap(networks, 0, lambda _: LOSSES, lambda: None, seen.append, failures.append)
    agent.learn(62)
    tap.detach()
    routing.detach()
    assert not failures
    rows = {(row["network"], row["group"]): row for row in routing.rows()}
    for network in ("actor", "critic"):
        encoder = rows[network, "encoder of pixels"]
        assert encoder["optimizer"] == "inverse_dynamics"
        assert encoder["losses"] == ["inverse_dynamics_loss"]
    assert rows["critic_target", "encoder of pixels"]["target"].startswith("follows the critic's")
    assert len(seen) == 2
    for update in seen:
        assert all(not loss.encoders for loss in update.losses.values())


@pytest.mark.parametrize("routing", ["critic", "separate"])
@pytest.mark.parametrize("form", FORMS)
def test_inverse_dynamics_learn_to_tell_the_action(make_agent, form, routing):
    cls = of(form) if routing == "critic" else form
    agent = make_agent(cls, inverse_dynamics=True, learning_rate=1e-3).learn(64)
    inverse = agent.policy.inverse_dynamics
    assert len(inverse.heads) == {"critic": 1, "separate": 2}[routing]
    batch = agent.replay_buffer.sample(128)
    before = float(inverse.loss(batch).detach())
    for _ in range(150):
        for optimizer, _ in inverse.passes(agent.replay_buffer.sample(32)):
            optimizer.step()
    assert float(inverse.loss(batch).detach()) < 0.7 * before
    assert agent.logger.name_to_value["train/inverse_dynamics_loss"] > 0


@pytest.mark.parametrize("form", FORMS)
def test_the_encoder_warms_up_once_before_the_first_update(make_agent, form):
    """The first update is that of a fresh agent whose encoder alone took those steps."""
    agent = make_agent(of(form, DecoupledPolicy), inverse_dynamics=True, encoder_warmup=40)
    fresh = weights(agent)
    seen: list[dict[str, Tensor]] = []
    steps: list[None] = []
    agent.critic.optimizer.register_step_pre_hook(lambda *_: seen.append(weights(agent)))
    inverse = agent.policy.inverse_dynamics
    inverse.optimizer.register_step_pre_hook(lambda *_: steps.append(None))
    agent.learn(59)
    agent.train(1, batch_size=8)
    warm = seen[0]
    moved = {name for name, value in warm.items() if not torch.equal(value, fresh[name])}
    assert any("inverse_dynamics" in name for name in moved)
    assert any("critic.features_extractor" in name for name in moved)
    assert all("features_extractor" in name or "inverse_dynamics" in name for name in moved)
    for name, value in warm.items():
        if name.startswith("critic_target."):
            assert torch.equal(value, warm[name.replace("critic_target.", "critic.")]), name
    assert len(steps) == 41
    agent.train(2, batch_size=8)
    assert len(steps) == 43


def test_inverse_dynamics_need_an_image(make_agent):
    blind = EnvironmentSettings(id="PixelPoint-v0", pixels=False)
    with pytest.raises(ValueError, match="there is none"):
        make_agent(ExtendedSAC, blind, inverse_dynamics=True)


@pytest.mark.parametrize("form", FORMS)
def test_it_saves_loads_and_trains_on(make_agent, tmp_path, form):
    additions = {
        "random_actions": 0.3,
        "target_range": [-20.0, 0.0],  # as JSON has it
        "action_penalty": 1.0,
        "inverse_dynamics": True,
    }
    agent = make_agent(of(form), **additions).learn(64)
    agent.save(tmp_path / "agent")
    agent.save_replay_buffer(tmp_path / "replay")
    again = form.load(tmp_path / "agent", env=agent.get_env())
    again.load_replay_buffer(tmp_path / "replay", truncate_last_traj=False)
    again.set_logger(Logger(None, []))
    for one in (agent, again):
        torch.manual_seed(1)
        np.random.seed(1)  # noqa: NPY002
        one.train(3, batch_size=8)
    torch.testing.assert_close(weights(again), weights(agent), rtol=0, atol=0)
    assert {name: getattr(again, name) for name in additions} == additions
