"""Whether an augmentation is louder than what the image tells."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from goalscope.probes.isolation import evaluation_mode
from goalscope.probes.live.features import spread_per_unit
from goalscope.probes.networks import Network
from goalscope.probes.swaps import rms


def augmentation_noise(
    network: Network,
    observations: Mapping[str, Tensor],
    augment: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    repeats: int = 4,
) -> dict[str, Tensor]:
    """Return how far an augmentation moves an image's features, over how far images lie apart.

    `noise_k = sqrt(mean over rows, units and repeats of (z - the row's mean over repeats)^2 *
    R / (R - 1))`, R repeats of the augmentation; the last factor makes it the same number for any
    R. `augmentation_over_signal_k = noise_k / spread_k`, `spread` as in the feature statistics, of
    the observations as they are. Near or above 1 the augmentation drowns the image.

    The augmentation is DrQ's random shift where that is trained with: Kostrikov, Yarats & Fergus,
    "Image augmentation is all you need", 2020.

    Args:
        network: whose features.
        observations: key -> (B, ...), as an SB3 buffer returns them.
        augment: returns such observations augmented, anew in each call; with a generator of its
            own, so that measuring draws from no shared one.
        repeats: how often; at least 2.

    Returns:
        "<network>.<block>.augmentation_over_signal" -> scalar, >= 0, for each block of images
        alone; infinite or NaN where the block is constant over the observations.

    Raises:
        ValueError: fewer than two repeats.
    """
    if repeats < 2:
        raise ValueError(f"a spread over repeats needs at least two of them, not {repeats}")
    with torch.no_grad(), evaluation_mode(network.module):
        plain = network.fused_features(observations)
        augmented = torch.stack(
            [network.fused_features(augment(observations)) for _ in range(repeats)]
        )
    noise = augmented.std(dim=0, correction=1)
    spread = spread_per_unit(plain)
    return {
        f"{network.name}.{block.name}.augmentation_over_signal": rms(noise[:, block.columns])
        / rms(spread[block.columns])
        for block in network.image_blocks
    }
