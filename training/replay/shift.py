"""DrQ's augmentation: each image shifted at random by a few pixels."""

import torch
from torch import Tensor


def random_shift(images: Tensor, pixels: int) -> Tensor:
    """Return each image shifted at random, uint8 (batch, channels, H, W), contiguous.

    The augmentation of DrQ (Kostrikov et al. 2020, "Image Augmentation Is All You Need", section
    3.1): the edge is repeated `pixels` times on every side, and a window of the old size is cut out
    at a place drawn uniformly. One draw per image serves all its channels, so stacked frames move
    together. Drawn from torch's global generator of the images' device.

    Args:
        images: uint8 (batch, channels, H, W).
        pixels: the largest shift.
    """
    corners = torch.randint(0, 2 * pixels + 1, (len(images), 2), device=images.device)
    return shift(images, corners - pixels)


def shift(images: Tensor, offsets: Tensor) -> Tensor:
    """Return images whose pixel (y, x) is the old (y + dy, x + dx), edges repeated.

    Args:
        images: (batch, channels, H, W).
        offsets: int64 (batch, 2), dy and dx of each image, pixels.
    """
    count, channels, height, width = images.shape
    rows = _moved(height, offsets[:, :1])
    columns = _moved(width, offsets[:, 1:])
    # One flat index per pixel, shared by all channels without a copy: three times as fast as
    # indexing rows and columns in turn, and uint8 throughout.
    flat = (rows[:, :, None] * width + columns[:, None, :]).reshape(count, 1, height * width)
    pixels = images.reshape(count, channels, height * width)
    return pixels.gather(2, flat.expand(-1, channels, -1)).reshape(images.shape)


def _moved(size: int, offsets: Tensor) -> Tensor:
    return (torch.arange(size, device=offsets.device) + offsets).clamp_(0, size - 1)
