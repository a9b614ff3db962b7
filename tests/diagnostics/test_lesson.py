"""What the critics are taught, as the tap sees it, against the target worked out by hand."""

import copy

import numpy as np
import pytest
import torch
from helpers.pupils import LAST, agent_of, said, taught
from helpers.transition_runs import context_of, trained
from stable_baselines3 import DDPG, SAC, TD3, HerReplayBuffer

from benchmarks.planted_faults.spoils.lesson_faults import Larger
from goalscope.diagnostics.instruments.transitions import TransitionInstrument
from goalscope.diagnostics.updates.lesson import Lessons
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.watch import Diagnostics
from goalscope.probes import squashed_log_density, taught_targets, view_networks
from goalscope.training.agents.lean_sac import LeanSAC


def target_by_hand(agent, batch, generator):
    """Return SB3's target, loop by loop over rows, of an agent as it was before the update."""
    torch.set_rng_state(generator)
    with torch.no_grad():
        if isinstance(agent, SAC):
            agent.actor.action_log_prob(batch.observations)  # what SB3 draws first
            actions, densities = agent.actor.action_log_prob(batch.next_observations)
            alpha = float(agent.log_ent_coef.exp())
        else:
            noise = batch.actions.clone().normal_(0, agent.target_policy_noise)
            noise = noise.clamp(-agent.target_noise_clip, agent.target_noise_clip)
            actions = (agent.actor_target(batch.next_observations) + noise).clamp(-1, 1)
            densities, alpha = torch.zeros(len(actions)), 0.0
        answers = agent.critic_target(batch.next_observations, actions)
    found = []
    for row in range(len(actions)):
        least = min(float(answer[row]) for answer in answers)
        following = agent.gamma * (least - alpha * float(densities[row]))
        found.append(float(batch.rewards[row]) + (1 - float(batch.dones[row])) * following)
    return torch.tensor(found).double(), actions, densities


@pytest.mark.parametrize("cls", [SAC, LeanSAC, TD3])
def test_targets_are_those_worked_out_by_hand(cls):
    agent, twin = agent_of(cls), agent_of(SAC if cls is LeanSAC else cls, seed=1)
    kept = {}
    sample = agent.replay_buffer.sample

    def keep(*args, **kwargs):
        batch = sample(*args, **kwargs)
        weights = {k: v.clone() for k, v in agent.policy.state_dict().items()}
        kept.update(batch=batch, weights=weights, generator=torch.get_rng_state())
        if cls is not TD3:
            kept["alpha"] = agent.log_ent_coef.detach().clone()
        return batch

    agent.replay_buffer.sample = keep
    lesson = taught(agent).seen[-1].lesson
    twin.policy.load_state_dict(kept["weights"])
    if cls is not TD3:
        twin.log_ent_coef.data.copy_(kept["alpha"])
    batch = kept["batch"]
    targets, actions, densities = target_by_hand(twin, batch, kept["generator"])
    with torch.no_grad():
        answers = torch.cat(twin.critic(batch.observations, batch.actions), dim=1)
    assert torch.allclose(lesson.values, answers, atol=1e-5)
    assert torch.allclose(lesson.next_actions, actions, atol=1e-5)
    assert torch.allclose(taught_targets(lesson.values, lesson.gradients), targets, atol=1e-4)
    if cls is not TD3:
        found = squashed_log_density(*lesson.policy, lesson.next_actions)
        told = found.isfinite()
        assert told.sum() > 24
        assert torch.allclose(found[told], densities.double()[told], atol=1e-2)


@pytest.mark.parametrize(
    "settings",
    [
        {"cls": SAC},
        {"cls": LeanSAC},
        {"cls": TD3},
        {"cls": SAC, "normalise": True},
        {"cls": SAC, "ent_coef": 5.0},
        {"cls": SAC, "gamma": 1.0},
        {"cls": SAC, "buffer": HerReplayBuffer},
        {"cls": SAC, "policy_kwargs": {"share_features_extractor": True}},
    ],
)
def test_a_reward_explains_every_target_of_a_healthy_agent(settings):
    found = said(agent_of(**settings), "critic.unpaid_fraction")
    assert len(found) == LAST - 5
    assert max(found) == 0


