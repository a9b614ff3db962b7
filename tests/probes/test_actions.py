"""What actions do: against loops, by hand, and with actions that do not belong."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.transitions import point_batch, spots

from goalscope.probes import (
    action_effect_r2,
    action_spread,
    cut_off_fraction,
    image_motion,
    moving_steps,
    own_fraction,
    saturated_fraction,
)


def only(batch, key):
    return replace(
        batch,
        observations={key: batch.observations[key]},
        next_observations={key: batch.next_observations[key]},
    )


def shuffled(batch):
    order = torch.randperm(len(batch.actions), generator=torch.Generator().manual_seed(0))
    return replace(batch, actions=batch.actions[order])


def test_spread_and_saturation_worked_out_by_hand():
    actions = torch.tensor([[1.0, 0.5], [-1.0, 0.5], [1.0, -0.995], [-1.0, 0.0]])
    second = np.std([0.5, 0.5, -0.995, 0.0])
    assert action_spread(actions) == pytest.approx(np.sqrt((1 + second**2) / 2))
    assert saturated_fraction(actions) == 5 / 8


def test_a_saturated_actor_that_always_says_the_same_is_found():
    actions = torch.ones(16, 3)
    assert saturated_fraction(actions) == 1
    assert action_spread(actions) == 0


def test_steps_into_a_wall_are_left_out():
    rng = np.random.default_rng(0)
    change = rng.normal(size=(50, 2))
    change[::2] *= 1e-3
    change[5] = np.nan
    sizes = [np.linalg.norm(row) for row in change]
    most = max(size for size in sizes if np.isfinite(size))
    assert moving_steps(change).tolist() == [bool(size >= 0.1 * most) for size in sizes]
    assert not moving_steps(change)[::2].any()
    assert moving_steps(np.zeros((3, 2))).all()  # nothing moves: all count
    assert not len(moving_steps(np.zeros((0, 2))))


@pytest.mark.parametrize("key", ["achieved_goal", "pixels"])
def test_actions_are_told_from_what_they_change(key):
    batch = only(point_batch(), key)
    assert action_effect_r2(batch) > 0.5
    assert action_effect_r2(shuffled(batch)) < 0.1


def test_the_best_key_and_component_count():
    batch = point_batch()
    assert action_effect_r2(batch) == pytest.approx(
        float(action_effect_r2(only(batch, "achieved_goal"))), abs=1e-9
    )
    half_random = batch.actions.clone()
    half_random[:, 0] = torch.rand(len(half_random), generator=torch.Generator().manual_seed(0))
    assert action_effect_r2(replace(batch, actions=half_random)) > 0.9


def test_it_equals_plain_ridge_regression():
    batch = only(point_batch(rows=40), "achieved_goal")
    actions = batch.actions.double().numpy()
    before, after = batch.observations["achieved_goal"], batch.next_observations["achieved_goal"]
    noise = np.random.default_rng(1).normal(size=before.shape) * 0.1
    change = (after - before).numpy() + noise
    number = np.argsort(np.lexsort(actions.T[::-1]))
    half = number % 2 == 0
    best = -np.inf
    for penalty in (1e-3, 1e-1, 1e1):
        missed, varied = np.zeros(2), np.zeros(2)
        for fitted in (half, ~half):
            mean, spread = change[fitted].mean(axis=0), change[fitted].std(axis=0)
            x, asked = ((change[rows] - mean) / spread for rows in (fitted, ~fitted))
            y = actions[fitted] - actions[fitted].mean(axis=0)
            # K = X X^T / 2 and a penalty on it: the primal penalty is twice as large
            weights = np.linalg.solve(x.T @ x + 2 * penalty * np.eye(2), x.T @ y)
            truth = actions[~fitted]
            told = asked @ weights + actions[fitted].mean(axis=0)
            missed += np.square(told - truth).sum(axis=0)
            varied += np.square(truth - truth.mean(axis=0)).sum(axis=0)
        best = max(best, (1 - missed / varied).max())
    noisy = replace(batch, next_observations={"achieved_goal": before + torch.as_tensor(change)})
    assert action_effect_r2(noisy) == pytest.approx(best, rel=1e-6)


def test_a_transition_drawn_twice_tells_nothing_of_itself():
    batch = only(shuffled(point_batch(rows=20)), "achieved_goal")
    rows = torch.arange(20).repeat(8)
    repeated = replace(
        batch,
        observations={"achieved_goal": batch.observations["achieved_goal"][rows]},
        next_observations={"achieved_goal": batch.next_observations["achieved_goal"][rows]},
        actions=batch.actions[rows],
    )
    assert action_effect_r2(repeated) < 0.3


def test_a_column_of_rounding_does_not_drown_the_others():
    batch = only(point_batch(), "achieved_goal")
    after = batch.next_observations["achieved_goal"].clone()
    extra = torch.zeros(len(after), 1, dtype=after.dtype)
    extra[-1] = 1e-6
    before = torch.cat([batch.observations["achieved_goal"], extra * 0], dim=1)
    noisy = replace(
        batch,
        observations={"achieved_goal": before},
        next_observations={"achieved_goal": torch.cat([after, extra], dim=1)},
    )
    assert action_effect_r2(noisy) > 0.9


def test_where_nothing_changes_or_actions_are_few_it_is_absent():
    batch = point_batch()
    assert action_effect_r2(replace(batch, next_observations=batch.observations)) is None
    assert action_effect_r2(replace(batch, actions=torch.zeros_like(batch.actions))) is None


def test_motion_of_an_image_worked_out_by_hand():
    before = torch.zeros(1, 1, 3, 3)
    before[0, 0, 1] = torch.tensor([4.0, 2.0, 0.0])  # falls to the right
    after = before.clone()
    after[0, 0, 1] = torch.tensor([6.0, 4.0, 2.0])  # as if all had moved a pixel to the right
    # at the one inner pixel: I_t = 2, I_x = (0 + 2) / 2 - (4 + 6) / 2 = -4, I_y = 0
    assert image_motion(before, after).tolist() == [[0.0, -8.0]]


def test_motion_has_the_opposite_sign_the_other_way():
    points = np.zeros((1, 2))
    right, left = (spots(points + np.array([by, 0.0])) for by in (0.05, -0.05))
    forth, back = image_motion(left, right), image_motion(right, left)
    assert torch.allclose(forth, -back)
    assert forth[0, 1] < 0  # I_x I_t of what moves to the right
    assert abs(forth[0, 1]) > 10 * abs(forth[0, 0])


def test_own_actions_are_told_from_explored_ones():
    own = torch.linspace(-0.9, 0.9, 20).reshape(10, 2)
    assert own_fraction(own + 1e-7, own) == 1
    other = own.clone()
    other[:5, 1] += 0.1
    assert own_fraction(other, own) == 0.5
    ends = own.clone()
    ends[:, 1] = 1.0  # where noise and none come to the same
    assert own_fraction(torch.cat([own[:, :1], torch.zeros(10, 1)], dim=1), ends) == 1
    assert own_fraction(own, torch.ones(10, 2)) is None
    assert own_fraction(own[:7], own[:7]) is None


def features_of(actions):
    """Return features that differ from row to row."""
    return torch.arange(len(actions), dtype=torch.float32)[:, None]


def test_what_cuts_an_action_off_is_told_from_one_that_is_least():
    means = 0.3 * torch.randn(128, 3, generator=torch.Generator().manual_seed(0))
    features = features_of(means)
    assert cut_off_fraction(means.tanh(), features) == 1 / 128
    cut = means.clone()
    cut[:, 1] = cut[:, 1].relu()
    assert cut_off_fraction(cut.tanh(), features) == (cut[:, 1] == 0).sum() / 128
    cut[:, 1] = means[:, 1].clamp(max=0.2)
    assert cut_off_fraction(cut.tanh(), features) == (means[:, 1] >= 0.2).sum() / 128


def test_a_cut_worked_out_by_hand():
    actions = torch.tensor([[0.0, 0.1], [0.0, 0.2], [0.0, 0.2], [0.5, 0.3], [0.6, 0.4]])
    same = torch.tensor([[1.0], [2.0], [2.0], [3.0], [4.0]])  # the third is the second once more
    assert cut_off_fraction(actions, same) == pytest.approx(2 / 5)
    assert cut_off_fraction(actions, features_of(actions)) == pytest.approx(3 / 5)


@pytest.mark.parametrize(
    "actions",
    [
        torch.ones(8, 2),  # stuck
        torch.linspace(-30, 30, 128).reshape(64, 2).tanh(),  # the ends of Tanh
        torch.linspace(-5, 5, 128).reshape(64, 2).clamp(-2, 2).tanh(),  # SB3 clips SDE's means
    ],
)
def test_what_is_stuck_or_saturated_is_not_cut_off(actions):
    assert cut_off_fraction(actions, features_of(actions)) == 0


def test_one_observation_again_and_again_is_not_cut_off():
    actions = torch.linspace(-0.5, 0.5, 128).reshape(64, 2)
    actions[10:] = actions[0]
    same = features_of(actions)
    same[10:] = same[0]
    assert cut_off_fraction(actions, same) == 1 / 64
