"""Whether two accounts of the same transitions agree: what was given, and what came back."""

from collections.abc import Sequence

import torch
from torch import Tensor

_RELATIVE, _ABSOLUTE = 1e-4, 1e-6  # rounding of single precision, and of a scale undone


def differing_share(given: Tensor, returned: Tensor) -> Tensor:
    """Return the share of rows, (B, ...) each, of which any element differs by more than rounding.

    Rows of another size differ all.
    """
    one, other = _rows(given).cpu(), _rows(returned).cpu()
    if one.shape != other.shape:
        return torch.tensor(1.0)
    same = torch.isclose(one, other, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True)
    return 1 - same.all(dim=1).float().mean()


def same_share(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """Return the share of rows, (B, ...) of each tensor, that are alike in all of them."""
    same = [(a == b).flatten(1).all(dim=1) for a, b in zip(one, other, strict=True)]
    return torch.stack(same).all(dim=0).float().mean()


def input_offset(acted: Tensor, learnt: Tensor, spread: Tensor) -> Tensor:
    """Return the median over rows of RMS(acted - learnt), over a spread.

    The median, because in one row or another the actor may have been asked by somebody else.

    Args:
        acted: (B, ...), what a network was given where it acted.
        learnt: (B, ...), what it is given of the same observations where it learns.
        spread: scalar, RMS over units of the standard deviation between observations; where nothing
            varies, 1 stands for it.
    """
    one, other = _rows(acted), _rows(learnt)
    if one.shape != other.shape:
        return torch.tensor(torch.inf)
    apart = (one - other).square().mean(dim=1).sqrt()
    return apart.median() / (spread if bool(spread > 0) else 1.0)


def _rows(values: Tensor) -> Tensor:
    """Return (B, n): replay gives a number of a discrete space an axis of its own."""
    return values.double().reshape(len(values), -1)
