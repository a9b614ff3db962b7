"""Each fault in replay, or in what hindsight makes of it, does what it says."""

import pytest
import torch
from helpers.faulty import same_batch

from benchmarks.planted_faults.grounds import BATCH, STARTS
from benchmarks.planted_faults.spoils.replay_faults import TINY
from goalscope.diagnostics.instruments.replay_state import relabelled_rows
from goalscope.diagnostics.material.replay import finished_episodes
from goalscope.diagnostics.provenance import agent_settings


@pytest.mark.parametrize(("name", "wrong"), [("healthy_point", False), ("reward_mismatch", True)])
def test_rewards_of_relabelled_goals(make_filled, name, wrong):
    model = make_filled(name)
    batch = model.replay_buffer.sample(128)
    relabelled = relabelled_rows(model.replay_buffer, 128).numpy()
    achieved = batch.next_observations["achieved_goal"].numpy()
    desired = batch.observations["desired_goal"].numpy()
    true = model.get_env().env_method("compute_reward", achieved, desired, {}, indices=[0])[0]
    differs = batch.rewards.flatten().numpy() != true
    assert not differs[~relabelled].any()
    assert (differs[relabelled].mean() > 0.05) == wrong


def test_drq_shifts_by_far_too_much(make_planted):
    assert make_planted("drq_shift").replay_buffer.random_shift == 16
    assert make_planted("healthy_point").replay_buffer.random_shift is None


def test_next_observations_are_the_observations(make_filled):
    batch, healthy = same_batch(make_filled, "next_is_same")
    for key, values in batch.observations.items():
        assert torch.equal(values, batch.next_observations[key])
        assert torch.equal(values, healthy.observations[key])
    assert not torch.equal(
        healthy.next_observations["achieved_goal"], healthy.observations["achieved_goal"]
    )


def test_actions_are_those_of_other_rows(make_filled):
    batch, healthy = same_batch(make_filled, "actions_shuffled")
    assert torch.equal(batch.actions.roll(-1, 0), healthy.actions)
    same = (batch.actions == healthy.actions).all(dim=1)  # a row that was drawn twice in a row
    assert float(same.float().mean()) < 0.2


def test_channels_are_swapped_in_replay_alone(make_filled):
    batch, healthy = same_batch(make_filled, "channels_swapped")
    for side in ("observations", "next_observations"):
        images, true = getattr(batch, side)["pixels"], getattr(healthy, side)["pixels"]
        assert torch.equal(images[:, [2, 1, 0]], true)
        assert not torch.equal(images, true)


def test_no_goal_is_relabelled(make_filled):
    model = make_filled("no_relabelling")
    buffer = model.replay_buffer
    goals = {tuple(goal) for goal in buffer.observations["desired_goal"][:STARTS, 0].tolist()}
    shown = buffer.sample(BATCH).observations["desired_goal"]
    assert {tuple(goal) for goal in shown.tolist()} <= goals
    assert agent_settings(model)["agent.n_sampled_goal"] == 4


def test_replay_keeps_two_episodes(make_filled):
    buffer, healthy = (make_filled(n).replay_buffer for n in ("replay_tiny", "healthy_point"))
    assert (buffer.size(), healthy.size()) == (TINY, STARTS)
    assert len(finished_episodes(buffer)) <= 2 < len(finished_episodes(healthy))
