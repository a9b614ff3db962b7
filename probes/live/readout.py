"""What of a batch is told from something else: ridge regression, one half asked of the other."""

import torch
from torch import Tensor

from goalscope.probes.live.features import spread_per_unit

PENALTIES = (1e-3, 1e-1, 1e1)  # over the mean square of a standardised row
_ROUNDING = 1e-3
_FEWEST_PLACES = 64  # different ones: half of them are fitted to


def halves_told(known: Tensor, target: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    """Return what ridge regression misses of a target, and what there is of it.

    Fitted on one half of the rows and asked of the other, both ways round; R^2 is one minus the
    first over the second.

    Args:
        known: float (B, n).
        target: float64 (B, A).
        half: bool (B,), which rows are one half.

    Returns:
        The sum of squared errors for each penalty, float64 (P, A), and the sum of squared
        deviations from the mean of what was asked, float64 (A,).
    """
    missed = torch.zeros(len(PENALTIES), target.shape[1]).to(target)
    varied = torch.zeros_like(missed[0])
    for fitted in (half, ~half):
        mean = target[fitted].mean(dim=0)
        truth = target[~fitted] - mean
        predicted = _predictions(known[fitted], target[fitted] - mean, known[~fitted])
        missed += (predicted - truth).square().sum(dim=1)
        varied += (target[~fitted] - target[~fitted].mean(dim=0)).square().sum(dim=0)
    return missed, varied


def place_r2(known: Tensor, achieved: Tensor) -> Tensor | None:
    """Return how well what is achieved is told from something: R^2 over all dimensions, at most 1.

    1 - sum of squared errors over the sum of squared deviations, of all dimensions together and
    with the best penalty, by `halves_told`.

    Args:
        known: float (B, n), features or pixels.
        achieved: float (B, d), goals.

    Returns:
        None where fewer than 64 different goals were achieved, or one is not finite.
    """
    achieved = achieved.double().flatten(1)
    distinct, number = torch.unique(achieved, dim=0, return_inverse=True)
    if len(distinct) < _FEWEST_PLACES or not bool(achieved.isfinite().all()):
        return None
    known = known.double().flatten(1)
    if not bool((known != known[0]).any()):
        return torch.zeros(()).to(known)
    missed, varied = halves_told(known, achieved, number % 2 == 0)
    return (1 - missed.sum(dim=1) / varied.sum()).max()


def _predictions(known: Tensor, target: Tensor, asked: Tensor) -> Tensor:
    """Return the target for each penalty, float64 (P, M, A), in the dual form of ridge.

    f(x) = k(x) (K + penalty I)^-1 y, K = X X^T / n of standardised columns. A column that varies by
    less than a thousandth of the one that varies most is rounding, and is not blown up to its size.
    """
    spread = spread_per_unit(known)
    scale = torch.where(spread.max() > 0, spread.clamp(min=_ROUNDING * spread.max()), 1)
    fitted, told = ((rows - known.mean(dim=0)) / scale for rows in (known, asked))
    columns = known.shape[1]
    gram = fitted @ fitted.T / columns
    identity = torch.eye(len(known)).to(gram)
    weights = [torch.linalg.solve(gram + penalty * identity, target) for penalty in PENALTIES]
    return torch.stack([told @ fitted.T / columns @ weight for weight in weights])
