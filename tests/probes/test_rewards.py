"""What a reward says of goals: by hand, against loops, and of rewards that say nothing."""

import numpy as np
import pytest

from goalscope.probes import farthest_goals, goal_ignored_fraction, paid_distance

TOLERANCE = 0.05
GOALS = np.random.default_rng(0).uniform(-1, 1, (40, 3))
ACHIEVED, FAR = GOALS[:20], GOALS[20:]


def sparse(tolerance):
    def rewards(achieved, desired):
        return -(np.linalg.norm(achieved - desired, axis=1) > tolerance).astype(np.float64)

    return rewards


def dense(achieved, desired):
    return -np.linalg.norm(achieved - desired, axis=1)


def constant(achieved, desired):
    return np.zeros(len(achieved))


def of_a_goal_remembered(achieved, desired):
    return sparse(TOLERANCE)(achieved, np.broadcast_to(GOALS[0], desired.shape))


def backwards(achieved, desired):
    return -1 - sparse(TOLERANCE)(achieved, desired)


def test_the_farthest_goal_is_what_a_loop_finds():
    found = farthest_goals(ACHIEVED, GOALS)
    for row, goal in enumerate(ACHIEVED):
        distances = [np.linalg.norm(goal - other) for other in GOALS]
        assert found[row] == int(np.argmax(distances))


@pytest.mark.parametrize(
    ("rewards", "ignored"),
    [
        (sparse(TOLERANCE), 0),
        (dense, 0),
        (constant, 1),
        (sparse(100.0), 1),  # every place is the goal
        (sparse(-1.0), 1),  # and no place is
        (of_a_goal_remembered, 1),
        (backwards, 1),
    ],
)
def test_a_reward_that_does_not_hear_the_goal_is_told(rewards, ignored):
    far = GOALS[farthest_goals(ACHIEVED, GOALS)]
    assert goal_ignored_fraction(rewards, ACHIEVED, far) == ignored


def test_the_share_is_of_the_goals_that_have_another():
    far = FAR.copy()
    far[:5] = ACHIEVED[:5]

    def half(achieved, desired):
        return np.where(achieved[:, 0] > 0, sparse(TOLERANCE)(achieved, desired), 0.0)

    by_hand = np.mean([goal[0] <= 0 for goal in ACHIEVED[5:]])
    assert goal_ignored_fraction(half, ACHIEVED, far) == by_hand
    assert goal_ignored_fraction(half, ACHIEVED, ACHIEVED) is None


def test_one_other_goal_that_is_paid_less_is_enough():
    def at_least(achieved, desired):
        return -(achieved < desired).any(axis=1).astype(np.float64)

    low, high = np.full_like(ACHIEVED, -2), np.full_like(ACHIEVED, 2)
    assert goal_ignored_fraction(at_least, ACHIEVED, low) == 1
    assert goal_ignored_fraction(at_least, ACHIEVED, low, high) == 0


def test_rewards_of_any_scale_hear_their_goal():
    assert goal_ignored_fraction(lambda a, d: 1e-5 * dense(a, d), ACHIEVED, FAR) == 0


@pytest.mark.parametrize("tolerance", [5e-5, TOLERANCE, 0.3])
def test_the_tolerance_is_found(tolerance):
    assert paid_distance(sparse(tolerance), ACHIEVED, FAR) == pytest.approx(tolerance, abs=2e-3)


def test_in_single_precision_too():
    found = paid_distance(sparse(TOLERANCE), ACHIEVED.astype(np.float32), FAR.astype(np.float32))
    assert found == pytest.approx(TOLERANCE, abs=2e-3)


@pytest.mark.parametrize("rewards", [dense, constant, sparse(100.0)])
def test_of_a_reward_that_has_no_tolerance_none_is_found(rewards):
    assert paid_distance(rewards, ACHIEVED, FAR) is None


def test_whole_numbers_have_no_way_between():
    goals = np.arange(8).reshape(4, 2)
    assert paid_distance(sparse(0.5), goals[:2], goals[2:]) is None
