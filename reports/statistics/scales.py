"""The scales on which quantities are compared: where a t-interval is at its best."""

import math
from collections.abc import Callable
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy import special

# A share or ratio of exactly 0 has no logarithm: it is moved in by this much, far below any
# threshold, so that it stays on the side of it that it lies on.
EPSILON = 1e-12
REACH = math.log(1000)  # a distance beyond this, on a scale with logarithms, is no more evidence
_ROUNDING = 1e-6  # of a share that was put together in single precision

Array = NDArray[np.float64]


class Scale(Enum):
    """The scale on which a quantity is compared."""

    LOGIT = "logit"
    LOG = "log"
    FISHER = "Fisher z"
    PLAIN = "plain"

    def clip(self, values: Array) -> Array:
        """Return the values, moved off the ends that this scale sends to infinity."""
        if self is Scale.LOGIT:
            return np.clip(values, EPSILON, 1 - EPSILON)
        if self is Scale.FISHER:
            return np.clip(values, EPSILON - 1, 1 - EPSILON)
        return np.maximum(values, EPSILON) if self is Scale.LOG else values

    def forward(self, values: Array) -> Array:
        """Return the values on this scale; clip first."""
        return _FORWARD[self](values)

    def backward(self, values: Array) -> Array:
        """Return values of this scale as they were measured."""
        return _BACKWARD[self](values)

    def limit(self, distances: Array) -> Array:
        """Return distances on this scale, cut off at a factor of a thousand either way.

        A single exact zero would otherwise outweigh every other seed, by as much as `EPSILON` is
        small. Cut off alike on both sides, so that chance stays even-handed.
        """
        return distances if self is Scale.PLAIN else np.clip(distances, -REACH, REACH)

    def contains(self, value: float) -> bool:
        """Whether a finite number is possible at all: a share in 0..1, a correlation in -1..1."""
        if self is Scale.LOGIT:
            return -_ROUNDING <= value <= 1 + _ROUNDING
        if self is Scale.FISHER:
            return abs(value) <= 1 + _ROUNDING
        return self is Scale.PLAIN or value >= 0


def _same(values: Array) -> Array:
    return values


_FORWARD: dict[Scale, Callable[[Array], Array]] = {
    Scale.LOGIT: special.logit,
    Scale.LOG: np.log,
    Scale.FISHER: np.arctanh,
    Scale.PLAIN: _same,
}
_BACKWARD: dict[Scale, Callable[[Array], Array]] = {
    Scale.LOGIT: special.expit,
    Scale.LOG: np.exp,
    Scale.FISHER: np.tanh,
    Scale.PLAIN: _same,
}
