"""Each fault in a features extractor does what it says."""

import pytest
import torch
from helpers.faulty import MakePlanted, pixels_of
from torch import Tensor

from benchmarks.planted_faults.grounds import GROUNDS
from benchmarks.planted_faults.spoils import extractor_faults


@pytest.fixture(scope="module")
def observations(make_filled) -> dict[str, Tensor]:
    """Return a healthy batch as an extractor receives it."""
    batch = dict(make_filled("healthy_point").replay_buffer.sample(64).observations)
    return batch | {"pixels": batch["pixels"] / 255}


def extractor(make_planted: MakePlanted, ground: str, *spoils: extractor_faults.Spoil):
    torch.manual_seed(0)
    cls = extractor_faults.extractor_class(spoils)
    return cls(make_planted("healthy_point").observation_space, **GROUNDS[ground].extractor)


def spread(values: Tensor) -> float:
    return float(values.std(dim=0, correction=0).square().mean().sqrt())


@pytest.mark.parametrize(
    ("spoil", "goals", "images"),
    [
        (extractor_faults.image_block_times_50, 1.0, 50.0),
        (extractor_faults.goals_times_002, 0.02, 1.0),
    ],
)
def test_blocks_are_scaled(make_planted, observations, spoil, goals, images):
    healthy = extractor(make_planted, "point")(observations)
    spoilt = extractor(make_planted, "point", spoil)(observations)
    torch.testing.assert_close(spoilt[:, :4], goals * healthy[:, :4])
    torch.testing.assert_close(pixels_of(spoilt), images * pixels_of(healthy))


def test_no_gradient_reaches_a_detached_encoder(make_planted, observations):
    spoilt = extractor(make_planted, "point", extractor_faults.detached)
    goals = {k: v.clone().requires_grad_() for k, v in observations.items() if k != "pixels"}
    spoilt(observations | goals).square().sum().backward()
    assert all(parameter.grad is None for parameter in spoilt.parameters())
    assert bool(goals["desired_goal"].grad.any())


def test_killed_units_are_zero_and_pass_no_gradient(make_planted, observations):
    spoilt = extractor(make_planted, "point", extractor_faults.relu_killed)
    features = spoilt(observations)
    assert not bool(pixels_of(features).any())
    features.sum().backward()
    assert all(not bool(parameter.grad.any()) for parameter in spoilt.parameters())


def test_saturated_tanh(make_planted, observations):
    healthy = pixels_of(extractor(make_planted, "point_norm")(observations))
    spoilt = extractor(make_planted, "point_norm", extractor_faults.tanh_saturated)(observations)
    assert float((healthy.abs() > 0.99).float().mean()) < 0.05
    assert float((pixels_of(spoilt).abs() > 0.99).float().mean()) > 0.95


def test_constant_features_look_healthy_in_size_alone(make_planted, observations):
    healthy = pixels_of(extractor(make_planted, "point_norm")(observations))
    spoilt = extractor(make_planted, "point_norm", extractor_faults.images_scaled_twice)(
        observations
    )
    size = float(pixels_of(spoilt).norm(dim=1).mean() / healthy.norm(dim=1).mean())
    assert 0.5 < size < 2
    assert spread(pixels_of(spoilt)) < 0.02 * spread(healthy)
