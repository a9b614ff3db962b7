"""What actions move: whether 0 is rest and size counts, against a loop and worlds made up."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.transitions import point_batch

from goalscope.probes import own_motion


def moved_by(effect, actions=None, seed=0):
    """Return a batch whose achieved goal is moved by what the world makes of the actions."""
    batch = point_batch(seed=seed)
    taken = batch.actions.numpy() if actions is None else actions
    before = batch.observations["achieved_goal"]
    after = {**batch.next_observations, "achieved_goal": before + torch.as_tensor(effect(taken))}
    return replace(batch, next_observations=after, actions=torch.as_tensor(taken).float())


def plain(actions):
    return 0.1 * actions


def squares_left(known: np.ndarray, moved: np.ndarray) -> tuple[np.ndarray, float]:
    design = np.array([[1.0, *row] for row in known])
    weights = np.linalg.solve(design.T @ design, design.T @ moved)
    return weights, sum(
        (value - row @ weights) ** 2 for value, row in zip(moved, design, strict=True)
    )


def naive(change: np.ndarray, actions: np.ndarray) -> dict[str, float]:
    idle, cut = [], []
    for moved in change.T:
        rows = [i for i, value in enumerate(moved) if abs(value) >= 0.1 * np.abs(moved).max()]
        weights, by_action = squares_left(actions[rows], moved[rows])
        _, by_sign = squares_left(np.sign(actions[rows]), moved[rows])
        _, all_by_action = squares_left(actions, moved)
        _, all_by_sign = squares_left(np.sign(actions), moved)
        idle.append(abs(weights[0]) / sum(abs(w) for w in weights[1:]))
        shares = by_sign / (by_sign + by_action), all_by_sign / (all_by_sign + all_by_action)
        cut.append(max(shares))
    return {"idle_motion": max(idle), "cut_share": min(cut)}


def test_it_equals_a_loop():
    noise = np.random.default_rng(1).normal(size=(128, 2)) * 0.01
    batch = moved_by(lambda actions: 0.1 * actions + 0.02 + noise)
    change = batch.next_observations["achieved_goal"] - batch.observations["achieved_goal"]
    expected = naive(change.numpy(), batch.actions.double().numpy())
    found = own_motion(batch)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert float(value) == pytest.approx(expected[name], rel=1e-4)
    assert found["idle_motion"] == pytest.approx(0.2, abs=0.05)


def test_actions_worked_out_by_hand():
    actions = np.tile([[-1.0], [-0.5], [0.5], [1.0]], (32, 1))
    found = own_motion(moved_by(lambda a: 0.1 * np.sign(a) + 0.05 * a, actions))
    # 0.15 and 0.125 far: signs miss both by 0.0125, and the line 0.17 a by 0.02 and 0.04
    assert float(found["cut_share"]) == pytest.approx(0.0125**2 / (0.0125**2 + 0.001), rel=1e-2)
    assert float(found["idle_motion"]) == pytest.approx(0, abs=1e-9)
    shifted = own_motion(moved_by(lambda a: 0.1 * (a + 1) / 2, actions))
    # -1 moves nothing and is left out; through the other three goes 0.05 + 0.05 a
    assert float(shifted["idle_motion"]) == pytest.approx(1)
    assert float(shifted["cut_share"]) > 0.99
    assert "idle_motion" not in own_motion(moved_by(plain, np.abs(actions)))  # all one way


def test_actions_brought_to_0_and_1_are_found():
    found = own_motion(moved_by(lambda actions: 0.1 * (actions + 1) / 2))
    assert float(found["idle_motion"]) == pytest.approx(1, abs=0.01)
    assert float(found["cut_share"]) > 0.9


def test_actions_that_are_cut_are_found():
    found = own_motion(moved_by(lambda actions: 0.1 * np.clip(10 * actions, -1, 1)))
    assert float(found["cut_share"]) < 0.3
    assert float(found["idle_motion"]) < 0.1


@pytest.mark.parametrize("seed", range(20))
def test_walls_saturation_drift_and_noise_are_neither(seed):
    rng = np.random.default_rng(seed)
    at_wall = rng.random((128, 2)) < 0.5
    own = rng.uniform(-1, 1, (128, 2))
    saturated = np.clip(own * 20, -1, 1)
    worlds = {
        "plain": (plain, own),
        "walls on one side": (lambda a: np.where(at_wall, np.minimum(0.1 * a, 0), 0.1 * a), own),
        "saturated": (plain, saturated),
        "all at the ends": (plain, np.sign(own)),
        "saturated on one side": (plain, np.clip(own * 5 + 3, -1, 1)),
        "noise": (lambda a: 0.1 * a + rng.normal(size=a.shape) * 0.04, own),
        "falls": (lambda a: 0.1 * a - 0.3 * rng.random(a.shape), own),
        "a speed": (lambda a: 0.1 * (a - a.mean(axis=0)), np.clip(own + 0.3, -1, 1)),
        "cut at a half": (lambda a: 0.1 * np.clip(2 * a, -1, 1), own),
    }
    cell = np.floor(rng.random((128, 2)) + np.abs(own)) * np.sign(own)
    worlds["a place in cells"] = (lambda _: 0.1 * cell, own)
    for name, (effect, actions) in worlds.items():
        found = own_motion(moved_by(effect, actions, seed))
        assert float(found.get("idle_motion", 0)) < 0.4, name
        assert float(found.get("cut_share", 1)) > 0.45, name


def test_what_does_not_move_with_the_action_tells_nothing():
    rng = np.random.default_rng(0)
    assert own_motion(moved_by(lambda a: rng.normal(size=a.shape))) == {}
    assert own_motion(moved_by(np.zeros_like)) == {}
    assert own_motion(moved_by(plain, np.full((128, 2), np.nan))) == {}
    batch = point_batch()
    without = {"pixels": batch.observations["pixels"]}
    assert own_motion(replace(batch, observations=without, next_observations=without)) == {}
    few = [part[:20] for part in (batch.actions, batch.rewards, batch.dones, batch.relabelled)]
    cut = {key: values[:20] for key, values in batch.observations.items()}
    after = {key: values[:20] for key, values in batch.next_observations.items()}
    assert own_motion(type(batch)(cut, after, *few)) == {}
