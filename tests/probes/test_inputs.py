"""What reaches the first layers: found in any extractor, and seen when it is scaled wrongly."""

import numpy as np
import pytest
import torch
from helpers.policies import POLICIES, Mixing, batch_of, policy_of
from stable_baselines3.common.torch_layers import CombinedExtractor
from torch import nn

from goalscope.probes import (
    Network,
    input_statistics,
    levels_kept,
    roughness_gained,
    traced_features,
    view_networks,
)

GOALS = ("achieved_goal", "desired_goal")


class Divided(nn.Module):
    def forward(self, values):
        return values / 255


class ScaledTwice(CombinedExtractor):
    def __init__(self, space):
        super().__init__(space, cnn_output_dim=8)
        self.extractors["pixels"] = nn.Sequential(Divided(), self.extractors["pixels"])


class Affine(nn.Module):
    def __init__(self, shift: float, factor: float) -> None:
        super().__init__()
        self.shift, self.factor = shift, factor

    def forward(self, values):
        return (values - self.shift) * self.factor


class AffineGoal(CombinedExtractor):
    def __init__(self, space, shift: float, factor: float):
        super().__init__(space, cnn_output_dim=8)
        self.extractors["desired_goal"] = nn.Sequential(nn.Flatten(), Affine(shift, factor))


def network_of(extractor=None, **kwargs) -> Network:
    chosen = {} if extractor is None else {"features_extractor_class": extractor}
    chosen |= {"features_extractor_kwargs": kwargs} if kwargs else {}
    return view_networks(policy_of(**chosen))["critic"]


def statistics(network: Network, observations, normalised=()):
    unclipped = {key: observations[key] for key in normalised}
    return input_statistics(network, traced_features(network, observations), unclipped)


@pytest.mark.parametrize("name", POLICIES)
def test_features_and_inputs_are_those_of_the_network(name):
    observations = batch_of(rows=70).observations
    for network in view_networks(POLICIES[name]()).values():
        with torch.no_grad():
            expected = network.fused_features(observations)
        traced = traced_features(network, observations)
        assert torch.equal(traced.features, expected)
        pixels = (observations["pixels"] / 255).flatten(1)
        assert torch.equal(traced.received["pixels"], pixels)
        for key in GOALS:
            assert torch.equal(traced.received[key], observations[key])


def test_an_image_ends_at_one():
    observations = batch_of().observations
    found = statistics(network_of(), observations)
    assert found == {"pixels.input_max": observations["pixels"].max() / 255}


