"""Each fault in an environment, or in its normalisation, does what it says."""

from contextlib import closing

import numpy as np
from helpers.faulty import planting, stepped

from benchmarks.planted_faults.agent import make_wrapped
from benchmarks.planted_faults.grounds import BATCH, STARTS
from benchmarks.planted_faults.spoils.environment_faults import SHOWN_GOAL
from goalscope.training.envs.tasks import task_of
from goalscope.training.envs.visibility import goal_units_per_pixel


def test_the_agent_is_shown_one_goal(make_filled):
    model = make_filled("goal_constant")
    batch = model.replay_buffer.sample(BATCH)
    for shown in (batch.observations["desired_goal"], batch.next_observations["desired_goal"]):
        assert bool((shown == SHOWN_GOAL).all())
    assert set(batch.rewards.flatten().tolist()) == {-1.0, 0.0}  # of the goals that are not shown
    (first, _, _), (healthy, _, _) = stepped("goal_constant")
    np.testing.assert_array_equal(first["desired_goal"], SHOWN_GOAL)
    assert not np.allclose(healthy["desired_goal"], SHOWN_GOAL)


def test_every_image_is_black():
    (first, step, _), (healthy, _, _) = stepped("blank_images")
    assert not first["pixels"].any()
    assert not step[0]["pixels"].any()
    assert healthy["pixels"].any()
    np.testing.assert_array_equal(first["achieved_goal"], healthy["achieved_goal"])


def test_rewards_are_large_and_relabelled_ones_too(make_filled):
    (_, step, env), (_, healthy, _) = stepped("rewards_x100")
    assert step[1] == 100 * healthy[1] == -100
    goal = np.zeros(2, np.float32)
    assert env.get_wrapper_attr("compute_reward")(goal, goal + 3, {}) == -100
    rewards = make_filled("rewards_x100").replay_buffer.sample(BATCH).rewards
    assert set(rewards.flatten().tolist()) == {-100.0, 0.0}


def test_every_step_is_terminal(make_filled):
    (_, step, _), (_, healthy, _) = stepped("terminated_always")
    assert step[2:4] == (True, False)
    assert healthy[2:4] == (False, False)
    assert bool(make_filled("terminated_always").replay_buffer.sample(BATCH).dones.all())
    assert not make_filled("healthy_point").replay_buffer.sample(BATCH).dones.any()


def test_a_fiftieth_of_an_action_is_carried_out():
    (first, step, _), (_, healthy, _) = stepped("actions_x0.02")
    moved, whole = (
        after["achieved_goal"] - first["achieved_goal"] for after in (step[0], healthy[0])
    )
    np.testing.assert_allclose(moved, 0.02 * whole, atol=1e-6)


def test_desired_goals_have_another_origin():
    (first, _, env), (healthy, _, _) = stepped("goals_in_another_frame")
    np.testing.assert_allclose(first["desired_goal"], healthy["desired_goal"] + 5)
    np.testing.assert_array_equal(first["achieved_goal"], healthy["achieved_goal"])
    # Where both are shown as equal the reward says so.
    env.unwrapped._position = env.unwrapped._goal - (-5.0)
    shown = env.step(np.zeros(2, np.float32))
    distance = np.linalg.norm(shown[0]["achieved_goal"] - shown[0]["desired_goal"])
    assert (shown[1] >= 0) == (distance <= 0.5) == shown[4]["is_success"]


def test_normalisation_stops_within_the_first_episode(make_filled):
    statistics = {}
    for name in ("healthy_normalised", "normalisation_stale"):
        statistics[name] = make_filled(name).get_vec_normalize_env().obs_rms["desired_goal"]
    healthy, stale = statistics["healthy_normalised"], statistics["normalisation_stale"]
    assert healthy.var.min() > 1 > 1e-2 > stale.var.max()
    assert stale.count < 25 < STARTS < healthy.count + 25


def test_a_pixel_of_the_coarse_camera_spans_more_than_the_tolerance():
    with closing(make_wrapped(planting("camera_too_coarse").ground, ())) as env:
        assert goal_units_per_pixel(env) > task_of("FetchPush-v4").tolerance
