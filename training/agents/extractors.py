"""Features extractors that an SB3 policy can be given in `policy_kwargs`."""

import math
from collections.abc import Mapping, Sequence

import torch
from gymnasium import spaces
from gymnasium.spaces.utils import flatdim
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, NatureCNN
from torch import Tensor, nn

from goalscope.training.agents.settings import SIMNORM_GROUP, Encoder, Trunk

Constants = Mapping[str, tuple[Sequence[float], Sequence[float]]]  # key -> mean and spread
SHARP = 0.1  # at 1 fresh maps are nearly even, and every image has the same features


class FusionExtractor(BaseFeaturesExtractor):
    """Encoded images beside flattened vectors, with one switch for each thing an arm changes.

    Per key, in the space's order: an image passes its encoder, its trunk and a fixed gain; a vector
    is flattened, and standardised where constants are given. The results are
    concatenated. With every switch at its default it computes what SB3's `CombinedExtractor` does,
    whose keywords it takes: there `cnn_dim` is called `cnn_output_dim`.

    Args:
        observation_space: a Dict space.
        cnn_output_dim: image features per image key.
        normalized_image: whether images are already scaled to [0, 1].
        encoder: "nature" is SB3's NatureCNN; "spatial" 3x3 convolutions and a spatial softmax,
            "spatial-sharp" the same at a temperature of 0.1; "keypoints" is `KeypointCNN`.
        trunk: what follows the encoder. "plain": nothing. "layernorm-tanh": LayerNorm -> Tanh
            behind the encoder's ReLU, the plan's fix. "drqv2": the same without that ReLU (Yarats
            et al. 2021). "simnorm": LayerNorm -> SimNorm without that ReLU (Hansen et al. 2023).
        image_gain: fixed factor on the image features.
        standardised: key of a vector -> what is subtracted from each component, and what then
            divides it, above 0.
        constant_features: that many zeros in front: the width of a CNN that is not there.
        unread: keys of the space that it does not look at.

    Raises:
        ValueError: the space is not a Dict, or a width that SimNorm cannot divide.
    """

    def __init__(
        self,
        observation_space: spaces.Dict,
        cnn_output_dim: int = 256,
        normalized_image: bool = False,
        encoder: Encoder = "nature",
        trunk: Trunk = "plain",
        image_gain: float = 1.0,
        standardised: Constants | None = None,
        constant_features: int = 0,
        unread: Sequence[str] = (),
    ) -> None:
        if not isinstance(observation_space, spaces.Dict):
            raise ValueError(
                f"{type(self).__name__} needs a Dict observation space, not "
                f"{type(observation_space).__name__}; use it with MultiInputPolicy"
            )
        extractors: dict[str, nn.Module] = {}
        images: list[str] = []
        features_dim = constant_features
        read = {k: space for k, space in observation_space.spaces.items() if k not in unread}
        for key, space in read.items():
            if is_image_space(space, normalized_image=normalized_image):
                assert isinstance(space, spaces.Box)  # what an image space is
                extractors[key] = _image_path(
                    space, cnn_output_dim, normalized_image, encoder, trunk, image_gain
                )
                images.append(key)
                features_dim += cnn_output_dim
            else:
                extractors[key] = nn.Flatten()
                if standardised is not None and key in standardised:
                    extractors[key] = nn.Sequential(nn.Flatten(), Standardise(*standardised[key]))
                features_dim += flatdim(space)
        super().__init__(observation_space, features_dim=features_dim)
        self.extractors = nn.ModuleDict(extractors)
        self.constant_features = constant_features
        self._images = images

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Return the fused features, float (B, D), of key -> (B, ...).

        In an image's place may be what its encoder made of it before, float (B, F).
        """
        parts = [
            part(values)
            if key not in self._images or values.ndim > 2
            else after_encoder(part, values)
            for key, part in self.extractors.items()
            for values in (observations[key],)
        ]
        if self.constant_features:
            parts.insert(0, parts[0].new_zeros(len(parts[0]), self.constant_features))
        return torch.cat(parts, dim=1)


class NormalizedCombinedExtractor(FusionExtractor):
    """Image features bounded by LayerNorm and Tanh, beside the flattened vectors: the plan's fix.

    An image passes NatureCNN -> LayerNorm -> Tanh. After DrQ-v2's trunk (Yarats et al. 2021), which
    has no ReLU in front of its LayerNorm; NatureCNN ends in one.

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
        super().__init__(
            observation_space, cnn_output_dim, normalized_image, trunk="layernorm-tanh"
        )


