"""Features extractors that an SB3 policy can be given in `policy_kwargs`."""

import torch
from gymnasium import spaces
from gymnasium.spaces.utils import flatdim
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, NatureCNN
from torch import Tensor, nn


class NormalizedCombinedExtractor(BaseFeaturesExtractor):
    """Image features bounded by LayerNorm and Tanh, beside the flattened vectors.

    Per key, in the space's order: an image passes NatureCNN -> LayerNorm -> Tanh, a vector is
    flattened; the results are concatenated. After DrQ-v2's trunk (Yarats et al. 2021), which has no
    ReLU in front of its LayerNorm; NatureCNN ends in one.

    Args:
        observation_space: a Dict space.
        cnn_output_dim: image features per image key.
        normalized_image: whether images are already scaled to [0, 1].

    Raises:
        ValueError: the space is not a Dict.
    """

    def __init__(
        self,
        observation_space: spaces.Dict,
        cnn_output_dim: int = 50,
        normalized_image: bool = False,
    ) -> None:
        if not isinstance(observation_space, spaces.Dict):
            raise ValueError(
                "NormalizedCombinedExtractor needs a Dict observation space, not "
                f"{type(observation_space).__name__}; use it with MultiInputPolicy"
            )
        extractors: dict[str, nn.Module] = {}
        width = 0
        for key, space in observation_space.spaces.items():
            if is_image_space(space, normalized_image=normalized_image):
                extractors[key] = nn.Sequential(
                    NatureCNN(space, cnn_output_dim, normalized_image),
                    nn.LayerNorm(cnn_output_dim),
                    nn.Tanh(),
                )
                width += cnn_output_dim
            else:
                extractors[key] = nn.Flatten()
                width += flatdim(space)
        super().__init__(observation_space, features_dim=width)
        self.extractors = nn.ModuleDict(extractors)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Return the fused features, float (B, D), of key -> (B, ...)."""
        return torch.cat([part(observations[key]) for key, part in self.extractors.items()], dim=1)
