"""Saliency against captum's through a full forward pass, and linear nets worked out by hand."""

import numpy as np
import pytest
import torch
from captum.attr import Saliency
from gymnasium import spaces
from helpers.extractors import Flat
from helpers.policies import ACTIONS, POLICIES, batch_of, policy_of, set_linear_q
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, CombinedExtractor
from stable_baselines3.sac.policies import MultiInputPolicy
from torch import Tensor, nn

from goalscope.probes import GoalBatch, image_saliency, view_networks

ROWS = torch.tensor([0, 3, 7])


def saliency_of(policy, batch: GoalBatch, rows=ROWS) -> dict[str, Tensor]:
    networks = view_networks(policy)
    return image_saliency(networks["actor"], networks["critic"], batch, rows)


@pytest.mark.parametrize("kind", POLICIES)
def test_it_equals_captums_saliency(kind):
    policy, batch = POLICIES[kind](), batch_of()
    results = saliency_of(policy, batch)
    assert set(results) == {"critic.pixels", "actor.pixels"}
    rest = {key: batch.observations[key][ROWS] for key in ("achieved_goal", "desired_goal")}
    image = (batch.observations["pixels"][ROWS] / 255.0).requires_grad_()

    def q(image: Tensor) -> Tensor:
        features = policy.critic.features_extractor({"pixels": image, **rest})
        rows = torch.cat([features, batch.actions[ROWS]], dim=1)
        return torch.cat([net(rows) for net in policy.critic.q_networks], dim=1).min(dim=1).values

    def mu(image: Tensor) -> Tensor:
        features = policy.actor.features_extractor({"pixels": image, **rest})
        if kind == "td3":
            return policy.actor.mu(features)
        return torch.tanh(policy.actor.mu(policy.actor.latent_pi(features)))

    expected = Saliency(q).attribute(image).max(dim=1).values
    torch.testing.assert_close(results["critic.pixels"], expected, rtol=1e-3, atol=1e-7)
    squares = sum(Saliency(mu).attribute(image, target=i) ** 2 for i in range(4))
    expected = squares.sqrt().max(dim=1).values
    torch.testing.assert_close(results["actor.pixels"], expected, rtol=1e-3, atol=1e-7)
    assert results["critic.pixels"].shape == (3, 36, 36)
    assert (results["critic.pixels"] >= 0).all()


@pytest.mark.parametrize(("normalize", "factor"), [(True, 1), (False, 255)])
def test_a_linear_critic_worked_out_by_hand(normalize, factor):
    policy = policy_of(features_extractor_class=Flat, net_arch=[], normalize_images=normalize)
    red, green = 5 * 36 + 7, 36 * 36 + 5 * 36 + 7  # one pixel's first two channels
    set_linear_q(policy, {red: 2.0, green: -3.0, 0: 0.5})
    result = saliency_of(policy, batch_of())["critic.pixels"]
    expected = torch.zeros(3, 36, 36)
    expected[:, 5, 7], expected[:, 0, 0] = 3 * factor, 0.5 * factor
    torch.testing.assert_close(result, expected)


class Detached(CombinedExtractor):
    """An encoder that no gradient reaches."""

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return super().forward(observations).detach()


class Blind(BaseFeaturesExtractor):
    """Reads the goals alone."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, features_dim=6)
        self.flatten = nn.Flatten()

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return torch.cat([observations["achieved_goal"], observations["desired_goal"]], dim=1)


def test_no_gradient_is_zero_and_no_image_is_absent():
    batch = batch_of()
    results = saliency_of(policy_of(features_extractor_class=Detached), batch)
    assert (results["critic.pixels"] == 0).all()
    assert saliency_of(policy_of(features_extractor_class=Blind), batch) == {}
    vectors = spaces.Dict(
        achieved_goal=spaces.Box(-1, 1, (3,), np.float32),
        desired_goal=spaces.Box(-1, 1, (3,), np.float32),
    )
    goals = {k: v for k, v in batch.observations.items() if k != "pixels"}
    without = GoalBatch(goals, batch.actions, batch.goals)
    assert saliency_of(MultiInputPolicy(vectors, ACTIONS, lambda _: 1e-3), without) == {}


def test_rows_may_be_a_slice_and_gradients_may_be_off():
    policy, batch = policy_of(), batch_of()
    every = saliency_of(policy, batch, slice(None))
    with torch.no_grad():
        some = saliency_of(policy, batch, slice(0, 4))
    for name, maps in some.items():
        torch.testing.assert_close(maps, every[name][:4], rtol=1e-3, atol=1e-7)


def test_measuring_leaves_everything_as_it_was():
    policy, batch = policy_of(), batch_of()
    policy.train()
    for parameter in policy.parameters():
        parameter.grad = torch.ones_like(parameter)
    state, image = torch.get_rng_state(), batch.observations["pixels"].clone()
    saliency_of(policy, batch)
    assert all((p.grad == 1).all() for p in policy.parameters())
    assert all(module.training for module in policy.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(batch.observations["pixels"], image)
    assert not any(value.requires_grad for value in batch.observations.values())
