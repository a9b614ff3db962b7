"""Images that come late are told from images in time, whatever stands between."""

import numpy as np
import pytest

from goalscope.probes import lateness

STEPS, EPISODE = 200, 20


def made(late, seed, frames=1):
    rng = np.random.default_rng(seed)
    episodes = np.arange(STEPS) // EPISODE
    motion = rng.uniform(0, 1, STEPS)
    change = np.zeros(STEPS)
    for step in range(STEPS):
        shown = [s for s in range(step - late - frames + 1, step - late + 1) if s >= 0]
        change[step] = sum(motion[s] for s in shown if episodes[s] == episodes[step])
    return motion, (change + rng.normal(0, 0.02, STEPS))[:, None], episodes


def stacked(late, seed):
    """Three frames, the oldest first, of one channel each."""
    shown = [made(late + older, seed) for older in (2, 1, 0)]
    motion, _, episodes = shown[0]
    return motion, np.concatenate([change for _, change, _ in shown], axis=1), episodes


@pytest.mark.parametrize("seed", range(20))
def test_late_images_lie_above_and_others_below(seed):
    assert lateness(*made(0, seed)) < 0
    assert lateness(*made(5, seed)) > 0.5
    assert lateness(*made(1, seed)) > 0.5
    assert lateness(*stacked(0, seed)) < 0.2
    assert lateness(*stacked(1, seed)) > 0.5


def test_what_has_nothing_to_do_with_the_vectors_is_not_late():
    motion, _, episodes = made(0, 0)
    found = [
        lateness(motion, np.random.default_rng(seed).uniform(0, 1, (STEPS, 1)), episodes)
        for seed in range(200)
    ]
    assert np.mean(np.array(found) > 0.4) < 0.05


def test_a_stack_of_frames_is_not_late():
    found = [lateness(*made(0, seed, frames=3)) for seed in range(50)]
    assert np.median(found) < 0.1


def test_what_does_not_move_tells_nothing():
    motion, change, episodes = made(0, 0)
    assert lateness(np.ones(STEPS), change, episodes) is None
    assert lateness(motion, np.zeros((STEPS, 1)), episodes) is None
    for steps in range(50):
        assert lateness(motion[:steps], change[:steps], episodes[:steps]) is None
