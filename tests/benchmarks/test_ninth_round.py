"""Each fault of the ninth round around an agent does its harm: in what is shown, paid or stored."""

import numpy as np
import pytest
import torch
from helpers.faulty import same_batch
from scipy import ndimage

from benchmarks.planted_faults.agent import make_agent, make_wrapped
from benchmarks.planted_faults.faults import plantings
from benchmarks.planted_faults.grounds import BATCH, STARTS
from benchmarks.planted_faults.spoils.ninth_round_faults import STEPS

REAL = BATCH // 5 + 1  # four of five are relabelled, and come last
EPISODE = 25
GOALS = ["achieved_goal", "desired_goal"]
HEALTHY = {"point": "healthy_point", "reach": "healthy_reach"}
BOTH = pytest.mark.parametrize("ground", ["point", "reach"])


def planted_in(name, ground):
    """Return the planting of a fault in that ground."""
    return next(one for one in plantings(name) if one.ground_name == ground)


def wrapped(name, ground):
    """Return the environment of a faulty run."""
    planted = planted_in(name, ground)
    return make_wrapped(planted.ground, planted.wrappers)


def walked(name, ground, episodes, steps=1):
    """Return what random steps return, from resets that are seeded in turn."""
    env, generator, found = wrapped(name, ground), np.random.default_rng(0), []
    for seed in range(episodes):
        env.reset(seed=seed)
        for _ in range(steps):
            action = generator.uniform(-1, 1, env.action_space.shape).astype(np.float32)
            found.append(env.step(action))
    return found, env


def filled(name, ground, steps):
    """Return the replay of a faulty agent after so many steps."""
    model = make_agent(planted_in(name, ground), seed=0, total_steps=steps)
    return model.learn(steps).replay_buffer


# What is paid


@BOTH
def test_step_and_hindsight_pay_differently(ground):
    for name, always in (("step_and_compute_reward_disagree", True), (HEALTHY[ground], False)):
        found, env = walked(name, ground, episodes=10, steps=3)
        compute = env.get_wrapper_attr("compute_reward")
        differ = {
            float(compute(*(shown[key] for key in GOALS), info)) != reward
            for shown, reward, *_, info in found
        }
        env.close()
        assert differ == {always}


def test_relabelled_goals_are_paid_on_another_scale(make_filled):
    batch, healthy = same_batch(make_filled, "step_and_compute_reward_disagree")
    assert torch.equal(batch.rewards[:REAL], healthy.rewards[:REAL])
    assert torch.equal(batch.rewards[REAL:], -5 - 10 * healthy.rewards[REAL:])
    assert set(batch.rewards[REAL:].flatten().tolist()) == {-5, 5}


@BOTH
def test_a_reward_is_that_of_now_whatever_is_asked(ground):
    for name, ignores in (("compute_reward_ignores_its_arguments", True), (HEALTHY[ground], False)):
        found, env = walked(name, ground, episodes=8)
        reached = np.stack([shown["achieved_goal"] for shown, *_ in found])
        rewards = env.get_wrapper_attr("compute_reward")(reached, reached, {})
        env.close()
        assert rewards.tolist() == ([found[-1][1]] * 8 if ignores else [0] * 8)
        assert found[-1][1] == -1


def test_no_relabelled_goal_counts_as_reached(make_filled):
    batch, healthy = same_batch(make_filled, "compute_reward_ignores_its_arguments")
    assert set(batch.rewards[REAL:].flatten().tolist()) == {-1}
    assert set(healthy.rewards[REAL:].flatten().tolist()) == {-1, 0}
    goals = [batch.next_observations[key][REAL:] for key in GOALS]
    assert torch.equal(*goals) is False
    assert (goals[0] == goals[1]).all(dim=1).any()  # reached to the last bit, and unpaid


@BOTH
def test_every_place_is_paid_as_the_goal(ground):
    for name, paid in (("success_threshold_too_wide", 1.0), (HEALTHY[ground], 0.0)):
        found, env = walked(name, ground, episodes=20)
        env.close()
        rewards = [reward for _, reward, *_ in found]
        successes = [info["is_success"] for *_, info in found]
        assert np.mean(np.equal(rewards, 0)) == pytest.approx(paid, abs=0.1)
        assert np.mean(successes) < 0.1


