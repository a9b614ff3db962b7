"""What a reward says of goals: whether it pays for the one asked for, and how near is near."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Goals = NDArray[Any]
Rewards = Callable[[Goals, Goals], NDArray[np.float64]]  # of achieved and desired goals (n, d)

SAME_REWARD = 1e-4  # rewards are stored in single precision
_HALVINGS = 10  # of the way to a goal far away: to a thousandth of it
_ROUNDING = 1e-6  # of a reward in single precision
_BETWEEN = (0.25, 0.5, 0.75)  # of that way


def farthest_goals(asked: Goals, known: Goals) -> NDArray[np.int64]:
    """Return which row of known goals (N, d) lies farthest from each of asked ones, int64 (n,)."""
    asked, known = asked.astype(np.float64), known.astype(np.float64)
    farthest = [np.square(known - goal).sum(axis=1).argmax() for goal in asked]
    return np.array(farthest, dtype=np.int64)


def goal_ignored_fraction(rewards: Rewards, achieved: Goals, *others: Goals) -> float | None:
    """Return the share of achieved goals that are paid no more where they are what is asked for.

    R(a, a) <= R(a, o) for each o of some other goals, to rounding. 0 of a reward for reaching just
    the goal, sparse or dense. One for reaching it or more, as a height, pays all goals alike that
    lie below what is achieved.

    Args:
        rewards: R, of achieved and desired goals.
        achieved: a, goals (n, d).
        others: o, goals (n, d) each; rows where one is the same are left out.

    Returns:
        None where there is no other goal.
    """
    differs = np.all([(achieved != other).any(axis=1) for other in others], axis=0)
    if not differs.any():
        return None
    achieved = achieved[differs]
    own = rewards(achieved, achieved)
    least = np.min([rewards(achieved, other[differs]) for other in others], axis=0)
    rounding = _ROUNDING * np.maximum(np.abs(own), np.abs(least))
    return float((own <= least + rounding).mean())


def paid_distance(rewards: Rewards, achieved: Goals, far: Goals) -> float | None:
    """Return the distance from a goal, in its unit, up to which it is paid as reached: the median.

    By bisection of the way from what is achieved to a goal far away, to a thousandth of it.

    Args:
        rewards: R, of achieved and desired goals.
        achieved: a, float (n, d).
        far: f, float (n, d), goals that are not paid as reached there.

    Returns:
        None where some way does not lead from one reward to another, or others are paid on it (by
        the distance, as a dense reward does), and of goals that are no floating-point numbers.
    """
    if not np.issubdtype(achieved.dtype, np.floating):
        return None

    def asked(parts: NDArray[np.float64]) -> NDArray[np.float64]:
        goals = achieved + parts[:, None] * (far.astype(np.float64) - achieved)
        return rewards(achieved, goals.astype(achieved.dtype))

    ones = np.ones(len(achieved))
    own, elsewhere = asked(0 * ones), asked(ones)
    between = np.stack([asked(part * ones) for part in _BETWEEN])
    known = _same(between, own) | _same(between, elsewhere)
    if _same(own, elsewhere).any() or not known.all():
        return None
    paid, unpaid = 0 * ones, ones
    for _ in range(_HALVINGS):
        middle = (paid + unpaid) / 2
        is_paid = _same(asked(middle), own)
        paid, unpaid = np.where(is_paid, middle, paid), np.where(is_paid, unpaid, middle)
    ways = np.linalg.norm(far.astype(np.float64) - achieved, axis=1)
    return float(np.median((paid + unpaid) / 2 * ways))


def _same(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.abs(one - other) <= SAME_REWARD