class SpatialSoftmax(nn.Module):
    """Where each channel is active: the expected image coordinates (Levine et al. 2016).

    Float (B, C, H, W) -> (B, 2 C), each in [-1, 1]: first every x, then every y. The temperature is
    learnt.

    Args:
        temperature: at first; the lower, the more the strongest place decides.
    """

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        self.first = math.log(temperature)
        self.log_temperature = nn.Parameter(torch.full((), self.first))

    def reset_parameters(self) -> None:
        """Set the temperature back to the first."""
        nn.init.constant_(self.log_temperature, self.first)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the coordinates."""
        height, width = maps.shape[-2:]
        weights = (maps.flatten(2) / self.log_temperature.exp()).softmax(dim=-1)
        weights = weights.unflatten(2, (height, width))
        xs = torch.linspace(-1, 1, width, device=maps.device, dtype=maps.dtype)
        ys = torch.linspace(-1, 1, height, device=maps.device, dtype=maps.dtype)
        return torch.cat([weights.sum(2) @ xs, weights.sum(3) @ ys], dim=1)


class SpatialSoftmaxCNN(BaseFeaturesExtractor):
    """Three 3x3 convolutions, a spatial softmax over their 32 maps, and a linear layer with ReLU.

    Args:
        observation_space: an image space, channels first.
        cnn_dim: number of features.
        temperature: of the softmax, at first.
    """

    def __init__(
        self, observation_space: spaces.Box, cnn_dim: int = 256, temperature: float = 1.0
    ) -> None:
        super().__init__(observation_space, cnn_dim)
        channels = observation_space.shape[0]
        self.cnn = nn.Sequential(
            nn.Conv2d(channels, 32, 3, stride=2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, stride=2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3),
            nn.ReLU(),
            SpatialSoftmax(temperature),
        )
        self.linear = nn.Sequential(nn.Linear(64, cnn_dim), nn.ReLU())

    def forward(self, observations: Tensor) -> Tensor:
        """Return the features, float (B, cnn_dim), of images in [0, 1]."""
        features: Tensor = self.linear(self.cnn(observations))
        return features


class KeypointCNN(BaseFeaturesExtractor):
    """Three small convolutions, and where each of their maps is active (Finn et al. 2016).

    A quarter of the arithmetic of `SpatialSoftmaxCNN`, and nothing behind the softmax: features are
    image coordinates in [-1, 1].

    Args:
        observation_space: an image space, channels first.
        cnn_dim: number of features: two for each map.
        temperature: of the softmax, at first.

    Raises:
        ValueError: an odd number of features.
    """

    def __init__(
        self, observation_space: spaces.Box, cnn_dim: int = 64, temperature: float = SHARP
    ) -> None:
        if cnn_dim % 2:
            raise ValueError(
                f"keypoints have two coordinates each, and {cnn_dim} image features are odd; "
                f"use --cnn-dim {cnn_dim + 1}"
            )
        super().__init__(observation_space, cnn_dim)
        self.cnn = nn.Sequential(
            nn.Conv2d(observation_space.shape[0], 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, cnn_dim // 2, 3, padding=1),
            nn.ReLU(),
            SpatialSoftmax(temperature),
        )

    def forward(self, observations: Tensor) -> Tensor:
        """Return the features, float (B, cnn_dim), of images in [0, 1]."""
        features: Tensor = self.cnn(observations)
        return features


class SimNorm(nn.Module):
    """Simplicial normalisation: a softmax over each group of 8 units (Hansen et al. 2023)."""

    def forward(self, features: Tensor) -> Tensor:
        """Return (B, D) in [0, 1]; each group sums to 1."""
        groups: Tensor = features.unflatten(1, (-1, SIMNORM_GROUP))
        return groups.softmax(dim=-1).flatten(1)


class Gain(nn.Module):
    """A fixed factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, features: Tensor) -> Tensor:
        """Return the features times the factor."""
        return features * self.factor


class Standardise(nn.Module):
    """Subtracts a constant mean and divides by a constant spread, per component."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return (B, d) standardised."""
        return (vectors - self.mean) / self.std


def encoder_of(path: nn.Module) -> nn.Module:
    """Return the encoder that an image's path begins with."""
    return path[0] if isinstance(path, nn.Sequential) else path


def after_encoder(path: nn.Module, encoded: Tensor) -> Tensor:
    """Return what an image's path makes, float (B, F), of what its encoder made, float (B, F)."""
    for layer in list(path)[1:] if isinstance(path, nn.Sequential) else ():
        encoded = layer(encoded)
    return encoded


def _image_path(
    space: spaces.Box, cnn_dim: int, normalized: bool, encoder: Encoder, trunk: Trunk, gain: float
) -> nn.Module:
    cnn = _encoder(space, cnn_dim, normalized, encoder)
    layers: list[nn.Module] = [cnn]
    if trunk in ("drqv2", "simnorm") and not isinstance(cnn, KeypointCNN):
        del cnn.linear[-1]  # the ReLU
    if trunk in ("layernorm-tanh", "drqv2"):
        layers += [nn.LayerNorm(cnn_dim), nn.Tanh()]
    if trunk == "simnorm":
        if cnn_dim % SIMNORM_GROUP:
            raise ValueError(
                f"SimNorm groups features by {SIMNORM_GROUP}, and {cnn_dim} image features do not "
                f"divide; use --cnn-dim {max(1, cnn_dim // SIMNORM_GROUP) * SIMNORM_GROUP}"
            )
        layers += [nn.LayerNorm(cnn_dim), SimNorm()]
    if gain != 1.0:
        layers.append(Gain(gain))
    return nn.Sequential(*layers) if len(layers) > 1 else cnn


def _encoder(
    space: spaces.Box, cnn_dim: int, normalized: bool, encoder: Encoder
) -> NatureCNN | SpatialSoftmaxCNN | KeypointCNN:
    if encoder == "nature":
        return NatureCNN(space, cnn_dim, normalized)
    if encoder == "keypoints":
        return KeypointCNN(space, cnn_dim)
    return SpatialSoftmaxCNN(space, cnn_dim, SHARP if encoder == "spatial-sharp" else 1.0)