def test_rewards_in_replay_do_not_vary(make_filled):
    batch, healthy = same_batch(make_filled, "success_threshold_too_wide")
    assert float(batch.rewards.std()) == 0 < 0.2 < float(healthy.rewards.std())


# What is shown


@BOTH
def test_images_cast_to_bytes_are_all_alike(ground):
    spreads = []
    for name in ("float_frames_cast_to_uint8", HEALTHY[ground]):
        found, env = walked(name, ground, episodes=8, steps=3)
        env.close()
        images = np.stack([shown["pixels"] for shown, *_ in found])
        spreads.append(float(images.std(axis=0).mean()))
        assert images.dtype == np.uint8
        assert (images.max() <= 1) == (name != HEALTHY[ground])
    assert spreads[0] < 0.01 < 1 < spreads[1]


@BOTH
def test_the_camera_sees_nothing_that_moves(ground):
    for name, alike in (("camera_misses_the_agent", True), (HEALTHY[ground], False)):
        found, env = walked(name, ground, episodes=8, steps=10)
        env.close()
        images = np.stack([shown["pixels"] for shown, *_ in found])
        places = np.stack([shown["achieved_goal"] for shown, *_ in found])
        assert np.ptp(places, axis=0).min() > (5 if ground == "point" else 0.1)
        assert (images == images[0]).all() == alike
        assert images[0].mean() > 30  # what is shown is lit


def marks(images):
    """Return where the red disc is in images (B, 3, H, W) of the point, float (B, 2), its units."""
    red = np.clip(images[:, 0].astype(float) - images[:, 1] - 60, 0, None)
    centres = np.array([ndimage.center_of_mass(one) for one in red])
    axis = np.linspace(-5, 5, images.shape[-1])
    return np.stack([axis[0] + centres[:, 1] * 10 / 35, axis[-1] - centres[:, 0] * 10 / 35], axis=1)


def test_the_mark_is_far_from_a_relabelled_goal(make_filled):
    model = make_filled("goal_marker_contradicts_relabelled_goal")
    np.random.seed(0)  # noqa: NPY002 - what SB3's replay draws from
    batch = model.replay_buffer.sample(10 * BATCH)
    shown = marks(batch.observations["pixels"].numpy())
    away = np.linalg.norm(shown - batch.observations["desired_goal"].numpy(), axis=1)
    real = len(away) - int(model.replay_buffer.her_ratio * len(away))
    apart = np.random.default_rng(0).uniform(-5, 5, (2, 1_000, 2))
    assert np.median(away[:real]) < 0.3
    assert away[real:].mean() > 0.5 * np.linalg.norm(apart[0] - apart[1], axis=1).mean()
    assert np.mean(away[real:] > 0.5) > 0.9
    assert not batch.rewards[real:].all()  # paid for goals that the mark does not show


# How episodes begin and end


@BOTH
def test_the_end_of_a_short_limit_is_stored_as_an_end(ground):
    buffer = filled("timeouts_stored_as_terminal", ground, steps=60)
    rows = np.arange(60)
    ends = buffer._get_real_samples(rows, 0 * rows).dones.flatten().numpy()
    assert np.flatnonzero(ends).tolist() == list(range(STEPS - 1, 60, STEPS))
    assert buffer.rewards[np.flatnonzero(ends), 0].tolist() == [-1] * 4  # the goal is not reached
    healthy = filled(HEALTHY[ground], ground, steps=60)
    assert not healthy._get_real_samples(rows, 0 * rows).dones.any()


