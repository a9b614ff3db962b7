"""Shapley values, ablation and integrated gradients: brute force, captum, and nets by hand."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, ShapleyValues
from gymnasium import spaces
from helpers.policies import ACTIONS, POLICIES, Mixing, batch_of, policy_of, set_linear_q
from stable_baselines3.sac.policies import MultiInputPolicy
from torch import Tensor

from goalscope.probes import (
    GoalBatch,
    derangement,
    feature_ablation,
    integrated_gradient_values,
    integrated_gradients,
    shapley_shares,
    shapley_values,
    view_networks,
)
from goalscope.training.agents.extractors import FusionExtractor

KEYS = ("achieved_goal", "desired_goal", "pixels")


def order_of(rows: int = 16) -> Tensor:
    return derangement(rows, np.random.default_rng(3))


def shares_of(policy, batch: GoalBatch) -> dict[str, Tensor]:
    networks = view_networks(policy)
    return shapley_shares(networks["actor"], networks["critic"], batch, np.random.default_rng(3))


def full_pass(policy, name: str, observations, actions) -> Tensor:
    """Return (B,) or (B, A) from the images up, as SB3 computes it."""
    with torch.no_grad():
        if name == "critic":
            return torch.cat(policy.critic(observations, actions), dim=1).min(dim=1).values
        stochastic = hasattr(policy.actor, "log_std")
        return policy.actor(observations, **({"deterministic": True} if stochastic else {}))


def brute_force(policy, name: str, batch: GoalBatch, order: Tensor) -> dict[str, Tensor]:
    """Return block -> Shapley values by the sum over all coalitions without the block."""
    players = (*KEYS, "action") if name == "critic" else KEYS
    swapped = {key: value[order] for key, value in batch.observations.items()}

    def worth(present) -> Tensor:
        mixed = {key: (batch.observations if key in present else swapped)[key] for key in KEYS}
        actions = batch.actions if "action" in present else batch.actions[order]
        return full_pass(policy, name, mixed, actions)

    values = {}
    for player in players:
        rest = [other for other in players if other != player]
        total = torch.zeros(())
        for size in range(len(players)):
            weight = factorial(size) * factorial(len(rest) - size) / factorial(len(players))
            for coalition in combinations(rest, size):
                total = total + weight * (worth({*coalition, player}) - worth(set(coalition)))
        values[player] = total
    return values


@pytest.mark.parametrize("kind", POLICIES)
@pytest.mark.parametrize("name", ["actor", "critic"])
def test_shapley_values_equal_every_coalition_by_full_forward_passes(kind, name):
    policy, batch, order = POLICIES[kind](), batch_of(), order_of()
    values = shapley_values(view_networks(policy)[name], batch, order)
    expected = brute_force(policy, name, batch, order)
    assert values.keys() == expected.keys()
    for block, value in expected.items():
        torch.testing.assert_close(values[block], value, rtol=1e-3, atol=1e-5)
    swapped = {key: value[order] for key, value in batch.observations.items()}
    complete = full_pass(policy, name, dict(batch.observations), batch.actions) - full_pass(
        policy, name, swapped, batch.actions[order]
    )
    torch.testing.assert_close(sum(values.values()), complete, rtol=1e-3, atol=1e-5)

    results = shares_of(policy, batch)
    sizes = {block: value.abs().mean().item() for block, value in expected.items()}
    for block, size in sizes.items():
        share = results[f"{name}.{block}.shapley_share"].item()
        assert share == pytest.approx(size / sum(sizes.values()), rel=1e-3)
    goal = (expected["achieved_goal"] + expected["desired_goal"]).abs().mean().item()
    rest = sizes["pixels"] + sizes.get("action", 0)
    assert results[f"{name}.goal.shapley_share"].item() == pytest.approx(
        goal / (goal + rest), rel=1e-3
    )


def test_captum_with_a_mask_over_the_columns_says_the_same():
    policy, batch, order = policy_of(), batch_of(), order_of()
    critic = view_networks(policy)["critic"]
    with torch.no_grad():
        features = critic.fused_features(batch.observations)
    mask = torch.zeros(1, features.shape[1], dtype=torch.int64)
    for number, block in enumerate(critic.blocks):
        mask[0, block.columns] = number
    masks = (mask, torch.full((1, 4), len(critic.blocks)))
    inputs = (features, batch.actions)
    found = ShapleyValues(critic.q_values).attribute(
        inputs, baselines=(features[order], batch.actions[order]), feature_mask=masks
    )
    values = shapley_values(critic, batch, order)
    for block in critic.blocks:
        torch.testing.assert_close(
            values[block.name], found[0][:, block.columns[0]], rtol=1e-4, atol=1e-6
        )
    torch.testing.assert_close(values["action"], found[1][:, 0], rtol=1e-4, atol=1e-6)

    found = FeatureAblation(critic.q_values).attribute(
        inputs,
        baselines=(features.mean(0, keepdim=True), batch.actions.mean(0, keepdim=True)),
        feature_mask=masks,
    )
    q_values = critic.q_values(*inputs).detach()
    results = feature_ablation(view_networks(policy)["actor"], critic, batch)
    changes = {block.name: found[0][:, block.columns[0]] for block in critic.blocks}
    for block, change in (changes | {"action": found[1][:, 0]}).items():
        expected = change.square().mean().sqrt() / q_values.std(correction=0)
        torch.testing.assert_close(
            results[f"critic.{block}.q_ablation"], expected, rtol=1e-4, atol=1e-6
        )


def test_a_linear_critic_worked_out_by_hand():
    policy, batch, order = policy_of(net_arch=[]), batch_of(), order_of()
    width = view_networks(policy)["critic"].features_dim
    set_linear_q(policy, {0: 1.0, 3: -2.0, 4: 0.5, width + 1: 3.0})
    networks = view_networks(policy)
    achieved, desired = (batch.observations[key] for key in KEYS[:2])
    by_hand = {  # before the stand-in or the mean is subtracted
        "achieved_goal": achieved[:, 0],
        "desired_goal": -2 * desired[:, 0] + 0.5 * desired[:, 1],
        "pixels": torch.zeros(16),
        "action": 3 * batch.actions[:, 1],
    }
    values = shapley_values(networks["critic"], batch, order)
    for block, x in by_hand.items():
        torch.testing.assert_close(values[block], x - x[order], rtol=1e-5, atol=1e-5)

    gradients = integrated_gradient_values(networks["critic"], batch)
    assert "action" not in gradients
    for block, value in gradients.items():
        x = by_hand[block]
        torch.testing.assert_close(value, x - x.mean(), rtol=1e-5, atol=1e-5)

    results = feature_ablation(networks["actor"], networks["critic"], batch)
    spread = sum(by_hand.values()).std(correction=0)
    together = {"goal": by_hand["achieved_goal"] + by_hand["desired_goal"], **by_hand}
    for block, x in together.items():
        torch.testing.assert_close(
            results[f"critic.{block}.q_ablation"], x.std(correction=0) / spread
        )


def test_what_the_two_goal_vectors_cancel_is_not_the_goals():
    policy, batch = policy_of(net_arch=[]), batch_of()
    width = view_networks(policy)["critic"].features_dim
    set_linear_q(policy, {0: 1.0, 3: -1.0, width: 0.1})
    achieved = batch.observations["achieved_goal"]
    moved = GoalBatch(
        {**batch.observations, "desired_goal": achieved + 1}, batch.actions, batch.goals
    )
    results = shares_of(policy, moved)
    assert results["critic.achieved_goal.shapley_share"] > 0.4
    assert results["critic.goal.shapley_share"] < 1e-5


def test_shares_sum_to_one_and_a_constant_critic_has_none():
    policy, batch = policy_of(net_arch=[]), batch_of()
    results = shares_of(policy, batch)
    keys = [f"critic.{block}.shapley_share" for block in (*KEYS, "action")]
    assert sum(results[key] for key in keys).item() == pytest.approx(1)
    assert sum(results[f"actor.{block}.shapley_share"] for block in KEYS).item() == (
        pytest.approx(1)
    )
    assert set(results) == {
        *keys,
        "critic.goal.shapley_share",
        *(f"actor.{block}.shapley_share" for block in (*KEYS, "goal")),
    }
    set_linear_q(policy, {})
    assert shares_of(policy, batch)["critic.pixels.shapley_share"].isnan()
    critic = view_networks(policy)["critic"]
    assert integrated_gradients(critic, batch)["critic.pixels.integrated_gradient_share"].isnan()


def test_mixed_and_constant_blocks_keep_their_names():
    batch = batch_of()
    results = shares_of(policy_of(features_extractor_class=Mixing), batch)
    assert set(results) == {
        "actor.desired_goal+pixels.shapley_share",
        "critic.desired_goal+pixels.shapley_share",
        "critic.action.shapley_share",
    }
    policy = policy_of(
        features_extractor_class=FusionExtractor,
        features_extractor_kwargs={"constant_features": 5, "cnn_output_dim": 8},
    )
    results = shares_of(policy, batch)
    assert results["critic.constant.shapley_share"] == 0
    assert results["critic.pixels.shapley_share"] > 0
    critic = view_networks(policy)["critic"]
    ablated = feature_ablation(view_networks(policy)["actor"], critic, batch)
    assert ablated["critic.constant.q_ablation"] == 0
    shares = integrated_gradients(critic, batch)
    assert shares["critic.constant.integrated_gradient_share"] == 0


def test_ablation_of_the_policy_equals_naive_replacement():
    policy, batch = policy_of(), batch_of()
    networks = view_networks(policy)
    actor = networks["actor"]
    results = feature_ablation(actor, networks["critic"], batch)
    with torch.no_grad():
        features = actor.fused_features(batch.observations)
        for block, columns in actor.columns.items():
            held = features.clone()
            for column in columns.tolist():
                held[:, column] = features[:, column].mean()
            change = actor.mean_actions(held) - actor.mean_actions(features)
            assert results[f"actor.{block}.action_ablation"].item() == pytest.approx(
                np.sqrt(np.mean(change.numpy() ** 2)) / 2, rel=1e-3, abs=1e-7
            )


def test_integrated_gradients_are_complete_and_equal_a_midpoint_sum():
    policy, batch = policy_of(net_arch=[32]), batch_of()
    critic = view_networks(policy)["critic"]
    values = integrated_gradient_values(critic, batch, steps=200)
    with torch.no_grad():
        features = critic.fused_features(batch.observations)
        mean = features.mean(dim=0).expand_as(features)
        fall = critic.q_values(features, batch.actions) - critic.q_values(mean, batch.actions)
    torch.testing.assert_close(sum(values.values()), fall, rtol=1e-2, atol=1e-3)
    slope = torch.zeros_like(features)
    for number in range(200):
        point = (mean + (number + 0.5) / 200 * (features - mean)).requires_grad_()
        slope += torch.autograd.grad(critic.q_values(point, batch.actions).sum(), point)[0] / 200
    naive = slope * (features - mean)
    sizes = {}
    for block in critic.blocks:
        sizes[block.name] = naive[:, block.columns].sum(dim=1)
        torch.testing.assert_close(values[block.name], sizes[block.name], rtol=1e-2, atol=1e-3)
    results = integrated_gradients(critic, batch)
    total = sum(size.abs().mean() for size in sizes.values())
    for block, size in sizes.items():
        assert results[f"critic.{block}.integrated_gradient_share"].item() == pytest.approx(
            (size.abs().mean() / total).item(), abs=0.01
        )
    goal = (sizes["achieved_goal"] + sizes["desired_goal"]).abs().mean()
    expected = goal / (goal + sizes["pixels"].abs().mean())
    assert results["critic.goal.integrated_gradient_share"].item() == pytest.approx(
        expected.item(), abs=0.01
    )


def test_each_coalition_runs_the_heads_once():
    policy, batch = policy_of(), batch_of()
    critic = view_networks(policy)["critic"]
    calls, encoded = [], []
    policy.critic.qf0.register_forward_hook(lambda *_: calls.append(1))
    policy.critic.features_extractor.register_forward_hook(lambda *_: encoded.append(1))
    shapley_values(critic, batch, order_of())
    assert (len(calls), len(encoded)) == (2**4, 1)


def test_a_game_too_large_says_so():
    keys = [*KEYS[:2], *"abcdefg"]
    space = spaces.Dict({key: spaces.Box(-1, 1, (2,), np.float32) for key in keys})
    policy = MultiInputPolicy(space, ACTIONS, lambda _: 1e-3)
    batch = GoalBatch({key: torch.rand(4, 2) for key in keys}, torch.rand(4, 4), torch.rand(3, 2))
    with pytest.raises(ValueError, match="9 blocks take too long"):
        shares_of(policy, batch)


def test_measuring_leaves_everything_as_it_was():
    policy, batch = policy_of(), batch_of()
    policy.train()
    for parameter in policy.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = {k: v.clone() for k, v in policy.state_dict().items()}
    networks = view_networks(policy)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    shares_of(policy, batch)
    feature_ablation(networks["actor"], networks["critic"], batch)
    integrated_gradients(networks["critic"], batch)
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert all(torch.equal(v, before[k]) for k, v in policy.state_dict().items())
    assert all((p.grad == 1).all() for p in policy.parameters())
    assert all(module.training for module in policy.modules())
