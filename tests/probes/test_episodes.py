"""What stored episodes tell: origins of goals, goals at success, and ends."""

import numpy as np
import pytest
from scipy.stats import ttest_ind_from_stats

from goalscope.probes import (
    asked_goal_spread,
    draw_skew,
    end_fractions,
    goal_gap,
    goal_origins,
    goal_shift,
    newest_count,
    same_rows,
    start_drift,
)


def relabelled(achieved, desired, stored, numbers) -> float:
    steps = np.arange(len(stored))
    return goal_origins(achieved, desired, stored, numbers, steps)["relabelled_fraction"]


def episodes(draw, count=6, length=20):
    """Return the achieved goals of random walks, (N, 2), and whose each is."""
    walks = draw.normal(size=(count, length, 2)).cumsum(axis=1).astype(np.float32)
    return walks.reshape(-1, 2), np.repeat(np.arange(count), length)


def test_relabelled_goals_are_found_in_their_episodes():
    draw = np.random.default_rng(0)
    stored, numbers = episodes(draw)
    rows = draw.integers(len(stored), size=200)
    desired = draw.normal(size=(200, 2)).astype(np.float32)
    for i in range(150):
        desired[i] = draw.choice(stored[numbers == numbers[rows[i]]])
    found = relabelled(stored[rows], desired, stored, numbers)
    naive = [
        any(np.array_equal(desired[i], goal) for goal in stored[numbers == numbers[row]])
        for i, row in enumerate(rows)
    ]
    assert found == np.mean(naive) == 0.75


def test_goals_that_are_never_relabelled_are_found():
    draw = np.random.default_rng(0)
    stored, numbers = episodes(draw)
    rows = draw.integers(len(stored), size=50)
    assert relabelled(stored[rows], draw.normal(size=(50, 2)), stored, numbers) == 0


def test_goals_of_other_episodes_are_not_of_hindsight():
    stored, numbers = episodes(np.random.default_rng(0))
    others = np.roll(stored, 20, axis=0)
    assert relabelled(stored, others, stored, numbers) == 0


def test_goals_that_differ_in_their_last_bit_differ():
    stored, numbers = episodes(np.random.default_rng(0))
    nearly = np.nextafter(stored, np.float32(np.inf))
    assert relabelled(stored, nearly, stored, numbers) == 0
    doubles = stored.astype(np.float64)
    assert relabelled(doubles, doubles, doubles, numbers) == 1


@pytest.mark.parametrize("any_time", [False, True])
def test_goals_from_elsewhere_are_found_as_a_loop_finds_them(any_time):
    draw = np.random.default_rng(1)
    stored, numbers = episodes(draw)
    stored[5] = stored[25]  # one place in two episodes
    steps = np.arange(len(stored))
    rows = draw.integers(len(stored), size=100)
    goals = draw.integers(len(stored), size=100)
    desired = stored[goals].copy()
    desired[:20] += 1  # the environment's own
    found = goal_origins(stored[rows], desired, stored, numbers, steps, any_time=any_time)

    def foreign(row: int, goal: np.ndarray) -> bool:
        own = [i for i in steps if np.array_equal(stored[i], stored[row])]
        places = [i for i in steps if np.array_equal(stored[i], goal)]
        fits = [
            numbers[i] == numbers[place] and (any_time or place >= i)
            for i in own
            for place in places
        ]
        return bool(places) and not any(fits)

    naive = [foreign(row, goal) for row, goal in zip(rows, desired, strict=True)]
    assert found["foreign_goal_fraction"] == np.mean(naive) > 0.5


def test_a_row_is_found_where_it_is_the_only_one():
    stored = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [5.0, 6.0]])
    asked = np.array([[5.0, 6.0], [1.0, 2.0], [7.0, 8.0], [3.0, 4.0]])
    found, only = same_rows(asked, stored)
    assert found.tolist() == [3, -1, -1, 1]
    assert only.tolist() == [1, 3]


def test_the_goal_gap_equals_a_loop():
    draw = np.random.default_rng(0)
    achieved = draw.normal(size=(300, 3)) * [1.0, 2.0, 0.1]
    desired = achieved + draw.normal(size=(300, 3)) * 0.1
    reached = draw.random(300) < 0.1
    one, other = achieved.std(axis=0), desired.std(axis=0)
    least = min(one.max(), other.max()) / 2
    gaps = []
    for i in range(3):
        apart = [achieved[row, i] - desired[row, i] for row in np.flatnonzero(reached)]
        gaps.append(np.sqrt(np.mean(np.square(apart))) / max(min(one[i], other[i]), least))
    assert goal_gap(achieved, desired, reached) == pytest.approx(max(gaps))
    assert max(gaps) < 0.3


@pytest.mark.parametrize("frame", [[100.0, 100.0], [-1.0, 1.0]])
def test_goals_that_are_reached_and_lie_elsewhere_are_found(frame):
    true = np.random.default_rng(0).uniform(-5, 5, (300, 2))
    reached = np.arange(300) < 20
    assert goal_gap(true, true * frame, reached) > 1.2
    assert goal_gap(true, true, reached) == 0
    assert goal_gap(true, true, np.zeros(300, bool)) is None
    assert goal_gap(true, np.zeros_like(true), reached) is None
    assert goal_gap(true, true * frame, np.ones(300, bool)) is None  # every place is the goal