@pytest.mark.parametrize(
    "settings",
    [{"cls": DDPG}, {"cls": SAC, "use_sde": True}, {"cls": SAC, "policy_kwargs": {"n_critics": 1}}],
)
def test_what_cannot_be_told_is_absent(settings):
    assert said(agent_of(**settings), "critic.unpaid_fraction") == []


def test_another_loss_than_a_squared_one_is_not_judged(monkeypatch):
    def weighed(answers, targets):
        weights = torch.linspace(0, 2, len(answers)).reshape(-1, 1) * (answers - targets).abs()
        return (weights.detach() * (answers - targets).square()).mean()

    monkeypatch.setattr("stable_baselines3.sac.sac.F.mse_loss", weighed)
    assert said(agent_of(SAC), "critic.unpaid_fraction") == []


def test_a_target_network_that_is_left_out_is_seen():
    agent = agent_of(SAC)
    agent.critic_target = agent.critic
    assert set(said(agent, "critic.unpaid_fraction")) == {1.0}


class OfMaximum(SAC):
    """Takes the larger critic's value in its targets, as one writes it by mistake."""

    def train(self, *args, **kwargs):
        with Larger():
            super().train(*args, **kwargs)


@pytest.mark.parametrize(
    ("passes_on", "unpaid"),
    [
        (lambda values: values.amin(dim=1), 0),
        (lambda values: values.mean(dim=1), 0),
        (lambda values: values.sort(dim=1).values[:, 1], 0),
        (lambda values: values.amax(dim=1), 1),
        (lambda values: values.clamp(-50, -30)[:, 0], 0),  # beyond them all: a bound, and no choice
    ],
)
def test_a_target_that_passes_one_value_on_is_judged_by_its_critics(passes_on, unpaid):
    agent = agent_of(SAC, policy_kwargs={"n_critics": 3})

    def one_for_all(_, __, values):
        return (passes_on(torch.cat(values, dim=1)).reshape(-1, 1),) * len(values)

    agent.critic_target.register_forward_hook(one_for_all)
    found = said(agent, "critic.unpaid_fraction")
    assert len(found) == LAST - 5
    assert np.median(found) == pytest.approx(unpaid, abs=0.1)


@pytest.mark.parametrize(
    ("ends", "cut"), [((-100, 0), 0), ((-1, 0), 1), ((-100, -30), 1), ((-1000, 1000), 0)]
)
def test_answers_of_the_target_that_are_cut_off_within_returns_are_seen(ends, cut):
    agent = agent_of(SAC)  # gamma 0.99: returns lie in -100..0
    for critic in agent.critic_target.q_networks:
        critic[-1].bias.data.fill_(-20.0)
    agent.critic_target.register_forward_hook(
        lambda _, __, values: tuple(value.clamp(*ends) for value in values)
    )
    found = said(agent, "critic_target.cut_fraction")
    assert len(found) == LAST - 5
    assert set(found) == {cut}


def test_targets_of_the_larger_value_are_seen():
    found = said(agent_of(OfMaximum), "critic.unpaid_fraction")
    assert len(found) == LAST - 5
    assert np.median(found) > 0.9


def test_rewards_that_nobody_pays_are_seen():
    agent = agent_of(TD3)
    for critic in agent.critic_target.q_networks:
        critic[-1].bias.data.fill_(-20.0)  # so that the discount tells
    sample = agent.replay_buffer.sample

    def discounted(*args, **kwargs):
        batch = sample(*args, **kwargs)
        return batch._replace(discounts=torch.full_like(batch.rewards, agent.gamma**3))

    agent.replay_buffer.sample = discounted
    found = said(agent, "critic.unpaid_fraction")
    assert len(found) == LAST - 5
    assert min(found) > 0.9


