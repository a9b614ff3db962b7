"""Each fault of the eighth round around an agent is there: in what is shown, stored or done."""

import numpy as np
import pytest
import torch
from helpers.faulty import fresh, planting, same_batch, stepped

from benchmarks.planted_faults.agent import make_wrapped
from benchmarks.planted_faults.grounds import BATCH, GROUNDS, STARTS
from benchmarks.planted_faults.spoils import eighth_round_faults

REAL = BATCH // 5 + 1  # four of five are relabelled, and come last
EPISODE = 25
GOALS = ["achieved_goal", "desired_goal"]
HEALTHY = "healthy_point"


def wrapped(name: str, ground: str = "point"):
    """Return the environment of a faulty run."""
    return make_wrapped(GROUNDS[ground], planting(name).wrappers)


@pytest.fixture
def replays(make_filled):
    """Return what gives a faulty agent's replay, and a healthy one's."""
    return lambda name: [make_filled(one).replay_buffer for one in (name, HEALTHY)]


# The environment


def test_the_end_of_the_time_limit_is_stored_as_the_end_of_the_task(replays):
    rows, both = np.arange(STARTS), replays("timeout_reported_as_terminated")
    dones = [buffer._get_real_samples(rows, 0 * rows).dones for buffer in both]
    assert [np.flatnonzero(ends).tolist() for ends in dones] == [[24, 49, 74, 99], []]


def test_all_relabelled_goals_of_a_batch_are_paid_alike(make_filled):
    reward = wrapped("compute_reward_not_batched").get_wrapper_attr("compute_reward")
    near = np.array([[0.4, 0], [0.4, 0]])  # 0.57 together
    assert (reward(near[0], np.zeros(2), {}), reward(near, np.zeros((2, 2)), {})) == (0, -1)
    batch, healthy = same_batch(make_filled, "compute_reward_not_batched")
    assert torch.equal(batch.rewards[:REAL], healthy.rewards[:REAL])
    assert len(set(batch.rewards[REAL:].flatten().tolist())) == 1
    assert set(healthy.rewards[REAL:].flatten().tolist()) == {0, -1}


def test_no_image_shows_the_goal():
    for name, shown in (("desired_goal_missing_from_features", False), (HEALTHY, True)):
        env = wrapped(name)
        first, _ = env.reset(seed=0)
        env.unwrapped._goal = -env.unwrapped._goal
        assert np.array_equal(env.unwrapped.draw(), first["pixels"]) != shown


def test_no_image_of_the_robot_shows_the_goal():
    drawn = []
    for name in ("desired_goal_missing_from_features", HEALTHY):
        env = wrapped(name, "reach")
        first, _ = env.reset(seed=0)
        env.unwrapped.goal = env.unwrapped.goal + 0.1
        drawn.append(np.array_equal(env.get_wrapper_attr("draw")(), first["pixels"]))
        env.close()
    assert drawn == [True, False]


def test_an_image_is_reshaped_to_channels_first():
    (first, *_), (healthy, *_) = stepped("reshape_instead_of_transpose")
    drawn = healthy["pixels"].transpose(1, 2, 0)
    np.testing.assert_array_equal(first["pixels"].flatten(), drawn.flatten())
    assert not np.array_equal(first["pixels"], healthy["pixels"])
    assert first["pixels"].shape == healthy["pixels"].shape


def test_an_image_of_0_to_1_is_cast_to_zeros():
    (first, (step, *_), _), (healthy, *_) = stepped("float_image_cast_to_uint8")
    assert not first["pixels"].any()
    assert not step["pixels"].any()
    assert healthy["pixels"].all()


def test_a_goal_is_paid_by_the_environments_own(make_filled):
    first, _, env = stepped("compute_reward_uses_env_state")[0]
    goal = first["desired_goal"]
    achieved = np.stack([goal, goal + 2])
    assert env.get_wrapper_attr("compute_reward")(achieved, achieved, {}).tolist() == [0, -1]
    batch, healthy = same_batch(make_filled, "compute_reward_uses_env_state")
    assert torch.equal(batch.rewards[:REAL], healthy.rewards[:REAL])
    assert not torch.equal(batch.rewards, healthy.rewards)