def test_an_image_scaled_twice_is_found():
    observations = batch_of().observations
    largest = float(observations["pixels"].max())
    by_extractor = statistics(network_of(ScaledTwice), observations)
    assert by_extractor["pixels.input_max"] == pytest.approx(largest / 255**2)
    by_environment = observations | {"pixels": observations["pixels"] // 255}
    assert statistics(network_of(), by_environment)["pixels.input_max"] <= 1 / 255 + 1e-9


def test_an_image_that_is_never_scaled_is_found():
    observations = batch_of().observations
    network = view_networks(policy_of(normalize_images=False))["critic"]
    assert statistics(network, observations)["pixels.input_max"] == observations["pixels"].max()


def test_a_key_in_a_layer_with_others_has_its_own_units():
    observations = batch_of().observations
    traced = traced_features(network_of(Mixing), observations)
    assert torch.equal(traced.received["desired_goal"], observations["desired_goal"])
    means = (observations["pixels"] / 255).mean(dim=(1, 2, 3))
    assert torch.allclose(traced.received["pixels"].flatten(), means)
    assert traced.received["achieved_goal"].shape == (16, 0)  # is not read at all


def test_an_offset_worked_out_by_hand():
    observations = batch_of(rows=4).observations
    goals = torch.tensor([[3.0, 0.0, 5.0], [5.0, 0.0, 5.0]]).repeat(2, 1)  # medians 4, 0, 5
    found = statistics(network_of(), observations | {"desired_goal": goals}, ["desired_goal"])
    assert found["desired_goal.normalised_offset"] == 5
    goals = torch.tensor([[-8.0, 0.0, 0.0], [8.0, 0.0, 0.0]]).repeat(2, 1)
    found = statistics(network_of(), observations | {"desired_goal": goals}, ["desired_goal"])
    assert found["desired_goal.normalised_offset"] == pytest.approx(16 / 1.349 - 1)
    goals = goals / 32
    found = statistics(network_of(), observations | {"desired_goal": goals}, ["desired_goal"])
    assert found["desired_goal.normalised_offset"] == pytest.approx(np.log(1.349 / 0.5))


def test_what_is_clipped_is_told_by_what_it_was():
    network, observations = network_of(), batch_of(rows=64).observations
    clipped = observations | {"desired_goal": (100 * observations["desired_goal"]).clip(-10, 10)}
    whole = {"desired_goal": 100 * observations["desired_goal"]}
    traced = traced_features(network, clipped)
    assert input_statistics(network, traced, whole)["desired_goal.normalised_offset"] > 50


def test_an_offset_equals_a_loop():
    observations = batch_of().observations
    found = statistics(network_of(), observations, GOALS)
    for key in GOALS:
        values = observations[key].numpy()
        units = []
        for unit in values.T:
            low, middle, high = np.percentile(unit, [25, 50, 75])
            spread = (high - low) / 1.349
            units.append(max(abs(middle), spread - 1, -np.log(spread)))
        assert found[f"{key}.normalised_offset"] == pytest.approx(max(units), rel=1e-4)


def test_statistics_that_went_stale_are_found():
    observations = batch_of(rows=128).observations
    fresh = statistics(network_of(), observations, GOALS)
    assert fresh["desired_goal.normalised_offset"] < 0.5
    stale = observations | {"desired_goal": observations["desired_goal"] + 4}
    found = statistics(network_of(), stale, GOALS)
    assert found["desired_goal.normalised_offset"] > 3
    narrow = observations | {"desired_goal": observations["desired_goal"] * 20}
    assert statistics(network_of(), narrow, GOALS)["desired_goal.normalised_offset"] > 2.5


def test_a_few_that_lie_far_off_say_nothing_of_the_statistics():
    observations = batch_of(rows=128).observations
    goals = observations["desired_goal"].clone()
    goals[::8, 2] -= 40.0  # fell off the table
    found = statistics(network_of(), observations | {"desired_goal": goals}, GOALS)
    assert found["desired_goal.normalised_offset"] < 1


def test_only_a_layer_that_shifts_and_scales_standardises():
    observations = batch_of(rows=64).observations
    observations["desired_goal"] = 5 + 0.1 * observations["desired_goal"]
    key = "desired_goal.normalised_offset"
    assert statistics(network_of(AffineGoal, shift=5.0, factor=10.0), observations)[key] < 1
    assert statistics(network_of(AffineGoal, shift=2.0, factor=10.0), observations)[key] > 20
    for shift, factor in ((0.0, 10.0), (5.0, 1.0), (0.0, 1.0)):
        network = network_of(AffineGoal, shift=shift, factor=factor)
        assert key not in statistics(network, observations)


def test_running_statistics_never_see_the_poison():
    class Normalised(CombinedExtractor):
        def __init__(self, space):
            super().__init__(space, cnn_output_dim=8)
            self.extractors["desired_goal"] = nn.BatchNorm1d(3)

    network = network_of(Normalised)
    before = {k: v.clone() for k, v in network.extractor.state_dict().items()}
    traced_features(network, batch_of().observations)
    for name, value in network.extractor.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(("height", "drifts"), [(1e-3, False), (0.05, True)])
def test_what_trembles_is_no_drift(height, drifts):
    spreads = torch.tensor([0.1, 0.1, height])
    goals = 1 + torch.randn(256, 3, generator=torch.Generator().manual_seed(0)) * spreads
    observations = batch_of(rows=256).observations | {"desired_goal": goals}
    factor = torch.tensor([10.0, 10.0, 1e4])  # by the spread of a height that nothing had touched
    network = network_of(AffineGoal, shift=1.0, factor=factor)
    found = statistics(network, observations)["desired_goal.normalised_offset"]
    assert (found > 5) == drifts


class Made(nn.Module):
    """Makes something else of an image before a layer with weights sees it."""

    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, images):
        return self.make(images)


def made_of_images(make, size=36) -> Network:
    class Changed(CombinedExtractor):
        def __init__(self, space):
            super().__init__(space, cnn_output_dim=8)
            self.extractors["pixels"] = nn.Sequential(
                Made(make), nn.Flatten(), nn.LazyLinear(8), nn.ReLU()
            )
            self.extractors["pixels"](torch.zeros(1, 3, size, size))

    return network_of(Changed)


