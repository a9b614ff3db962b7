"""No difference: said only where a test of equivalence says so, with a stated margin."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special


@dataclass(frozen=True)
class Equivalence:
    """What two one-sided t-tests (TOST, Schuirmann 1987) say of paired differences.

    Attributes:
        margin: differences smaller than this, either way, count as none; on the differences' scale.
        p_value: the larger one of the two tests; NaN with fewer than two differences.
        equivalent: whether it lies below 1 - confidence.
    """

    margin: float
    p_value: float
    equivalent: bool


def equivalent(differences: Sequence[float], margin: float, confidence: float) -> Equivalence:
    """Return whether the mean difference lies within a margin either way.

    Args:
        differences: one finite number per pair, on the scale of the margin.
        margin: above 0.
        confidence: of each one-sided test, 0..1; 0.95 asks for a 90 % interval within the margin.
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 2:
        return Equivalence(margin, math.nan, False)
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    distance = margin - abs(mean)  # to the nearer end, whose test has the larger p-value
    if error == 0:
        p_value = float(distance <= 0)
    else:
        p_value = float(special.stdtr(len(values) - 1, -distance / error))
    return Equivalence(margin, p_value, p_value < 1 - confidence)
