"""What replay's transitions look like: against loops, by hand, and with a fault in them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.transitions import point_batch

from goalscope.probes import (
    ReplayBatch,
    action_over_goals,
    goal_change_fraction,
    goal_offset,
    reward_statistics,
    rewards_per_target,
    step_over_spread,
    still_fraction,
    success_fractions,
    unchanged_fraction,
)


def two_rows(**changes) -> ReplayBatch:
    """Return two real transitions: one goes from 0 to 3, one stays at 4; the goal is 10."""
    points = {"now": [[0.0], [4.0]], "following": [[3.0], [4.0]]}
    goals = torch.full((2, 1), 10.0)
    now, following = (
        {"achieved_goal": torch.tensor(points[when]), "desired_goal": goals} for when in points
    )
    batch = ReplayBatch(
        now,
        following,
        torch.zeros(2, 1),
        torch.tensor([-1.0, 0.0]),
        torch.zeros(2),
        torch.zeros(2, dtype=torch.bool),
    )
    return replace(batch, **changes)


def with_key(batch: ReplayBatch, key: str, change) -> ReplayBatch:
    return replace(
        batch,
        observations={**batch.observations, key: change(batch.observations[key])},
        next_observations={**batch.next_observations, key: change(batch.next_observations[key])},
    )


def test_two_rows_worked_out_by_hand():
    batch = two_rows()
    assert unchanged_fraction(batch) == 0.5
    assert step_over_spread(batch) == pytest.approx(np.sqrt((9 + 0) / 2) / 2)
    assert success_fractions(batch, 0.0) == {"real.success_fraction": 0.5}
    found = reward_statistics(batch.rewards)
    assert found == {
        "reward_min": -1.0,
        "reward_max": 0.0,
        "reward_spread": 0.5,
        "reward_levels": 2.0,
    }


def test_an_offset_worked_out_by_hand():
    goals = torch.tensor([[0.0, 1], [1, 1], [2, 1], [3, 1], [4, 1]])  # variances 2 and 0
    still = {"achieved_goal": torch.ones(5, 2), "desired_goal": goals}
    batch = two_rows(observations=still, next_observations=still, relabelled=torch.zeros(5) > 0)
    assert goal_offset(batch) == pytest.approx(1 / np.sqrt(2 + 0.02))
    aloft = {**still, "achieved_goal": torch.tensor([2.0, 2.0]).expand(5, 2)}
    assert goal_offset(replace(batch, observations=aloft)) == pytest.approx(1 / np.sqrt(0.02))


def test_they_equal_loops():
    batch = point_batch()
    rows = range(len(batch.actions))
    achieved, desired = (batch.observations[k].numpy() for k in ("achieved_goal", "desired_goal"))
    following = batch.next_observations["achieved_goal"].numpy()
    real = [i for i in rows if not batch.relabelled[i]]
    steps = sum(np.sum((following[i] - achieved[i]) ** 2) for i in real)
    apart = np.mean([np.sum((desired[i] - desired[j]) ** 2) for i in real for j in real])
    assert action_over_goals(batch) == pytest.approx(np.sqrt(steps / len(real) / apart))
    offsets = []
    variances = [np.var(desired[real, d]) + np.var(achieved[real, d]) for d in range(2)]
    for d in range(2):
        gap = np.mean(desired[real, d]) - np.mean(achieved[real, d])
        offsets.append(abs(gap) / np.sqrt(variances[d] + 0.01 * max(variances)))
    assert goal_offset(batch) == pytest.approx(max(offsets))
    blocks = []
    for when in (batch.observations, batch.next_observations):
        pixels = when["pixels"].numpy()[:, 0] / 255
        blocks.append(pixels.reshape(-1, 12, 2, 12, 2).mean(axis=(2, 4)).reshape(len(pixels), -1))
    image = np.sqrt(((blocks[1] - blocks[0]) ** 2).mean(axis=0).sum() / blocks[0].var(axis=0).sum())
    assert step_over_spread(batch) == pytest.approx(image, rel=1e-4)


def test_a_healthy_batch_is_unremarkable():
    batch = point_batch()
    assert unchanged_fraction(batch) == 0
    assert 0.02 < step_over_spread(batch) < 1
    assert action_over_goals(batch) > 0.03
    assert goal_offset(batch) < 1
    fractions = success_fractions(batch, 0.0)
    assert 0 < fractions["real.success_fraction"] < 0.5
    assert fractions["relabelled.success_fraction"] > 0.5


def test_next_observations_that_equal_the_observations_are_found():
    batch = point_batch()
    stuck = replace(batch, next_observations=batch.observations)
    assert unchanged_fraction(stuck) == 1
    assert step_over_spread(stuck) == 0
    assert action_over_goals(stuck) == 0  # nothing answers to actions


def test_one_key_that_changes_is_a_change():
    batch = point_batch()
    half = {**batch.observations, "pixels": batch.next_observations["pixels"]}
    assert unchanged_fraction(replace(batch, next_observations=half)) < 0.1


def test_actions_scaled_away_are_found():
    assert action_over_goals(point_batch(action_scale=0.02)) < 0.002


def test_goals_in_another_frame_leave_the_scale_of_actions_as_it_was():
    batch = point_batch()
    shifted = with_key(batch, "desired_goal", lambda goals: goals + 100)
    assert action_over_goals(shifted) == pytest.approx(action_over_goals(batch))
    assert action_over_goals(with_key(batch, "desired_goal", torch.zeros_like)) is None  # one goal


def test_an_object_that_actions_do_not_move_says_nothing_of_their_scale():
    batch = point_batch()
    draw = torch.Generator().manual_seed(0)
    rolled = 1e-3 * torch.randn(len(batch.actions), 2, generator=draw, dtype=torch.float64)
    following = {"achieved_goal": batch.observations["achieved_goal"] + rolled}
    batch = replace(batch, next_observations={**batch.next_observations, **following})
    assert action_over_goals(batch) is None


def test_goals_in_another_frame_are_found():
    shifted = with_key(point_batch(), "desired_goal", lambda goals: goals + torch.tensor([0.0, 3]))
    assert goal_offset(shifted) > 2


def test_a_height_that_never_varies_is_measured_by_the_widths():
    def lifted(by):
        return lambda points: torch.cat([points, torch.full((len(points), 1), by)], dim=1)

    batch = with_key(point_batch(), "achieved_goal", lifted(0.4))
    assert goal_offset(with_key(batch, "desired_goal", lifted(0.4))) < 1
    assert goal_offset(with_key(batch, "desired_goal", lifted(1.4))) > 2


def test_goals_of_another_unit_are_found():
    assert goal_offset(with_key(point_batch(), "desired_goal", lambda g: 5 + 100 * g)) < 1  # louder
    assert goal_offset(with_key(point_batch(), "desired_goal", lambda g: 100 * (g + 5))) > 2


def test_few_goals_have_no_offset():
    batch = with_key(point_batch(), "desired_goal", torch.zeros_like)
    assert goal_offset(with_key(batch, "achieved_goal", torch.zeros_like)) is None


def test_without_goals_there_is_no_distance():
    batch = point_batch()
    image = {"pixels": batch.observations["pixels"]}
    blind = replace(batch, observations=image, next_observations=image)
    assert action_over_goals(blind) is None
    assert goal_offset(blind) is None
    all_relabelled = replace(batch, relabelled=torch.ones(len(batch.actions), dtype=torch.bool))
    assert goal_offset(all_relabelled) is None


def test_observations_that_never_vary_have_no_spread():
    batch = point_batch()
    blank = {key: torch.zeros_like(values) for key, values in batch.observations.items()}
    assert step_over_spread(replace(batch, observations=blank, next_observations=blank)) is None


def test_rewards_a_hundredfold_are_found():
    found = reward_statistics(point_batch().rewards * 100)
    assert found["reward_min"] == -100
    assert found["reward_max"] == 0


def test_a_goal_that_changes_within_a_relabelled_step_is_counted():
    batch = point_batch()
    assert goal_change_fraction(batch) == 0
    after = batch.next_observations["desired_goal"].clone()
    rows = batch.relabelled.nonzero().flatten()
    after[rows[: len(rows) // 2], 1] += 1e-3
    moved = replace(batch, next_observations={**batch.next_observations, "desired_goal": after})
    assert goal_change_fraction(moved) == pytest.approx(len(rows) // 2 / len(rows))
    after[~batch.relabelled] += 1  # drawn at each step: of the few real rows all
    assert goal_change_fraction(moved) == 1
    real = torch.zeros(len(batch.actions), dtype=torch.bool)
    changed = (after != batch.observations["desired_goal"]).any(dim=1).float().mean()
    assert goal_change_fraction(replace(moved, relabelled=real)) == pytest.approx(float(changed))
    assert goal_change_fraction(replace(batch, observations={"pixels": rows[:, None]})) is None


def test_a_row_of_rewards_meets_every_target():
    rewards, dones = torch.zeros(32, 1), torch.ones(32, 1)
    assert rewards_per_target(rewards, dones) == 1
    assert rewards_per_target(rewards.flatten(), dones) == 32


def test_images_that_stand_still_while_something_moves_are_counted():
    images = torch.arange(12, dtype=torch.uint8)[:, None, None, None].expand(12, 3, 4, 4)
    points = torch.linspace(0, 1, 12)[:, None].expand(12, 2)
    spread = torch.tensor(0.3)
    vectors = [(points[:-1], points[1:], spread)]
    assert still_fraction((images[:-1], images[1:]), vectors, 8) == 0
    stalled = torch.where(torch.arange(12)[:, None, None, None] > 6, images[6], images)
    assert still_fraction((stalled[:-1], stalled[1:]), vectors, 8) == pytest.approx(5 / 11)
    tremble = [(points[:-1], points[1:], torch.tensor(3.0))]  # a step is far below a tenth of it
    assert still_fraction((stalled[:-1], stalled[1:]), tremble, 8) is None
    unmoved = [(points[:-1], points[:-1], torch.tensor(0.0))]
    assert still_fraction((stalled[:-1], stalled[1:]), unmoved, 8) is None
