"""CriticEncoderPolicy: one encoder, trained by the critic's loss, read by the actor."""

from typing import Any

import pytest
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.logger import Logger
from torch import Tensor

from goalscope.diagnostics.record.keys import LOSSES
from goalscope.diagnostics.updates.routing import RoutingWatch
from goalscope.diagnostics.updates.tap import Tap, TrackedUpdate
from goalscope.probes import view_networks
from goalscope.training import NormalizedCombinedExtractor
from goalscope.training.agents.critic_encoder import CriticEncoderPolicy
from goalscope.training.agents.lean_sac import LeanSAC


def make(make_agent: Any, cls: type[SAC], **policy_kwargs: Any) -> SAC:
    policy_kwargs.setdefault("features_extractor_class", NormalizedCombinedExtractor)
    return make_agent(
        lambda _, env, **settings: cls(CriticEncoderPolicy, env, **settings),
        policy_kwargs=policy_kwargs,
    )


@pytest.mark.parametrize("cls", [SAC, LeanSAC])
def test_routing_and_tap_say_that_the_critic_alone_trains_the_encoder(make_agent, cls):
    agent = make(make_agent, cls)
    networks = view_networks(agent.policy)
    assert networks["actor"].extractor is networks["critic"].extractor
    assert networks["critic_target"].extractor is not networks["critic"].extractor
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
        assert encoder["optimizer"] == "critic"
        assert encoder["losses"] == ["critic_loss"]
        assert "encoder of pixels" in encoder["shared_with"]
    assert rows["critic_target", "encoder of pixels"]["optimizer"] is None
    assert rows["critic_target", "encoder of pixels"]["target"].startswith("follows the critic's")
    assert rows["actor", "latent_pi"]["losses"] == ["actor_loss"]
    assert len(seen) == 2
    for update in seen:
        assert update.losses["critic_loss"].encoders.keys() == {"pixels"}
        assert update.losses["critic_loss"].encoders["pixels"].gradient.norm() > 0
        assert update.losses["actor_loss"].encoders == {}
        assert update.encoder_cosine is None
        torch.testing.assert_close(
            update.passes["actor"].raw["pixels"], update.passes["critic"].raw["pixels"]
        )


@pytest.mark.parametrize("cls", [SAC, LeanSAC])
def test_the_encoder_moves_in_the_critics_step_and_stands_in_the_actors(make_agent, cls):
    agent = make(make_agent, cls)
    encoder = list(agent.critic.features_extractor.parameters())
    moved: dict[str, bool] = {}

    def watch(name: str, optimizer: torch.optim.Optimizer) -> None:
        before: list[Tensor] = []

        def start(*_: object) -> None:
            before[:] = [parameter.detach().clone() for parameter in encoder]

        def end(*_: object) -> None:
            moved[name] = not all(map(torch.equal, before, encoder))

        optimizer.register_step_pre_hook(start)
        optimizer.register_step_post_hook(end)

    watch("critic", agent.critic.optimizer)
    watch("actor", agent.actor.optimizer)
    agent.learn(61)
    assert moved == {"critic": True, "actor": False}
    held = {id(p) for group in agent.actor.optimizer.param_groups for p in group["params"]}
    assert not held & {id(parameter) for parameter in encoder}
    heads = {id(p) for n, p in agent.actor.named_parameters() if "features_extractor" not in n}
    assert held == heads


@pytest.mark.parametrize("cls", [SAC, LeanSAC])
def test_it_saves_loads_and_trains_on(make_agent, tmp_path, cls):
    agent = make(make_agent, cls).learn(61)
    agent.save(tmp_path / "agent")
    again = cls.load(tmp_path / "agent", env=agent.get_env())
    assert isinstance(again.policy, CriticEncoderPolicy)
    assert again.actor.features_extractor is again.critic.features_extractor
    torch.testing.assert_close(again.policy.state_dict(), agent.policy.state_dict())
    observation = agent.get_env().reset()
    actions = [a.predict(observation, deterministic=True)[0] for a in (agent, again)]
    torch.testing.assert_close(*actions, rtol=0, atol=0)
    again.replay_buffer = agent.replay_buffer
    again.set_logger(Logger(None, []))
    again.train(1, batch_size=16)
    assert again._n_updates == agent._n_updates + 1


def test_acting_needs_no_graph_and_sharing_is_refused(make_agent):
    agent = make(make_agent, SAC)
    observation, _ = agent.policy.obs_to_tensor(agent.get_env().reset())
    features = agent.actor.extract_features(observation, agent.actor.features_extractor)
    assert not features.requires_grad
    actions = torch.zeros(1, agent.action_space.shape[0])
    agent.critic(observation, actions)[0].sum().backward()
    reached = [p.grad is not None for p in agent.critic.features_extractor.parameters()]
    assert all(reached)
    with pytest.raises(ValueError, match="leave share_features_extractor out"):
        make(make_agent, SAC, share_features_extractor=True)
