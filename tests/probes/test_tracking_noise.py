"""White noise on what is achieved: its size, and the motion that is none."""

import numpy as np
import pytest

from goalscope.probes import tracking_noise

NUMBERS = np.repeat(np.arange(8), 25)
GOALS = np.random.default_rng(5).uniform(-1, 1, (8, 2))
WIDEST = GOALS.std(axis=0).max()


def walk(effect, seed=0):
    """Return places (N, 2) that episodes of random actions lead to, and the actions."""
    actions = np.random.default_rng(seed).uniform(-1, 1, (len(NUMBERS), 2))
    places = [effect(actions[NUMBERS == number]) for number in range(8)]
    return np.concatenate(places), actions


def steps(actions):
    return 0.1 * actions.cumsum(axis=0)


def noisy(places, size, seed=1):
    return places + np.random.default_rng(seed).normal(0, size, places.shape)


def test_noise_equals_a_loop():
    places, actions = walk(steps)
    places = noisy(places, [0.1, 0.2])
    changes, known, whose = [], [], []
    for row in range(2, len(places)):
        if NUMBERS[row] == NUMBERS[row - 2]:
            changes.append(places[row] - places[row - 1])
            known.append([1, *actions[row], *actions[row - 1], *actions[row - 2]])
            whose.append(NUMBERS[row])
    known, changes = np.array(known), np.array(changes)
    left = changes - known @ np.linalg.solve(known.T @ known, known.T @ changes)
    for d in range(2):
        most = 4 * np.median(np.abs(left[:, d]))
        left[:, d] = [min(max(value, -most), most) for value in left[:, d]]
    sizes = []
    for d in range(2):
        lags = [
            np.mean(
                [
                    left[row, d] * left[row + lag, d]
                    for row in range(len(left) - lag)
                    if whose[row] == whose[row + lag]
                ]
            )
            for lag in (1, 2, 3)
        ]
        sizes.append(np.sqrt(-lags[0] - max(abs(lags[1]), abs(lags[2]))))
    assert tracking_noise(places, actions, NUMBERS, GOALS) == pytest.approx(max(sizes) / WIDEST)
    assert max(sizes) == pytest.approx(0.2, abs=0.05)


def follows(actions):
    """A place that is commanded outright, by a joint: arms are curved."""
    return np.sin(1.5 * actions)


def sluggish(actions):
    place, places = np.zeros(2), []
    for action in actions:
        place = place + 0.5 * (action - place)
        places.append(place)
    return np.array(places)


def swings(period):
    def places(actions):
        times = np.arange(len(actions))[:, None]
        return 0.5 * np.cos(2 * np.pi * times / period) + 0.05 * actions.cumsum(axis=0)

    return places


def pushed(actions):
    hit = np.random.default_rng(7).random(len(actions)) < 0.1
    return (0.3 * actions * hit[:, None]).cumsum(axis=0)


@pytest.mark.parametrize(
    "effect",
    [
        steps,
        follows,
        sluggish,
        swings(2),
        swings(3),
        swings(4),
        swings(7),
        pushed,
        lambda actions: np.clip(3 * steps(actions), -0.3, 0.3),  # walls
        lambda actions: steps(steps(actions)),  # momentum
        lambda actions: noisy(steps(actions), 1e-3),  # trembles
        lambda actions: noisy(np.zeros_like(actions), 1e-4),  # does nothing else
    ],
)
def test_motion_is_no_noise(effect):
    for seed in range(20):
        places, actions = walk(effect, seed)
        assert tracking_noise(places, actions, NUMBERS, GOALS) < 0.01


def test_a_policy_that_dithers_around_its_goal_is_no_noise():
    rng = np.random.default_rng(0)
    actions, places = np.zeros((len(NUMBERS), 2)), np.zeros((len(NUMBERS), 2))
    place = rng.uniform(-1, 1, 2)
    for row in range(len(NUMBERS)):
        wanted = 10 * (GOALS[NUMBERS[row]] - place) + rng.normal(0, 0.5, 2)
        actions[row] = np.clip(wanted, -1, 1)
        places[row] = place = place + 0.1 * actions[row]
    assert tracking_noise(places, actions, NUMBERS, GOALS) == 0


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_found_at_its_size(seed):
    places, actions = walk(steps, seed)
    found = tracking_noise(noisy(places, 0.2, seed + 100), actions, NUMBERS, GOALS)
    assert found * WIDEST == pytest.approx(0.2, rel=0.3)


def test_few_steps_or_goals_and_broken_numbers_tell_no_noise():
    places, actions = walk(steps)
    few = slice(0, 70)
    assert tracking_noise(places[few], actions[few], NUMBERS[few], GOALS) is None
    assert tracking_noise(places[:2], actions[:2], NUMBERS[:2], GOALS) is None
    assert tracking_noise(places, actions, np.arange(200) // 2, GOALS) is None
    assert tracking_noise(places, actions, NUMBERS, GOALS[:2]) is None
    assert tracking_noise(places, actions, NUMBERS, np.ones((8, 2))) is None
    assert tracking_noise(np.full_like(places, np.nan), actions, NUMBERS, GOALS) is None