def test_ends_are_told_from_time_limits_and_goals():
    lengths = np.array([25, 25, 25, 7])
    ended, reached = np.array([1, 1, 0, 1], bool), np.array([0, 1, 0, 0], bool)
    found = end_fractions(lengths, ended, reached)
    assert found == {
        "unreached_end_fraction": 2 / 82,
        "cut_as_end_fraction": 1 / 4,
    }
    free = np.zeros(4, bool)
    assert end_fractions(lengths, ended, reached, free)["early_end_fraction"] == 1 / 4
    assert end_fractions(lengths, ended, reached, ~free)["early_end_fraction"] == 0
    assert set(end_fractions(lengths[:2], ended[:2], reached[:2])) == {"unreached_end_fraction"}


def test_one_goal_that_is_asked_for_again_and_again_has_no_spread():
    goals = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    variances = [np.var(goals[:, d].astype(float)) for d in range(3)]
    assert asked_goal_spread(goals) == pytest.approx(np.sqrt(np.mean(variances)))
    assert asked_goal_spread(goals[:1].repeat(6, axis=0)) == 0
    assert asked_goal_spread(goals[:4]) is None


def test_starts_that_drift_are_told_from_starts_that_are_drawn():
    rng = np.random.default_rng(0)
    goals = rng.uniform(-1, 1, (30, 2))
    for _ in range(200):
        assert start_drift(rng.uniform(-1, 1, (30, 2)), goals) == 0
    drifting = np.stack([np.linspace(0, 1, 30), rng.uniform(-1, 1, 30)], axis=1)
    expected = 1 / goals.std(axis=0).max()  # from the first start to the last
    assert start_drift(drifting, goals) == pytest.approx(expected)
    assert start_drift(np.zeros((30, 2)), goals) == 0
    assert start_drift(drifting[:5], goals[:5]) is None
    assert start_drift(drifting, np.ones((30, 2))) is None


def test_the_newest_are_a_quarter_and_at_least_ten():
    assert [newest_count(n) for n in (0, 4, 10, 25, 40, 44, 400)] == [0, 4, 10, 10, 10, 11, 100]


def test_goals_that_shift_are_told_from_goals_that_are_drawn():
    rng = np.random.default_rng(0)
    found = [goal_shift(rng.normal(size=(n, 3)), rng.uniform(-1, 1, (n, 3))) for n in [24] * 400]
    assert np.mean(np.array(found) > 0) < 0.01
    starts, goals = 0.1 * rng.normal(size=(80, 2)), rng.normal(size=(80, 2))
    goals[60:, 1] += 5
    assert goal_shift(starts + 100.0, goals + 100.0) == pytest.approx(goal_shift(starts, goals))
    shifts = []
    for x in (goals, goals - starts):
        old, new = x[:20], x[60:]  # a quarter each
        floor = 0.01 * np.max((old.var(axis=0) + new.var(axis=0)) / 2)
        spread = np.sqrt((old[:, 1].var() + new[:, 1].var()) / 2 + floor)
        shifts.append(abs(new[:, 1].mean() - old[:, 1].mean()) / spread)
    assert goal_shift(starts, goals) == pytest.approx(min(shifts))
    assert goal_shift(starts[:19], goals[:19]) is None
    assert goal_shift(starts, np.ones((80, 2))) is None
    assert goal_shift(starts, np.where(goals > 6, np.inf, goals)) is None


def test_chance_is_welchs():
    rng = np.random.default_rng(1)
    for size in np.linspace(0.5, 2.5, 40):
        goals = rng.normal(size=(24, 1))
        goals[14:] += size
        old, new = goals[:10], goals[14:]
        floor = 0.01 * (old.var() + new.var()) / 2
        spread = [np.sqrt((side.var() + floor) * 10 / 9) for side in (old, new)]
        means = old.mean(), new.mean()
        chance = ttest_ind_from_stats(
            means[0], spread[0], 10, means[1], spread[1], 10, equal_var=False
        ).pvalue
        assert (goal_shift(np.zeros((24, 1)), goals) > 0) == (chance < 1e-4)


def test_frames_that_move_together_and_episodes_without_a_reset_have_not_shifted():
    rng = np.random.default_rng(0)
    starts, goals = rng.normal(size=(2, 80, 2))
    both = np.where(np.arange(80)[:, None] < 40, 0.0, 9.0)
    assert goal_shift(starts + both, goals + both) == 0
    walked = np.cumsum(rng.normal(size=(80, 2)), axis=0)
    assert goal_shift(walked, goals) == 0


def test_a_height_that_was_always_the_same_and_is_another_has_shifted():
    goals = np.stack([np.random.default_rng(0).normal(size=40), np.zeros(40)], axis=1)
    assert goal_shift(np.zeros((40, 2)), goals) == 0
    goals[20:, 1] = 1.0
    assert goal_shift(np.zeros((40, 2)), goals) > 5


def test_a_draw_is_uneven_where_it_is_of_a_part_alone():
    rng = np.random.default_rng(0)
    drawn = rng.integers(300, size=128)
    assert draw_skew(drawn, 300) == pytest.approx(naive_skew(drawn, 300))
    assert draw_skew(drawn, 300) < 0.2
    assert draw_skew(np.arange(300), 300) == 0
    first = rng.integers(30, size=128)
    assert draw_skew(first, 300) == pytest.approx(naive_skew(first, 300))
    assert draw_skew(first, 300) == pytest.approx(0.9, abs=0.01)


def naive_skew(drawn, stored):
    rows = np.arange(stored)
    return max(abs((drawn <= x).mean() - (rows <= x).mean()) for x in rows)


def test_rows_that_are_there_twice_are_no_only_rows():
    stored = np.array([[1.0], [2.0], [1.0], [3.0]])
    assert same_rows(stored, stored)[1].tolist() == [1, 3]