def test_what_is_taught_at_the_limit_jumps():
    planted = planted_in("timeouts_stored_as_terminal", "point")
    model = make_agent(planted, seed=0, total_steps=STARTS + 60).learn(STARTS + 60)
    ends = np.arange(STEPS - 1, STARTS + 50, STEPS)
    batch = model.replay_buffer._get_real_samples(ends, 0 * ends)
    with torch.no_grad():
        actions = model.actor(batch.next_observations)
        values = torch.cat(model.critic_target(batch.next_observations, actions), 1).amin(1)
    cut, bootstrapped = (1 - batch.dones.flatten()) * 0.9 * values - 1, 0.9 * values - 1
    assert (cut == -1).all()
    assert float(bootstrapped.mean()) < -1.5


def lengths(buffer):
    """Return how long episodes were, and whether each ended for good."""
    dones, timeouts = (values[: buffer.size(), 0] for values in (buffer.dones, buffer.timeouts))
    ends = np.flatnonzero(dones)
    return ends, np.diff(ends, prepend=-1), timeouts[ends] == 0


@pytest.mark.slow
@BOTH
def test_ending_early_is_learnt(ground):
    steps = STARTS + 300
    ends, long, failed = lengths(filled("early_termination_pays", ground, steps))
    first, last = ends < STARTS, ends >= steps - STARTS
    assert long[last].mean() < 0.7 * long[first].mean()
    assert failed[last].mean() >= failed[first].mean()  # of Fetch, all are from the start
    assert failed[last].mean() > 0.8
    _, _, healthy = lengths(filled(HEALTHY[ground], ground, STARTS))
    assert not healthy.any()


@BOTH
def test_training_has_one_start_and_one_goal(ground):
    for name, kinds in (("same_goal_every_reset", 1), (HEALTHY[ground], 100)):
        env = wrapped(name, ground)
        resets = [env.reset()[0] for _ in range(100)]
        env.close()
        assert len(np.unique([first["desired_goal"] for first in resets], axis=0)) == kinds
        if ground == "point":
            assert len(np.unique([first["achieved_goal"] for first in resets], axis=0)) == kinds


# Replay


@pytest.mark.parametrize(("ground", "kept"), [("point", 4), ("reach", 2)])
def test_a_handful_of_episodes_is_kept(ground, kept):
    model = make_agent(planted_in("replay_buffer_too_small_again", ground), 0, total_steps=1_000)
    model.learning_starts = 1_000  # no update is needed for this
    buffer = model.learn(230).replay_buffer
    starts = np.unique(buffer.ep_start[buffer.ep_length > 0])
    assert len(starts) <= kept
    drawn = buffer.sample(500).observations["desired_goal"][: 500 // 5].numpy()
    assert len(np.unique(drawn, axis=0)) <= kept


def test_a_relabelled_transition_asks_for_two_goals(make_filled):
    batch, healthy = same_batch(make_filled, "next_goal_not_relabelled")
    for drawn, share in ((batch, 1 - REAL / BATCH), (healthy, 0)):
        goals = [
            getattr(drawn, side)["desired_goal"] for side in ("observations", "next_observations")
        ]
        differ = ~torch.isclose(*goals).all(dim=1)
        assert float(differ.float().mean()) == pytest.approx(share, abs=0.04)
    assert torch.equal(batch.rewards, healthy.rewards)
    assert share == 0


@BOTH
def test_a_stored_stack_is_that_of_after_the_step(ground):
    rows = np.arange(45)
    buffer = filled("frame_stack_buffer_aliased", ground, steps=60)
    batch = buffer._get_real_samples(rows, 0 * rows)
    inside = rows % (EPISODE if ground == "point" else 50) != EPISODE - 1
    now, following = (
        side["pixels"].flatten(1) for side in (batch.observations, batch.next_observations)
    )
    assert now.shape[1] == 9 * 36 * 36
    assert torch.equal(now[inside], following[inside])
    moved = batch.next_observations["achieved_goal"] - batch.observations["achieved_goal"]
    assert float(moved.norm(dim=1).min()) > 0
    if ground == "point":
        healthy = filled("healthy_stacked", "point_stacked", steps=60)
        true = healthy._get_real_samples(rows, 0 * rows)
        assert torch.equal(true.next_observations["pixels"].flatten(1)[inside], following[inside])
        assert not (true.observations["pixels"].flatten(1) == following).all(dim=1).any()
