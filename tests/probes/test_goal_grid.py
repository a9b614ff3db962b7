"""The goal map against full forward passes; fronts and directions that are known."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from helpers.policies import POLICIES, Mixing, batch_of, policy_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.isotonic import IsotonicRegression
from torch import nn

from goalscope.probes import GoalMap, action_alignment, goal_map, value_front, view_networks


def map_of(policy, batch, rows=slice(None)) -> GoalMap | None:
    networks = view_networks(policy)
    return goal_map(networks["actor"], networks["critic"], batch, rows)


@pytest.mark.parametrize("kind", POLICIES)
def test_the_map_equals_full_forward_passes(kind):
    policy, batch, rows = POLICIES[kind](), batch_of(), torch.tensor([1, 4, 9])
    found = map_of(policy, batch, rows)
    options = {} if kind == "td3" else {"deterministic": True}
    for s, row in enumerate(rows.tolist()):
        one = {key: value[row : row + 1] for key, value in batch.observations.items()}
        assert torch.equal(found.achieved[s], one["achieved_goal"][0])
        for g, goal in enumerate(batch.goals):
            asked = one | {"desired_goal": goal[None]}
            with torch.no_grad():
                action = policy.actor(asked, **options)
                q = torch.cat(policy.critic(asked, action), dim=1).min()
            torch.testing.assert_close(found.actions[s, g], action[0], rtol=1e-3, atol=1e-5)
            torch.testing.assert_close(found.q[s, g], q, rtol=1e-3, atol=1e-5)
            distance = math.dist(goal.tolist(), one["achieved_goal"][0].tolist())
            assert found.distance[s, g].item() == pytest.approx(distance, abs=1e-5)
    assert torch.equal(found.goals, batch.goals)


def test_goals_of_double_precision_have_the_same_map():
    batch, policy = batch_of(), policy_of()
    doubled = {k: v.double() if "goal" in k else v for k, v in batch.observations.items()}
    one, other = map_of(policy, batch), map_of(policy, replace(batch, observations=doubled))
    for field in fields(one):
        assert torch.equal(getattr(one, field.name), getattr(other, field.name)), field.name


def test_a_mixed_goal_has_no_map():
    assert map_of(policy_of(features_extractor_class=Mixing), batch_of()) is None


def test_measuring_leaves_everything_as_it_was():
    policy = policy_of()
    policy.train()
    state = torch.get_rng_state()
    map_of(policy, batch_of())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in policy.modules())
    assert all(p.grad is None for p in policy.parameters())


DISTANCE = torch.linspace(0, 0.5, 51).repeat(4, 1)


def test_the_front_of_a_step_is_where_it_falls():
    q = torch.where(DISTANCE < 0.205, -2.0, -50.0)
    result = value_front(DISTANCE, q)
    assert result["critic.goal.front"] == pytest.approx(0.21)
    assert result["critic.goal.front_contrast"] == pytest.approx(48)
    assert result["critic.goal.front_fit"] == pytest.approx(1)


def test_the_front_of_a_soft_noisy_fall_is_half_way_down():
    noise = torch.randn(40, 51, generator=torch.Generator().manual_seed(0))
    distance = DISTANCE[:1].repeat(40, 1)
    q = -50 * torch.sigmoid((distance - 0.3) / 0.02) + noise
    result = value_front(distance, q)
    assert result["critic.goal.front"] == pytest.approx(0.3, abs=0.011)
    assert result["critic.goal.front_contrast"] == pytest.approx(50, rel=0.03)
    assert 0.99 < result["critic.goal.front_fit"] < 1
    order = torch.randperm(distance.numel(), generator=torch.Generator().manual_seed(1))
    shuffled = value_front(distance.flatten()[order], q.flatten()[order])
    assert shuffled == pytest.approx(result)


@pytest.mark.parametrize("q", [DISTANCE * 3 - 7, torch.full_like(DISTANCE, -49.7)])
def test_a_value_that_never_falls_has_no_front(q):
    result = value_front(DISTANCE, q)
    assert math.isnan(result["critic.goal.front"])
    assert result["critic.goal.front_contrast"] == pytest.approx(0, abs=1e-5)


def test_a_value_that_is_no_number_has_no_front():
    q = torch.where(DISTANCE < 0.2, torch.nan, -1.0)
    assert all(math.isnan(value) for value in value_front(DISTANCE, q).values())


@settings(deadline=None, max_examples=50)
@given(
    hnp.arrays(np.float64, 12, elements=st.integers(0, 6).map(float)),
    hnp.arrays(np.float64, 12, elements=st.integers(-9, 9).map(float)),
)
def test_the_curve_equals_scikit_learns(distance, q):
    result = value_front(torch.from_numpy(distance), torch.from_numpy(q))
    curve = IsotonicRegression(increasing=False).fit(distance, q).predict(np.sort(distance))
    fall = curve[0] - curve[-1]
    assert result["critic.goal.front_contrast"] == pytest.approx(fall, abs=1e-9)
    if fall > 0:
        fallen = [
            d
            for d, value in zip(np.sort(distance), curve, strict=True)
            if value <= curve[0] - fall / 2 + 1e-9
        ]
        assert result["critic.goal.front"] == pytest.approx(min(fallen))
    if np.ptp(q) > 0:
        assert result["critic.goal.front_fit"] == pytest.approx(np.var(curve) / np.var(q), abs=1e-9)


def test_alignment_equals_a_naive_loop():
    found = map_of(policy_of(), batch_of())
    cosines = []
    for s in range(16):
        for g in range(9):
            wanted = (found.goals[g] - found.achieved[s]).tolist()
            if math.hypot(*wanted) > 0.01:
                action = found.actions[s, g, :3].tolist()
                dot = sum(a * w for a, w in zip(action, wanted, strict=True))
                cosines.append(dot / math.hypot(*action) / math.hypot(*wanted))
    result = action_alignment(found)["actor.goal.action_alignment"].item()
    assert result == pytest.approx(np.mean(cosines), abs=1e-5)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_policy_that_moves_to_the_goal_is_aligned(sign):
    policy, batch = policy_of(net_arch=[]), batch_of()
    nn.init.zeros_(policy.actor.mu.weight)
    nn.init.zeros_(policy.actor.mu.bias)
    for i in range(3):  # tanh is straight near 0
        policy.actor.mu.weight.data[i, 3 + i] = sign * 0.01
        policy.actor.mu.weight.data[i, i] = -sign * 0.01
    result = action_alignment(map_of(policy, batch))["actor.goal.action_alignment"]
    assert result.item() == pytest.approx(sign, abs=1e-3)


def test_alignment_of_near_goals_and_of_short_actions():
    goals, achieved = torch.zeros(2, 3), torch.full((4, 3), 0.001)
    distance = torch.cdist(achieved, goals)
    found = GoalMap(goals, torch.zeros(4, 2), torch.ones(4, 2, 3), achieved, distance)
    assert action_alignment(found, near=0.01)["actor.goal.action_alignment"].isnan()
    short = GoalMap(goals, torch.zeros(4, 2), torch.ones(4, 2, 2), achieved, distance)
    assert action_alignment(short) == {}
