"""Images as few numbers."""

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 12  # pixels that an image is averaged down to, per side


def averaged(images: Tensor) -> Tensor:
    """Return images (B, C, H, W) averaged down to at most 12 x 12 per channel, float (B, n).

    Bytes end at 1 then; the scale of other images is cut alike.
    """
    side = (min(SIDE, images.shape[-2]), min(SIDE, images.shape[-1]))
    return adaptive_avg_pool2d(images.float() / 255, side).flatten(1)
