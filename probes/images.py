"""Images as few numbers."""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

_AT_ONCE = 32  # images: as floats a batch takes four times its memory
_FEWEST_COLUMNS = 16
SIDE = 12  # pixels that an image is averaged down to, per side


def averaged(images: Tensor) -> Tensor:
    """Return images (B, C, H, W) averaged down to at most 12 x 12 per channel, float (B, n).

    Bytes end at 1 then; the scale of other images is cut alike.
    """
    side = (min(SIDE, images.shape[-2]), min(SIDE, images.shape[-1]))
    parts = images.split(_AT_ONCE)
    return torch.cat([adaptive_avg_pool2d(p.float() / 255, side).flatten(1) for p in parts])


def interleaving(images: Tensor) -> Tensor | None:
    """Return how much more pixels differ from their neighbours than from the third one along a row.

    The mean squared difference of pixels beside each other over that of pixels three apart, of
    images (B, C, H, W). Below 1 of any scene: what is nearer is more alike. Above where colours lie
    in turn along a row, as a reshape of (H, W, 3) into (3, H, W) leaves them. None of images with
    fewer than 16 columns, where a spot beside a wall tells as much, or without any difference.
    """
    values = images.double()
    if values.shape[-1] < _FEWEST_COLUMNS:
        return None
    beside = values.diff(dim=-1).square().mean()
    third = (values[..., 3:] - values[..., :-3]).square().mean()
    return beside / third if bool(third > 0) else None
