"""Images as few numbers."""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 12  # pixels that an image is averaged down to, per side
_LEAST_SPREAD = 0.1  # grey levels: what varies less between images is rounding


def averaged(images: Tensor) -> Tensor:
    """Return images (B, C, H, W) averaged down to at most 12 x 12 per channel, float (B, n).

    Bytes end at 1 then; the scale of other images is cut alike.
    """
    side = (min(SIDE, images.shape[-2]), min(SIDE, images.shape[-1]))
    return adaptive_avg_pool2d(images.float() / 255, side).flatten(1)


def colour_offset(images: Tensor, others: Tensor) -> Tensor:
    """Return how far the colours of images (B, C, H, W) lie from those of others (N, C, H, W).

    The Mahalanobis distance of their channels' means m from the others', RMS over images and
    channels: sqrt(E[(m - mu)' (S + floor^2 I)^-1 (m - mu)] / C), mu mean and S covariance of the
    others' channels' means, floor a tenth of a grey level. About 1 for images of the same kind, far
    more where channels are swapped: colours that go together there do not go together here.
    """
    found, known = (_colours(i) for i in (images, others))
    centre = known.mean(dim=0)
    covariance = torch.cov(known.T, correction=0).reshape(len(centre), len(centre))
    covariance += _LEAST_SPREAD**2 * torch.eye(len(centre)).to(covariance)
    away = found - centre
    distance: Tensor = (away * torch.linalg.solve(covariance, away.T).T).mean().sqrt()
    return distance


def _colours(images: Tensor) -> Tensor:
    """Return the mean of each channel in grey levels of 255, float64 (B, C)."""
    levels = images.double().mean(dim=(2, 3))
    return levels if images.dtype == torch.uint8 else 255 * levels
