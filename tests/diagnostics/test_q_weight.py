"""What the actor's loss asks of Q, as the tap sees it, against autograd's own account."""

import pytest
import torch
from helpers.pupils import LAST, agent_of, said
from sb3_contrib import TQC
from stable_baselines3 import DDPG, SAC, TD3

from benchmarks.planted_faults.spoils.seventh_round_agent_faults import actor_of_stored_actions
from benchmarks.planted_faults.spoils.sixth_round_agent_faults import CustomSAC, value_descended
from goalscope.diagnostics.updates.lesson import Lessons
from goalscope.probes import view_networks
from goalscope.training.agents.lean_sac import LeanSAC

ROWS, ACTIONS = 4, 2


def q_weights(agent):
    return said(agent, "actor.q_weight")


@pytest.mark.parametrize(
    "settings",
    [
        {"cls": SAC},
        {"cls": LeanSAC},
        {"cls": SAC, "policy_kwargs": {"share_features_extractor": True}},
        {"cls": LeanSAC, "policy_kwargs": {"share_features_extractor": True}},
        {"cls": SAC, "policy_kwargs": {"n_critics": 3}},
        {"cls": SAC, "ent_coef": 5.0},
        {"cls": SAC, "use_sde": True},
        {"cls": TD3},
        {"cls": TD3, "policy_kwargs": {"share_features_extractor": True}},
        {"cls": DDPG},
    ],
)
def test_a_healthy_actor_raises_q(settings):
    found = q_weights(agent_of(**settings))
    assert len(found) == ((LAST - 5) // 2 if settings["cls"] is TD3 else LAST - 5)
    assert found == pytest.approx([1.0] * len(found), abs=1e-6)


@pytest.mark.parametrize("cls", [SAC, LeanSAC, TD3, DDPG])
def test_it_is_the_gradient_that_autograd_leaves_at_the_answers(cls):
    agent, kept = agent_of(cls), []
    name = "forward" if cls in (SAC, LeanSAC) else "q1_forward"
    ask = getattr(agent.critic, name)

    def asked(observations, actions):
        values = ask(observations, actions)
        if actions.requires_grad:
            kept.append(values if isinstance(values, tuple) else (values,))
            for column in kept[-1]:
                column.retain_grad()
        return values

    setattr(agent.critic, name, asked)
    last = q_weights(agent)[-1]
    by_hand = [torch.cat([column.grad for column in columns], dim=1) for columns in kept]
    rows = by_hand[-1].sum(dim=1) * len(by_hand[-1])
    assert torch.allclose(rows, -torch.ones(len(rows)))
    assert last == pytest.approx(-float(rows.mean()), abs=1e-6)


class Weighing(CustomSAC):
    """Keeps what autograd says of its actor's loss, at a leaf in the place of the values."""

    def _actor_loss(self, entropy, values):
        leaf = values.detach().requires_grad_()
        loss = self.loss(entropy.detach(), leaf)
        (gradient,) = torch.autograd.grad(loss, leaf)
        self.expected = [*getattr(self, "expected", []), -float(gradient.sum())]
        return self.loss(entropy, values)


def behaviour_cloned(_, entropy, values):
    return (entropy - 2.5 * values / values.abs().mean().detach()).mean()


def of_half_the_rows(_, entropy, values):
    return entropy.mean() - values[::2].sum() / len(values)


def summed(_, entropy, values):
    return 1e-3 * (entropy + values).sum()


def one_row_turned(_, entropy, values):
    signs = torch.ones_like(values)
    signs[0] = -1
    return (entropy - signs * values).mean()


@pytest.mark.parametrize("loss", [behaviour_cloned, of_half_the_rows, summed, one_row_turned])
def test_a_loss_of_another_scale_keeps_its_sign(loss):
    agent = agent_of(type("Other", (Weighing,), {"loss": loss}))
    found = q_weights(agent)
    assert len(found) == LAST - 5
    assert found == pytest.approx(agent.expected[5:LAST], rel=1e-4)
    assert all((weight < 0) == (loss is summed) for weight in found)


class Averaging(CustomSAC):
    """Takes the mean of its critics."""

    def _value(self, estimates):
        return torch.cat(estimates, dim=1).mean(dim=1, keepdim=True)


class Deaf(CustomSAC):
    """Detaches Q in the actor's loss."""

    def _actor_loss(self, entropy, values):
        return (entropy - values.detach()).mean()


@pytest.mark.parametrize(("cls", "weight"), [(CustomSAC, 1), (Averaging, 1), (Deaf, 0)])
def test_another_way_of_reading_the_critics(cls, weight):
    found = q_weights(agent_of(cls))
    assert found == pytest.approx([weight] * (LAST - 5), abs=1e-6)


def test_a_turned_sign_is_seen():
    agent = agent_of(SAC)
    value_descended(agent)
    assert q_weights(agent) == pytest.approx([-1.0] * (LAST - 5), abs=1e-6)


def test_a_turned_sign_of_td3_is_seen():
    agent = agent_of(TD3)
    ask = agent.critic.q1_forward
    agent.critic.q1_forward = lambda *args: -ask(*args)
    assert set(q_weights(agent)) == {-1.0}


def test_of_critics_that_answer_with_quantiles_nothing_is_told():
    assert q_weights(agent_of(TQC)) == []


class Listening:
    """Critics of an agent that has not begun, listened to, and actions that carry a gradient."""

    def __init__(self):
        agent = agent_of(TD3)
        self.critic = agent.critic
        self.lessons = Lessons(view_networks(agent.policy), lambda: True)
        space = agent.observation_space
        self.seen = {key: torch.zeros(ROWS, *space[key].shape) for key in space.spaces}
        self.actions = torch.zeros(ROWS, ACTIONS, requires_grad=True)


def test_by_hand():
    one = Listening()
    first, second = one.critic(one.seen, one.actions)
    weights = torch.tensor([[0.5], [-0.25], [0.0], [2.0]])
    (weights * first - 3 * second).sum().backward()
    assert float(one.lessons.q_weight(alone=True)) == -(0.5 - 0.25 + 2.0 - 3 * ROWS)
    one.lessons.clear()
    (4 * one.critic.q1_forward(one.seen, one.actions)).sum().backward()
    assert float(one.lessons.q_weight(alone=True)) == -4 * ROWS


def test_answers_that_no_loss_reads_weigh_nothing():
    one = Listening()
    first, _ = one.critic(one.seen, one.actions)
    assert float(one.lessons.q_weight(alone=True)) == 0
    first.mean().backward()  # of one critic alone
    assert float(one.lessons.q_weight(alone=True)) == -1


@pytest.mark.parametrize("times", [0, 2])
def test_critics_that_are_not_asked_once_tell_nothing(times):
    one = Listening()
    for _ in range(times):
        one.critic(one.seen, one.actions)[0].mean().backward()
    assert one.lessons.q_weight(alone=True) is None


def test_actions_of_replay_are_no_actors():
    one = Listening()
    one.critic(one.seen, one.actions.detach())[0].mean().backward()
    one.critic.q1_forward(one.seen, one.actions.detach()).mean().backward()
    with torch.no_grad():
        one.critic(one.seen, one.actions)
    assert one.lessons.q_weight(alone=False) is None  # the critics' own loss may have asked so
    assert float(one.lessons.q_weight(alone=True)) == 0


def test_answers_that_taught_nobody_are_no_loss():
    one = Listening()
    one.critic(one.seen, one.actions.detach())[0].detach().mean()
    assert one.lessons.q_weight(alone=True) is None


def test_an_actor_that_hears_what_stored_actions_are_worth_is_seen():
    agent = agent_of(SAC)
    actor_of_stored_actions(agent)
    assert q_weights(agent) == [0.0] * (LAST - 5)


def test_nothing_is_kept_of_what_nobody_listens_to():
    one = Listening()
    one.lessons.detach()
    one.critic(one.seen, one.actions)[0].mean().backward()
    one.critic.q1_forward(one.seen, one.actions).mean().backward()
    assert one.lessons.q_weight(alone=True) is None
