"""What can be wrong in a features extractor: each function spoils one that has just been made.

The agent makes its extractors through `extractor_class`, for actor, critic and target alike, as it
makes a user's own `features_extractor_class`.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from gymnasium import spaces
from torch import Tensor, nn

from goalscope.training.agents.extractors import FusionExtractor, Gain

Spoil = Callable[[FusionExtractor], None]
_DEAD_BIAS = -10.0  # no input of this size lifts a unit above 0 again, and no gradient does
_SATURATING = 100.0  # of a standard deviation of 1, all but 2 in 100 lie beyond Tanh's 0.99


class PixelGoalExtractor(FusionExtractor):
    """The extractor of the runs.

    Args:
        observation_space: a Dict space.
        **options: of `FusionExtractor`.
    """

    spoils: ClassVar[Sequence[Spoil]] = ()

    def __init__(self, observation_space: spaces.Dict, **options: Any) -> None:
        super().__init__(observation_space, **options)
        with torch.no_grad():
            for spoil in self.spoils:
                spoil(self)


def extractor_class(spoils: Sequence[Spoil]) -> type[PixelGoalExtractor]:
    """Return the class whose extractors are spoilt so; its name is that of the healthy one."""
    return type(PixelGoalExtractor.__name__, (PixelGoalExtractor,), {"spoils": tuple(spoils)})


class Detach(nn.Module):
    """Lets no gradient through."""

    def forward(self, features: Tensor) -> Tensor:
        """Return the features without their graph."""
        return features.detach()


def image_block_times_50(extractor: FusionExtractor) -> None:
    """Multiply the image features by 50 before the fusion."""
    follow(extractor, "pixels", Gain(50.0))


def goals_times_002(extractor: FusionExtractor) -> None:
    """Multiply both goal vectors by 0.02 on their way in."""
    for key in ("achieved_goal", "desired_goal"):
        follow(extractor, key, Gain(0.02))


def detached(extractor: FusionExtractor) -> None:
    """Detach the image features: the optimiser holds the encoder, and no gradient reaches it."""
    follow(extractor, "pixels", Detach())


def relu_killed(extractor: nn.Module) -> None:
    """Push the units of the encoder's last ReLU so far below 0 that none fires."""
    last = next(m for m in reversed(list(extractor.modules())) if isinstance(m, nn.Linear))
    assert last.bias is not None  # NatureCNN's own
    last.bias.fill_(_DEAD_BIAS)


def tanh_saturated(extractor: FusionExtractor) -> None:
    """Scale what goes into Tanh up, through the gain of the LayerNorm before it."""
    norm = next(m for m in extractor.modules() if isinstance(m, nn.LayerNorm))
    norm.weight.fill_(_SATURATING)


def images_scaled_twice(extractor: FusionExtractor) -> None:
    """Divide images by 255 that SB3 has divided already: what is left are the encoder's biases.

    They are the same for every observation, and LayerNorm gives them a healthy size.
    """
    extractor.extractors["pixels"] = nn.Sequential(Gain(1 / 255), extractor.extractors["pixels"])


def follow(extractor: FusionExtractor, key: str, module: nn.Module) -> None:
    """Put a module behind the one that reads a key."""
    extractor.extractors[key] = nn.Sequential(extractor.extractors[key], module)