def test_steps_pay_for_the_distance_and_hindsight_does_not(make_filled, replays):
    buffer, healthy = replays("step_reward_and_relabelled_reward_differ")
    goals = [healthy.next_observations[key][:STARTS, 0] for key in GOALS]
    distance = np.linalg.norm(goals[0] - goals[1], axis=1)
    paid = -10 * 0.03 * distance + 5 * (distance <= 0.5)
    np.testing.assert_allclose(buffer.rewards[:STARTS, 0], paid, rtol=1e-5)
    batch, true = same_batch(make_filled, "step_reward_and_relabelled_reward_differ")
    assert torch.equal(batch.rewards[REAL:], true.rewards[REAL:])


def test_a_twentieth_of_an_action_is_done():
    name = "action_scaled_down_in_wrapper"
    for (first, step, _), share in zip(stepped(name), (0.05, 1), strict=True):
        moved = step[0]["achieved_goal"] - first["achieved_goal"]
        np.testing.assert_allclose(moved, [share, share / 2], atol=1e-6)


def test_an_image_is_of_before_the_step():
    shown = []
    for name in ("stale_frame_rendered", HEALTHY):
        env = wrapped(name)
        action = np.array([0.6, 0.6], np.float32)
        seen = [env.reset(seed=0)[0], env.step(action)[0], env.step(-action)[0], env.reset()[0]]
        shown.append(seen)
    late, true = shown
    np.testing.assert_array_equal(late[0]["pixels"], true[0]["pixels"])
    for now, before in zip(late[1:], true[:-1], strict=True):
        np.testing.assert_array_equal(now["pixels"], before["pixels"])
    for now, same_time in zip(late, true, strict=True):
        assert all(np.array_equal(now[key], same_time[key]) for key in GOALS)
    assert not np.array_equal(true[1]["pixels"], true[0]["pixels"])


def test_every_episode_starts_alike(replays):
    for buffer, kinds in zip(replays("same_seed_at_every_reset"), (1, 4), strict=True):
        for key in GOALS:
            assert len(np.unique(buffer.observations[key][:STARTS:EPISODE, 0], axis=0)) == kinds


def test_standardised_goals_are_compared(make_filled, replays):
    buffer, healthy = replays("goals_normalised_separately")
    for key in GOALS:
        shown, true = (b.next_observations[key][EPISODE:STARTS, 0] for b in (buffer, healthy))
        assert 0.5 < shown.std() < 1.5 < 2 < true.std()
    batch, _ = same_batch(make_filled, "goals_normalised_separately")
    goals = [batch.next_observations[key][REAL:] for key in GOALS]
    missed = (goals[0] - goals[1]).norm(dim=1) > 0.5  # of the spread of goals, and not of the unit
    assert torch.equal(batch.rewards[REAL:, 0], -missed.float())


@pytest.mark.parametrize("ground", ["point", "reach"])
def test_every_place_is_paid_as_the_goal(ground):
    env = wrapped("success_threshold_in_wrong_units", ground)
    found = set()
    for seed in range(10):
        env.reset(seed=seed)
        *_, reward, _, _, info = env.step(env.action_space.sample())
        found.add((reward, info["is_success"]))
    env.close()
    assert (0, 0) in found
    assert {reward for reward, _ in found} == {0}


def test_every_relabelled_goal_is_paid(make_filled):
    batch, healthy = same_batch(make_filled, "success_threshold_in_wrong_units")
    assert not batch.rewards.any()
    assert healthy.rewards.any()


@pytest.mark.parametrize(("ground", "limit"), [("point", 5), ("reach", 0.15)])
def test_an_episode_ends_for_good_far_from_its_start(ground, limit):
    env = wrapped("early_termination_makes_agent_suicidal", ground)
    first, _ = env.reset(seed=1)
    action, ended = -np.ones(env.action_space.shape, np.float32), []
    action[:2] = -np.sign(first["achieved_goal"][:2]) if ground == "point" else 1
    for _ in range(8):
        shown, reward, terminated, truncated, _ = env.step(action)
        away = np.linalg.norm(shown["achieved_goal"] - first["achieved_goal"])
        assert (terminated, truncated, reward) == (away > limit, False, -1)
        ended.append(terminated)
    env.close()
    assert set(ended) == {False, True}