def kept(network: Network, observations) -> float:
    found = levels_kept(network, traced_features(network, observations), observations)
    return float(found["pixels.levels_kept"])


def test_levels_that_are_rounded_away_are_counted():
    observations = batch_of(rows=20).observations
    levels = torch.tensor([0, 30, 60, 255], dtype=torch.uint8)
    pixels = levels[torch.arange(observations["pixels"].numel()) % 4]
    few = observations | {"pixels": pixels.reshape(observations["pixels"].shape)}
    assert kept(network_of(), observations) == kept(network_of(), few) == 1
    assert kept(made_of_images(torch.floor), few) == 2 / 4  # 0 and 1


def test_few_of_many_levels_are_held_against_eight():
    observations = batch_of(rows=20).observations
    values, counts = np.unique(observations["pixels"][:8].numpy(), return_counts=True)
    assert (counts >= 0.001 * counts.sum()).sum() > 8
    assert kept(made_of_images(torch.floor), observations) == len(np.unique(values // 255)) / 8
    quarters = made_of_images(lambda images: (images * 3).floor())
    assert kept(quarters, observations) == len(np.unique(values.astype(int) * 3 // 255)) / 8
    assert kept(made_of_images(lambda images: (images * 31).floor()), observations) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda images: images.mean(dim=1, keepdim=True),  # grey
        lambda images: images[..., 4:-4, 4:-4],  # cropped
        lambda images: images[..., ::2, ::2],  # every other pixel
        lambda images: nn.functional.avg_pool2d(images, 2),
        lambda images: (images - 0.5) / 0.2,
        lambda images: images.bfloat16().float(),
        lambda images: images / 255,
    ],
)
def test_images_that_are_resized_or_scaled_keep_their_levels(make):
    network = made_of_images(make)
    assert kept(network, batch_of(rows=20).observations) == 1


def roughened(network: Network, observations) -> dict[str, torch.Tensor]:
    return roughness_gained(network, traced_features(network, observations), observations)


def smooth(rows: int = 20):
    """Return observations whose images are a slope across, the same in all channels."""
    observations = batch_of(rows=rows).observations
    slope = torch.arange(observations["pixels"].shape[-1], dtype=torch.uint8)
    return observations | {"pixels": slope.expand_as(observations["pixels"]).clone()}


def test_images_that_are_reshaped_lose_their_neighbours():
    def reshaped(images):
        return images.permute(0, 2, 3, 1).reshape(images.shape)

    observations = smooth()
    side = observations["pixels"].shape[-1]
    # A slope differs by 1 across and by 0 down. With each value three times in a row, a third of
    # the neighbours across differ; down, rows begin a third of a side later than those above.
    row = np.repeat(np.arange(side), 3)
    image = np.tile(row, side).reshape(3, side, side)
    across, down = np.diff(image, axis=-1) ** 2, np.diff(image, axis=-2) ** 2
    expected = (across.mean() + down.mean()) / 2 / image.var()
    slope = np.tile(np.arange(side), (side, 1))
    before = 0.5 / slope.var()
    found = roughened(made_of_images(reshaped), observations)["pixels.roughness_gained"]
    assert found == pytest.approx(expected / before, rel=1e-4)
    assert found > 3


@pytest.mark.parametrize(
    "make",
    [
        lambda images: images,
        lambda images: (images - 0.5) / 0.2,
        lambda images: images.flip(-1),
        lambda images: images.flip(1),
        lambda images: images.transpose(-1, -2),
    ],
)
def test_images_keep_their_neighbours_under_a_scale_or_a_turn(make):
    observations = batch_of(rows=20).observations
    found = roughened(made_of_images(make), observations)["pixels.roughness_gained"]
    assert found == pytest.approx(1, rel=1e-4)


def test_of_another_number_of_pixels_no_roughness_is_told():
    grey = made_of_images(lambda images: images.mean(dim=1, keepdim=True))
    assert roughened(grey, batch_of(rows=20).observations) == {}
    flat = smooth() | {"pixels": torch.zeros_like(smooth()["pixels"])}
    assert roughened(network_of(), flat) == {}


def test_what_is_made_of_an_image_has_no_levels():
    observations = batch_of(rows=20).observations
    for network in (made_of_images(lambda images: images.mean(dim=(2, 3))), network_of(Mixing)):
        assert levels_kept(network, traced_features(network, observations), observations) == {}
