"""Goal sensitivity against full forward passes on swapped observations, and nets done by hand."""

import numpy as np
import pytest
import torch
from helpers.policies import (
    POLICIES,
    Mixing,
    batch_of,
    policy_of,
    set_linear_q,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from torch import Tensor

from goalscope.probes import GoalBatch, derangement, goal_sensitivity, view_networks


def measure(policy, batch: GoalBatch) -> dict[str, Tensor]:
    networks = view_networks(policy)
    return goal_sensitivity(
        networks["actor"], networks["critic"], batch, np.random.default_rng(3), states_on_grid=5
    )


@pytest.mark.parametrize("kind", POLICIES)
def test_every_swap_equals_a_full_forward_pass(kind):
    policy, batch = POLICIES[kind](), batch_of()
    results = measure(policy, batch)
    order = derangement(16, np.random.default_rng(3))

    def q(observations, actions):
        return torch.cat(policy.critic(observations, actions), dim=1).min(dim=1).values

    def mu(observations):
        with torch.no_grad():
            return policy.actor(observations, **({} if kind == "td3" else {"deterministic": True}))

    obs = dict(batch.observations)
    with torch.no_grad():
        base = q(obs, batch.actions)
        for name, keys in {
            "desired_goal.q_goal_swap": ["desired_goal"],
            "goal.q_swap": ["desired_goal", "achieved_goal"],
            "pixels.q_swap": ["pixels"],
            "achieved_goal.q_swap": ["achieved_goal"],
        }.items():
            swapped = {**obs, **{key: obs[key][order] for key in keys}}
            change = (q(swapped, batch.actions) - base).square().mean().sqrt() / base.std(
                correction=0
            )
            torch.testing.assert_close(results[f"critic.{name}"], change, rtol=1e-3, atol=1e-5)
        change = (q(obs, batch.actions[order]) - base).square().mean().sqrt()
        expected = change / base.std(correction=0)
        torch.testing.assert_close(results["critic.action.q_swap"], expected, rtol=1e-3, atol=1e-5)
        swapped = {**obs, "desired_goal": obs["desired_goal"][order]}
        change = (mu(swapped) - mu(obs)).square().mean().sqrt() / 2
        torch.testing.assert_close(
            results["actor.desired_goal.action_goal_swap"], change, rtol=1e-3, atol=1e-6
        )
        correlations = []
        rows = range(0, 16, 3)
        for row in rows:
            values, distances = [], []
            for goal in batch.goals:
                one = {k: v[row : row + 1] for k, v in obs.items()} | {"desired_goal": goal[None]}
                values.append(q(one, mu(one)).item())
                distances.append(torch.dist(obs["achieved_goal"][row], goal).item())
            correlations.append(spearmanr(values, -np.array(distances)).statistic)
        assert results["critic.goal.q_goal_distance"].item() == pytest.approx(
            np.mean(correlations), abs=1e-5
        )
        far = batch.goals[torch.cdist(obs["achieved_goal"], batch.goals).argmax(dim=1)]
        contrast = q({**obs, "desired_goal": obs["achieved_goal"]}, batch.actions) - q(
            {**obs, "desired_goal": far}, batch.actions
        )
        torch.testing.assert_close(
            results["critic.goal.q_reach_contrast"], contrast.mean(), rtol=1e-3, atol=1e-5
        )
    # SB3 shuts the gradient off in a shared extractor; the function it computes is the same.
    policy.critic.share_features_extractor = False
    goals = obs["desired_goal"].clone().requires_grad_()
    slope = torch.autograd.grad(q({**obs, "desired_goal": goals}, batch.actions).sum(), goals)[0]
    moved = (slope * obs["desired_goal"].std(dim=0, correction=0)).norm(dim=1)
    expected = moved.square().mean().sqrt() / base.std(correction=0)
    torch.testing.assert_close(
        results["critic.desired_goal.q_goal_gradient"], expected, rtol=1e-3, atol=1e-6
    )


def test_a_linear_critic_worked_out_by_hand():
    policy = policy_of(net_arch=[])
    set_linear_q(policy, {3: 2.0})  # Q = 2 x the desired goal's first coordinate
    batch = batch_of()
    results = measure(policy, batch)
    order = derangement(16, np.random.default_rng(3))
    goal = batch.observations["desired_goal"][:, 0]
    expected = (goal[order] - goal).square().mean().sqrt() / goal.std(correction=0)
    torch.testing.assert_close(results["critic.desired_goal.q_goal_swap"], expected)
    assert results["critic.desired_goal.q_goal_gradient"] == pytest.approx(1)
    for block in ("pixels", "achieved_goal", "action"):
        assert results[f"critic.{block}.q_swap"] == 0
    assert results["critic.goal.q_swap"] == results["critic.desired_goal.q_goal_swap"]


def test_a_deaf_critic_scores_zero_and_a_constant_one_has_none():
    policy = policy_of(net_arch=[])
    set_linear_q(policy, {0: 1.0})  # Q = the achieved goal's first coordinate
    results = measure(policy, batch_of())
    assert results["critic.desired_goal.q_goal_swap"] == 0
    assert results["critic.desired_goal.q_goal_gradient"] == 0
    assert "critic.goal.q_goal_distance" not in results  # constant over goals: no ranks
    set_linear_q(policy, {})
    results = measure(policy, batch_of())
    assert "critic.desired_goal.q_goal_swap" not in results
    assert all(bool(value.isfinite()) for value in results.values())


def test_q_falling_with_distance_is_perfect_structure():
    policy = policy_of(net_arch=[])
    set_linear_q(policy, {3: -1.0})
    batch = batch_of()
    line = torch.linspace(0, 1, 9)
    on_a_line = GoalBatch(
        {**batch.observations, "achieved_goal": torch.zeros(16, 3)},
        batch.actions,
        torch.stack([line, torch.zeros(9), torch.zeros(9)], dim=1),
    )
    results = measure(policy, on_a_line)
    assert results["critic.goal.q_goal_distance"] == pytest.approx(1)
    curve = [results[f"critic.goal.q_at_distance_{i}"].item() for i in range(1, 9)]
    assert curve == sorted(curve, reverse=True)
    assert results["critic.goal.largest_distance"] == pytest.approx(1)
    assert results["critic.goal.q_reach_contrast"] == pytest.approx(1)


def test_what_a_mixed_block_hides_is_absent_not_zero():
    results = measure(policy_of(features_extractor_class=Mixing), batch_of())
    assert "critic.desired_goal+pixels.q_swap" in results
    assert not any("desired_goal.q_goal_swap" in key for key in results)
    assert "critic.goal.q_goal_distance" not in results
    assert "critic.desired_goal.q_goal_gradient" in results  # the gradient needs no columns


def test_measuring_leaves_the_policy_as_it_was():
    policy, batch = policy_of(), batch_of()
    before = {k: v.clone() for k, v in policy.state_dict().items()}
    state = torch.get_rng_state()
    measure(policy, batch)
    assert all(torch.equal(v, before[k]) for k, v in policy.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert "extract_features" not in vars(policy.critic)
    assert all(p.grad is None for p in policy.parameters())


@given(st.integers(2, 200), st.integers(0, 1000))
@settings(deadline=None)
def test_a_derangement_moves_everything(size, seed):
    order = derangement(size, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(size))
    assert not (order == torch.arange(size)).any()


@pytest.mark.parametrize("kind", POLICIES)
def test_goals_of_any_dtype_are_measured_as_the_networks_read_them(kind):
    """Every stock Fetch environment observes float64, and SB3's buffer hands it on."""
    batch = batch_of()
    double = GoalBatch(
        {k: v.double() if "goal" in k else v for k, v in batch.observations.items()},
        batch.actions,
        batch.goals,
    )
    policy = POLICIES[kind]()
    single, doubled = measure(policy, batch), measure(policy, double)
    assert single.keys() == doubled.keys()
    for name, value in single.items():
        assert torch.equal(value, doubled[name]), name