@pytest.mark.parametrize(("ground", "farther"), [("point", 5), ("reach", 2.4)])
def test_a_pixel_spans_more(ground, farther):
    spans, drawn = [], []
    for name in ("camera_does_not_show_the_task", HEALTHY):
        env = wrapped(name, ground)
        drawn.append(env.reset(seed=0)[0]["pixels"])
        spans.append(env.get_wrapper_attr("size_of_pixel")())
        env.close()
    assert spans[0] / spans[1] == pytest.approx(farther, rel=0.1)
    assert not np.array_equal(*drawn)


def test_the_point_covers_a_pixel():
    both = [first["pixels"] for first, *_ in stepped("camera_does_not_show_the_task")]
    covered = [int((pixels[1] > 145).sum()) for pixels in both]  # more than half of its white
    assert covered[0] <= 1 < 10 < covered[1]


@pytest.mark.parametrize(
    ("ground", "base"), [("point", (-5, -5)), ("reach", eighth_round_faults.BASES[3])]
)
def test_what_is_achieved_is_measured_from_the_base(ground, base):
    found = []
    for name in ("achieved_and_desired_goal_in_different_frames", HEALTHY):
        env = wrapped(name, ground)
        env.reset(seed=0)
        found.append(env.step(np.zeros(env.action_space.shape, np.float32)))
        env.close()
    (shown, reward, *_, info), (true, *_, truth) = found
    np.testing.assert_allclose(shown["achieved_goal"] + base, true["achieved_goal"], atol=1e-5)
    np.testing.assert_array_equal(shown["desired_goal"], true["desired_goal"])
    distance = np.linalg.norm(shown["achieved_goal"] - shown["desired_goal"])
    assert reward == -float(distance > (0.5 if ground == "point" else 0.05))
    assert info["is_success"] == truth["is_success"]


# Replay


def test_a_hundred_transitions_are_kept():
    assert fresh("replay_buffer_too_small", kept=1_000).replay_buffer.buffer_size == 100
    assert fresh(HEALTHY, kept=1_000).replay_buffer.buffer_size == 1_000


def test_no_goal_is_relabelled(make_filled):
    name = "her_not_actually_used"
    stored = make_filled(HEALTHY).replay_buffer.observations["desired_goal"][:STARTS, 0]
    relabelled = []
    for buffer in (make_filled(one).replay_buffer for one in (name, HEALTHY)):
        goals = buffer.sample(BATCH).observations["desired_goal"].numpy()
        relabelled.append(sum(not (goal == stored).all(axis=1).any() for goal in goals))
    assert relabelled[0] == 0 < BATCH / 2 < relabelled[1]


def test_only_an_observation_asks_for_the_new_goal(make_filled):
    batch, healthy = same_batch(make_filled, "relabelled_goal_only_in_current_obs")
    now, following = batch.observations["desired_goal"], batch.next_observations["desired_goal"]
    assert torch.equal(now, healthy.observations["desired_goal"])
    assert torch.equal(now[:REAL], following[:REAL])
    assert not torch.isclose(now[REAL:], following[REAL:]).all(dim=1).any()
    assert torch.equal(batch.rewards, healthy.rewards)


def test_images_are_mirrored_each_by_its_own_chance(make_filled):
    batch, healthy = same_batch(make_filled, "augmentation_moves_the_scene_too_much")
    turned = []
    for side in ("observations", "next_observations"):
        images, true = (getattr(one, side)["pixels"] for one in (batch, healthy))
        as_it_is = (images == true).flatten(1).all(dim=1)
        assert ((images == true.flip(-1)).flatten(1).all(dim=1) | as_it_is).all()
        turned.append(~as_it_is)
        assert torch.equal(*(getattr(one, side)["desired_goal"] for one in (batch, healthy)))
    assert torch.equal(batch.actions, healthy.actions)
    pairs = {tuple(pair) for pair in torch.stack(turned, dim=1).tolist()}
    assert len(pairs) == 4


def test_replay_is_lost_after_a_hundred_steps():
    name = "buffer_lost_on_every_resume"
    for steps, updates in ((120, 0), (130, 6), (220, 76)):
        model = fresh(name, steps, kept=300)
        buffer = model.replay_buffer
        assert (model._n_updates, buffer.size()) == (updates, steps % eighth_round_faults.CHUNK)
    assert fresh(HEALTHY, 130, kept=300).replay_buffer.size() == 130
