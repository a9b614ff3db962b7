"""Whether images come back mirrored or turned, whatever else an augmentation does to them."""

import torch
from torch import Tensor

_REACH = 8  # of an image's side, the part by which an augmentation may shift it
_CLEARLY = 0.5  # of the upright image's misfit, that of a turned one
_ROUNDING = 1e-6  # squared, of images in 0..1: below it an image fits to the last grey level
_UPRIGHT = (False, False, False)


def turned_share(given: Tensor, returned: Tensor) -> Tensor | None:
    """Return the share of images that came back mirrored or turned by a quarter.

    An image counts where one of the other orientations, shifted by at most an eighth of its side,
    fits what came back with less than half of the upright one's misfit. The misfit is the least
    mean squared difference over shifts, of what no shift moves out of the image. Shifts, noise, and
    changes of colour leave the upright image the best.

    Args:
        given: (B, C, H, W), the images.
        returned: the same as they came back.

    Returns:
        None where they have another shape now: they were cropped, which tells nothing of it.
    """
    if given.ndim != 4 or given.shape != returned.shape:
        return None
    one, other = (_in_unit_range(images) for images in (given, returned))
    upright = _misfit(one, other)
    square = given.shape[-1] == given.shape[-2]
    turned = [
        _misfit(_oriented(one, *how), other)
        for how in torch.cartesian_prod(*[torch.tensor([False, True])] * 3).tolist()
        if tuple(how) != _UPRIGHT and (square or not how[0])
    ]
    least = torch.stack(turned).amin(dim=0)
    return ((upright > _ROUNDING) & (least < _CLEARLY * upright)).double().mean()


def _in_unit_range(images: Tensor) -> Tensor:
    """Return images whose values reach from 0 to 1, whatever their scale."""
    values = images.double()
    low, high = values.min(), values.max()
    return (values - low) / (high - low if bool(high > low) else 1.0)


def _oriented(images: Tensor, across: bool, upside_down: bool, mirrored: bool) -> Tensor:
    images = images.transpose(-1, -2) if across else images
    return images.flip([axis for axis, flips in ((-2, upside_down), (-1, mirrored)) if flips])


def _misfit(images: Tensor, others: Tensor) -> Tensor:
    """Return the least mean squared difference (B,) over small shifts of the images' middle."""
    height, width = images.shape[-2:]
    up, left = height // _REACH, width // _REACH
    middle = images[..., up : height - up, left : width - left]
    # The sum of (a - b)^2 is that of a^2 - 2 a b + b^2, at every shift at once.
    crossed = _sums(middle, others)
    squares = _sums(torch.ones_like(middle), others.square())
    apart = middle.square().flatten(1).sum(dim=1)[:, None, None] - 2 * crossed + squares
    inside = apart[:, : 2 * up + 1, : 2 * left + 1]
    return inside.flatten(1).amin(dim=1).clamp(min=0) / middle[0].numel()


def _sums(part: Tensor, whole: Tensor) -> Tensor:
    """Return sums over channels of part times whole, (B, H, W), at every place it is shifted to."""
    size = whole.shape[-2:]
    product = torch.fft.rfft2(whole) * torch.fft.rfft2(part, s=size).conj()
    sums: Tensor = torch.fft.irfft2(product, s=size).sum(dim=1)
    return sums
