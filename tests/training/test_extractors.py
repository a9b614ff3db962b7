"""The plan's extractor."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import NatureCNN
from torch import nn

from goalscope.training import NormalizedCombinedExtractor
from goalscope.training.agents.extractors import FusionExtractor, KeypointCNN

SPACE = spaces.Dict(
    achieved_goal=spaces.Box(-1, 1, (3,), np.float32),
    desired_goal=spaces.Box(-1, 1, (3,), np.float32),
    pixels=spaces.Box(0, 255, (3, 36, 36), np.uint8),
)


def observations(rows: int = 5) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {k: torch.rand(rows, *s.shape, generator=generator) for k, s in SPACE.items()}


def test_each_part_is_as_the_plan_says():
    extractor = NormalizedCombinedExtractor(SPACE)
    batch = observations()
    features = extractor(batch)
    assert features.shape == (5, 56)
    assert extractor.features_dim == 56
    assert torch.equal(features[:, :3], batch["achieved_goal"])
    assert torch.equal(features[:, 3:6], batch["desired_goal"])
    cnn, norm, tanh = extractor.extractors["pixels"]
    assert isinstance(cnn, NatureCNN)
    assert isinstance(norm, nn.LayerNorm)
    assert isinstance(tanh, nn.Tanh)
    expected = torch.tanh(norm(cnn(batch["pixels"])))
    assert torch.equal(features[:, 6:], expected)
    assert features[:, 6:].abs().max() <= 1


def test_the_width_can_be_set():
    assert NormalizedCombinedExtractor(SPACE, cnn_output_dim=256).features_dim == 262


def test_blocks_stand_in_the_order_of_the_space_with_an_encoder_per_image():
    image = SPACE["pixels"]
    space = spaces.Dict(
        {"z": SPACE["desired_goal"], "left": image, "a": spaces.Discrete(4), "b": image}
    )
    extractor = NormalizedCombinedExtractor(space, cnn_output_dim=7)
    assert list(extractor.extractors) == list(space.spaces)
    batch = {k: torch.rand(2, *s.shape) for k, s in space.items() if k != "a"}
    batch["a"] = torch.eye(4)[[1, 3]]  # SB3 hands a Discrete over as one-hot
    features = extractor(batch)
    parts = [extractor.extractors[key](batch[key]) for key in space.spaces]
    assert torch.equal(features, torch.cat(parts, dim=1))
    assert features.shape == (2, extractor.features_dim) == (2, 3 + 7 + 4 + 7)
    left, b = (extractor.extractors[key][0].cnn[0].weight for key in ("left", "b"))
    assert left is not b


def test_images_that_are_normalised_already_are_taken_as_images():
    space = spaces.Dict(pixels=spaces.Box(0, 1, (3, 36, 36), np.float32))
    assert NormalizedCombinedExtractor(space, normalized_image=True).features_dim == 50
    assert NormalizedCombinedExtractor(space).features_dim == 3 * 36 * 36


def test_other_spaces_are_refused():
    with pytest.raises(ValueError, match="needs a Dict"):
        NormalizedCombinedExtractor(SPACE["pixels"])


def test_vectors_are_standardised_and_keys_left_unread():
    constants = {"desired_goal": ([1.0, 0.0, 0.0], [2.0, 1.0, 0.5])}
    extractor = FusionExtractor(SPACE, standardised=constants, unread=("pixels",))
    batch = observations()
    features = extractor(batch)
    assert features.shape == (5, extractor.features_dim) == (5, 6)
    assert torch.equal(features[:, :3], batch["achieved_goal"])
    mean, spread = map(torch.tensor, constants["desired_goal"])
    assert torch.equal(features[:, 3:], (batch["desired_goal"] - mean) / spread)


def test_a_sharp_softmax_tells_images_apart_before_any_training():
    spreads = {}
    for encoder in ("spatial", "spatial-sharp"):
        torch.manual_seed(0)
        extractor = FusionExtractor(SPACE, encoder=encoder)
        places = extractor.extractors["pixels"].cnn(observations()["pixels"])
        spreads[encoder] = float(places.detach().std(dim=0).mean())
    assert spreads["spatial-sharp"] > 5 * spreads["spatial"]


def test_keypoints_are_where_each_map_is_active():
    encoder = KeypointCNN(SPACE["pixels"], cnn_dim=2)
    with torch.no_grad():
        for layer in (layer for layer in encoder.cnn if isinstance(layer, torch.nn.Conv2d)):
            layer.weight.zero_()
            layer.bias.zero_()
            layer.weight[:, :, layer.kernel_size[0] // 2, layer.kernel_size[1] // 2] = 1.0
    images = torch.zeros(2, *SPACE["pixels"].shape)
    images[0, :, 4, 32] = 10.0  # row, column: top right of 36 x 36
    images[1, :, 20, 8] = 10.0
    places = encoder(images)
    # Maps are 9 x 9, from -1 to 1: each is a quarter of the image's row and column.
    expected = torch.tensor([[1.0, -0.75], [-0.5, 0.25]])
    torch.testing.assert_close(places.detach(), expected, atol=1e-3, rtol=0)
    with pytest.raises(ValueError, match="use --cnn-dim 4"):
        KeypointCNN(SPACE["pixels"], cnn_dim=3)
