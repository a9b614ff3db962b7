"""Augmentation noise against naive loops and an image that is its own feature."""

import math

import numpy as np
import pytest
import torch
from helpers.extractors import Flat
from helpers.policies import Mixing, batch_of, policy_of

from goalscope.probes import augmentation_noise, view_networks

KEY = "critic.pixels.augmentation_over_signal"


def noisy(seed: int, amount: int = 20):
    """Return an augmentation that adds noise from a generator of its own."""
    generator = torch.Generator().manual_seed(seed)

    def augment(observations):
        image = observations["pixels"]
        noise = torch.randint(-amount, amount + 1, image.shape, generator=generator)
        return {**observations, "pixels": (image + noise).clamp(0, 255).to(torch.uint8)}

    return augment


def test_it_equals_naive_loops():
    policy, batch = policy_of(), batch_of()
    critic = view_networks(policy)["critic"]
    result = augmentation_noise(critic, batch.observations, noisy(0), repeats=3)
    assert set(result) == {KEY}
    augment = noisy(0)
    columns = critic.block("pixels").columns
    with torch.no_grad():
        plain = critic.fused_features(batch.observations)[:, columns].numpy()
        views = [
            critic.fused_features(augment(batch.observations))[:, columns].numpy() for _ in range(3)
        ]
    squares, variances = [], []
    for unit in range(len(columns)):
        variances.append(np.var(plain[:, unit]))
        for row in range(16):
            values = [float(view[row, unit]) for view in views]
            mean = sum(values) / 3
            squares.append(sum((value - mean) ** 2 for value in values) / 2)
    expected = math.sqrt(np.mean(squares)) / math.sqrt(np.mean(variances))
    assert result[KEY].item() == pytest.approx(expected, rel=1e-4)


def test_an_image_that_is_its_own_feature_worked_out_by_hand():
    policy = policy_of(features_extractor_class=Flat)
    observations = dict(batch_of(4).observations)
    observations["pixels"] = torch.full((4, 3, 36, 36), 100, dtype=torch.uint8)
    observations["pixels"][:2] = 120  # spread 10
    shifts = iter([3, -3])

    def augment(seen):
        return {**seen, "pixels": (seen["pixels"].int() + next(shifts)).to(torch.uint8)}

    result = augmentation_noise(view_networks(policy)["critic"], observations, augment, 2)
    # Deviations of 3 and -3 from the mean: variance 2 * 9 / (2 - 1).
    assert result[KEY].item() == pytest.approx(math.sqrt(18) / 10, rel=1e-4)


def test_it_does_not_depend_on_how_often_it_is_repeated():
    critic, batch = view_networks(policy_of(features_extractor_class=Flat))["critic"], batch_of()
    few, many = (
        augmentation_noise(critic, batch.observations, noisy(1), repeats)[KEY].item()
        for repeats in (2, 10)
    )
    assert few == pytest.approx(many, rel=0.02)


def test_no_augmentation_is_silent_and_no_image_block_is_absent():
    batch = batch_of()
    critic = view_networks(policy_of())["critic"]
    assert augmentation_noise(critic, batch.observations, dict)[KEY] == 0
    mixing = view_networks(policy_of(features_extractor_class=Mixing))["critic"]
    assert augmentation_noise(mixing, batch.observations, dict) == {}
    with pytest.raises(ValueError, match="at least two"):
        augmentation_noise(critic, batch.observations, dict, repeats=1)


def test_measuring_leaves_everything_as_it_was():
    policy, batch = policy_of(), batch_of()
    policy.train()
    state = torch.get_rng_state()
    augmentation_noise(view_networks(policy)["actor"], batch.observations, noisy(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in policy.modules())
    assert all(p.grad is None for p in policy.parameters())
