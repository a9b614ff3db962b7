"""Updates replayed as graphs, as far as that can be tried on a CPU: what they may not overlook."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.torch_layers import CombinedExtractor
from torch import Tensor, nn

from goalscope.training.agents import cuda_graphs
from goalscope.training.agents.critic_encoder import CriticEncoderPolicy, DecoupledPolicy
from goalscope.training.agents.extended_sac import ExtendedLeanSAC
from goalscope.training.agents.lean_sac import LeanSAC
from tests.helpers.recorded_graphs import replay_on_cpu

UPDATES = 6  # of which the first three are made in the open


@pytest.fixture(autouse=True)
def graphs(monkeypatch):
    replay_on_cpu(monkeypatch)


class Masked(CombinedExtractor):
    """Drops features at random, of which a graph draws others each time."""

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return nn.functional.dropout(super().forward(observations), 0.2, self.training)


class Scaled(CombinedExtractor):
    """Draws in numpy, which no graph does again."""

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return super().forward(observations) * (0.5 + np.random.random())  # noqa: NPY002


def of(cls: type[LeanSAC], policy: Any) -> Any:
    """Return the class with another policy, for `make_agent`."""
    return lambda _, env, **settings: cls(policy, env, **settings)


def update(agent: LeanSAC, count: int = UPDATES) -> LeanSAC:
    for _ in range(count):
        agent.train(1, batch_size=32)
    return agent


@pytest.fixture
def assert_same(make_agent, monkeypatch):
    """Return a check that replayed updates learn to the last bit what open ones learn."""

    def trained(meddle: Callable[[LeanSAC], None], cls: Any, **settings: Any) -> LeanSAC:
        agent = make_agent(cls, **settings).learn(59)
        torch.manual_seed(1)
        np.random.seed(1)  # noqa: NPY002 - SB3's buffers draw from it
        meddle(update(agent))
        return update(agent)

    def check(meddle: Callable[[LeanSAC], None], cls: Any = LeanSAC, **settings: Any) -> LeanSAC:
        replayed = trained(meddle, cls, **settings)
        with monkeypatch.context() as patch:
            patch.setattr(cuda_graphs, "anyone_listens", lambda: True)
            openly = trained(meddle, cls, **settings)
        assert not openly._update._captured
        alike = {"rtol": 0, "atol": 0}
        torch.testing.assert_close(
            openly.policy.state_dict(), replayed.policy.state_dict(), **alike
        )
        return replayed

    return check


AGENTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "separate": (LeanSAC, {}),
    "critic's encoder, dropout": (
        of(LeanSAC, CriticEncoderPolicy),
        {"policy_kwargs": {"features_extractor_class": Masked}},
    ),
    "decoupled": (
        of(ExtendedLeanSAC, DecoupledPolicy),
        {"inverse_dynamics": True, "target_range": (-20.0, 0.0), "ent_coef": 0.01},
    ),
}


@pytest.mark.parametrize("case", AGENTS)
def test_replayed_updates_are_open_ones(assert_same, case):
    cls, settings = AGENTS[case]
    assert assert_same(lambda _: None, cls, **settings)._update._captured


def anneal(agent: LeanSAC) -> None:
    agent.lr_schedule = lambda _: 1e-2


def discount(agent: LeanSAC) -> None:
    agent.gamma = 0.5


def halve_as_vector(agent: LeanSAC) -> None:
    agent.policy.load_from_vector(agent.policy.parameters_to_vector() / 2)


def halve_as_parameters(agent: LeanSAC) -> None:
    parameters = copy.deepcopy(agent.get_parameters())
    for value in parameters["policy"].values():
        value /= 2
    agent.set_parameters(parameters)


def move_gradients(agent: LeanSAC) -> None:
    """Do to gradients what a policy does that is moved from its device and back."""
    for parameter in agent.policy.parameters():
        if parameter.grad is not None:
            parameter.grad.data = parameter.grad.data.clone()


def freeze(agent: LeanSAC) -> None:
    agent.actor.mu.requires_grad_(False)


def begin_head_anew(agent: LeanSAC) -> None:
    torch.manual_seed(2)
    agent.actor.mu = nn.Linear(16, agent.action_space.shape[0])
    agent.actor.optimizer = torch.optim.Adam(agent.actor.parameters())


@pytest.mark.parametrize(
    "meddle",
    [
        anneal,
        discount,
        halve_as_vector,
        halve_as_parameters,
        move_gradients,
        freeze,
        begin_head_anew,
    ],
)
def test_what_is_changed_between_updates_counts(assert_same, meddle):
    assert_same(meddle)


def test_what_is_drawn_on_the_cpu_is_drawn_anew_in_every_update(assert_same, caplog):
    settings = {"policy_kwargs": {"features_extractor_class": Scaled}}
    assert not assert_same(lambda _: None, **settings)._update._captured
    assert "they draw random numbers on the CPU" in caplog.text


def test_batches_of_another_size_are_made_in_the_open(assert_same):
    assert_same(lambda agent: agent.train(2, batch_size=16))


def test_an_agent_with_graphs_is_copied_and_saved(make_agent, tmp_path):
    agent = update(make_agent(LeanSAC).learn(59))
    assert agent._update._captured
    before = copy.deepcopy(agent.policy.state_dict())
    other = copy.deepcopy(agent)
    other.replay_buffer.set_env(agent.env)  # which SB3 does not copy
    assert not other._update._captured
    update(other)
    assert other._update._captured
    torch.testing.assert_close(agent.policy.state_dict(), before, rtol=0, atol=0)
    assert any((a != b).any() for a, b in zip(before.values(), weights(other), strict=True))
    agent.save(tmp_path / "agent")
    LeanSAC.load(tmp_path / "agent", env=agent.env)


def weights(agent: LeanSAC) -> list[Tensor]:
    return list(agent.policy.state_dict().values())
