"""Linear read-out: how well a target can be told from features, on episodes not fitted on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PENALTIES = np.logspace(-2, 6, 9)
FOLDS = 5
HELD_OUT = 0.3  # of the episodes
_ROUNDING = 1e-6  # of float32 features: a spread below this share of their size is none

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Readout:
    """How well a linear read-out does on the held-out episodes.

    Attributes:
        r2: 1 - SS_res / SS_tot, both summed over the target's components; at most 1, below 0 where
            the mean of the held-out rows would do better; NaN for a target that does not vary.
        error: RMS of the Euclidean error, in the target's unit.
        penalty: the one that cross-validation chose.
    """

    r2: float
    error: float
    penalty: float


def ridge_readout(
    features: NDArray[np.floating], target: Floats, episodes: NDArray[np.integer]
) -> Readout:
    """Return how well a target is read from features by ridge regression.

    Features are standardised on the rows fitted on, the target is centred: W = argmin
    norm(Y - XW)^2 + penalty * norm(W)^2, in closed form from the singular value decomposition of X
    in float64. The last 30 % of the episodes, by id, are held out; the penalty, one of nine decades
    from 0.01 to 1e6, has the least squared error in cross-validation over the other episodes, in
    at most five folds that split none.

    Source: Hoerl & Kennard, "Ridge regression: biased estimation for nonorthogonal problems", 1970.

    Args:
        features: float (N, D). All of the result is NaN where one is not finite.
        target: float64 (N, d).
        episodes: int (N,), which episode each row is from.

    Raises:
        ValueError: fewer than three episodes.
    """
    return RidgeReader(features, episodes).read(target)


class RidgeReader:
    """`ridge_readout` of several targets from the same features, which are decomposed once.

    Args:
        features: float (N, D).
        episodes: int (N,).

    Raises:
        ValueError: fewer than three episodes.
    """

    def __init__(self, features: NDArray[np.floating], episodes: NDArray[np.integer]) -> None:
        self._held_out, folds = _split(episodes)
        self._finite = bool(np.isfinite(features).all())
        if self._finite:
            values = features.astype(np.float64)
            self._whole = _Fit(values, ~self._held_out, self._held_out)
            self._folds = [_Fit(values, ~self._held_out & ~fold, fold) for fold in folds]

    def read(self, target: Floats) -> Readout:
        """Return how well the target, float64 (N, d), is read."""
        if not self._finite:
            return Readout(np.nan, np.nan, np.nan)
        errors = [
            np.square(fit.predictions(target, PENALTIES) - target[fit.told]).mean(axis=(1, 2))
            for fit in self._folds
        ]
        best = PENALTIES[np.argmin(np.mean(errors, axis=0))]
        truth = target[self._held_out]
        missed = np.square(self._whole.predictions(target, best[None])[0] - truth).sum()
        varied = np.square(truth - truth.mean(axis=0)).sum()
        constant = varied <= _ROUNDING**2 * np.square(truth).sum()
        r2 = np.nan if constant else 1 - missed / varied
        return Readout(float(r2), float(np.sqrt(missed / len(truth))), float(best))


class _Fit:
    """Standardised rows, decomposed: predictions for any target and penalty cost a product.

    Args:
        features: float64 (N, D).
        fitted: bool (N,), the rows it is fitted on.
        told: bool (N,), the rows it predicts.
    """

    def __init__(
        self, features: Floats, fitted: NDArray[np.bool_], told: NDArray[np.bool_]
    ) -> None:
        self.fitted, self.told = fitted, told
        rows = features[fitted]
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        size = np.sqrt(np.square(rows).mean(axis=0))
        # A unit that is constant but for rounding is left out: dividing by infinity makes it 0.
        scale = np.where(spread > _ROUNDING * size, spread, np.inf)
        left, self._singular, right = np.linalg.svd((rows - mean) / scale, full_matrices=False)
        self._left = left
        self._told = ((features[told] - mean) / scale) @ right.T

    def predictions(self, target: Floats, penalties: Floats) -> Floats:
        """Return the target of the rows told, float64 (P, M, d), for each of the penalties."""
        known = target[self.fitted]
        mean = known.mean(axis=0)
        projected = self._left.T @ (known - mean)
        shrunk = self._singular / (np.square(self._singular) + penalties[:, None])
        result: Floats = mean + self._told @ (shrunk[:, :, None] * projected)
        return result


def _split(episodes: NDArray[np.integer]) -> tuple[NDArray[np.bool_], list[NDArray[np.bool_]]]:
    """Return which rows are held out, and which of the others each fold tests on; bool (N,)."""
    ids = np.unique(episodes)
    held_out = max(1, round(HELD_OUT * len(ids)))
    kept = ids[: len(ids) - held_out]
    if len(kept) < 2:
        raise ValueError(
            f"a read-out fits, validates and tests on different episodes: it needs three, not "
            f"{len(ids)}"
        )
    folds = min(FOLDS, len(kept))
    return np.isin(episodes, ids[-held_out:]), [
        np.isin(episodes, kept[number::folds]) for number in range(folds)
    ]