@pytest.mark.parametrize(("tau", "is_critic"), [(1.0, True), (0.9, False), (0.005, False)])
def test_a_target_that_follows_at_once_is_seen(tau, is_critic):
    found = said(agent_of(SAC, tau=tau), "critic_target.lag")
    assert len(found) == LAST - 5
    assert (max(found) < 1e-6) == is_critic
    assert is_critic or min(found) > 1e-5


def test_a_target_that_is_the_same_object_is_seen():
    agent = agent_of(SAC)
    agent.policy.critic_target = agent.critic_target = agent.critic
    found = said(agent, "critic_target.lag")
    assert len(found) == LAST - 5
    assert max(found) == 0


@pytest.mark.parametrize("answers", [(), (1.0, 2.0), ([1.0],)])
def test_critics_that_answer_in_another_way_end_no_training(answers):
    agent = agent_of(SAC)
    lessons = Lessons(view_networks(agent.policy), lambda: True)
    for module in (agent.critic, agent.critic_target, agent.actor.mu, agent.actor.log_std):
        (hook,) = module._forward_hooks.values()
        hook(module, (None, torch.zeros(4, 2)), answers)
    assert lessons.take() is None


def test_a_critic_at_rest_tells_nothing_of_its_target():
    agent = agent_of(SAC)
    agent.learning_rate = 0.0
    agent._setup_lr_schedule()
    assert said(agent, "critic_target.lag") == []


def test_critics_that_are_one_are_seen():
    agent = agent_of(SAC)
    assert min(said(agent, "critic.twin_gap")) > 1e-3
    agent = agent_of(SAC)
    for network in (agent.critic, agent.critic_target):
        one, other = network.q_networks
        other.load_state_dict(one.state_dict())
    assert max(said(agent, "critic.twin_gap")) == 0


@pytest.mark.parametrize(
    ("settings", "own"),
    [
        ({"cls": SAC}, 0),
        ({"cls": SAC, "use_sde": True}, 0),
        ({"cls": TD3}, 0),
        ({"cls": TD3, "noise": 0}, 1),
    ],
)
def test_a_policy_that_does_not_explore_is_seen(settings, own):
    instrument = TransitionInstrument(Schedule(1_000))
    agent = agent_of(**settings)
    callback = Diagnostics(None, [instrument])
    agent.learn(60 + LAST, callback=callback)
    assert callback.failures == {}
    found = instrument.measure(context_of(agent))
    assert float(found["transitions/acting.own_fraction"]) == own


def unasked(agent):
    instrument = TransitionInstrument(Schedule(1_000))
    callback = Diagnostics(None, [instrument])
    agent.learn(80, callback=callback, reset_num_timesteps=False)
    assert callback.failures == {}
    return instrument.measure(context_of(agent))


@pytest.mark.parametrize("n_envs", [1, 2])
@pytest.mark.parametrize("copied", [False, True])
def test_what_acts_in_the_place_of_the_policy_is_seen(n_envs, copied):
    agent = trained(TD3, n_envs=n_envs)
    policy = copy.deepcopy(agent.policy)

    def act(*_, **__):
        actions = policy.predict(agent._last_obs)[0]
        return actions, policy.scale_action(actions)

    if copied:
        agent._sample_action = act
    assert float(unasked(agent)["transitions/acting.unasked_fraction"]) == copied


def test_who_asks_in_training_mode_has_asked():
    agent = agent_of(SAC)

    def ask(*_, **__):
        observations, _ = agent.policy.obs_to_tensor(agent._last_obs)
        agent.actor.train()
        with torch.no_grad():
            actions = agent.actor(observations).numpy()
        return agent.policy.unscale_action(actions), actions

    agent._sample_action = ask
    found = unasked(agent)
    assert float(found["transitions/acting.unasked_fraction"]) == 0
    assert "transitions/acting.own_fraction" not in found


def test_of_an_agent_that_nobody_watched_acting_nothing_is_told():
    found = TransitionInstrument(Schedule(1)).measure(context_of(trained(TD3)))
    assert "transitions/acting.own_fraction" not in found
