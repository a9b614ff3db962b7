"""The plan's extractor."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import NatureCNN
from torch import nn

from goalscope.training import NormalizedCombinedExtractor

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


def test_other_spaces_are_refused():
    with pytest.raises(ValueError, match="needs a Dict"):
        NormalizedCombinedExtractor(SPACE["pixels"])
