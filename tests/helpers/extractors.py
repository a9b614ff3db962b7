"""Extractors that are simple enough to reason about."""

from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor


class Flat(BaseFeaturesExtractor):
    """The image itself."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, features_dim=3 * 36 * 36)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return observations["pixels"].flatten(1)
