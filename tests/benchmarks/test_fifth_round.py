"""Each fault of the fifth round is really there: in what is shown, stored, done or learnt."""

import numpy as np
import pytest
import torch
from helpers.faulty import pixels_of, planting, same, same_batch, stepped, weights
from stable_baselines3 import TD3

from benchmarks.planted_faults.agent import make_wrapped
from benchmarks.planted_faults.grounds import BATCH, GROUNDS, STARTS
from benchmarks.planted_faults.kinds.fifth_round import FIFTH_ROUND
from benchmarks.planted_faults.spoils import fifth_round_faults

REAL = BATCH // 5 + 1  # four of five are relabelled, and come last
GOALS = ("achieved_goal", "desired_goal")


def test_enough_are_not_told_by_the_number_that_was_planted():
    assert sum(not fault.tautology for fault in FIFTH_ROUND) >= 20


# The environment


def test_a_corner_is_shown_for_the_whole():
    (first, _, _), (healthy, _, _) = stepped("corner_cropped")
    corner = healthy["pixels"][:, :12, :12]
    assert first["pixels"].shape == healthy["pixels"].shape
    assert np.array_equal(first["pixels"][:, 1::3, 1::3], corner)


def test_the_goal_is_the_way_to_it():
    (_, step, _), (_, healthy, _) = stepped("goals_relative")
    achieved, desired = (healthy[0][key] for key in GOALS)
    assert np.array_equal(step[0]["desired_goal"], desired - achieved)
    assert step[1] == healthy[1]


def test_places_are_noisy():
    (_, step, _), (_, healthy, _) = stepped("tracker_noisy")
    assert np.abs(step[0]["achieved_goal"] - healthy[0]["achieved_goal"]).min() > 0.01
    assert step[1] == healthy[1]


def test_steps_pay_nothing_and_relabelled_ones_as_ever(make_filled):
    batch, healthy = same_batch(make_filled, "rewards_clipped")
    assert not batch.rewards[:REAL].any()
    assert healthy.rewards[:REAL].any()
    assert torch.equal(batch.rewards[REAL:], healthy.rewards[REAL:])


def test_actions_beyond_one_are_cut(make_planted):
    (_, step, env), _ = stepped("action_space_wide", (5.0, 0.0))
    _, (_, healthy, _) = stepped("action_space_wide", (1.0, 0.0))
    assert np.array_equal(step[0]["achieved_goal"], healthy[0]["achieved_goal"])
    assert env.action_space.high.tolist() == [10, 10]
    assert make_planted("action_space_wide").action_space == env.action_space


def test_an_action_lasts_ten_steps_or_to_the_end():
    env = make_wrapped(GROUNDS["point"], planting("actions_repeated").wrappers)
    first, _ = env.reset(seed=0)
    action = -0.05 * np.sign(first["achieved_goal"])
    steps = [env.step(action) for _ in range(3)]
    moved = np.abs(steps[0][0]["achieved_goal"] - first["achieved_goal"])
    np.testing.assert_allclose(moved, 0.5, rtol=1e-4)
    assert [step[3] for step in steps] == [False, False, True]


def test_goals_lie_ten_times_as_far():
    (first, step, _), (healthy, _, _) = stepped("goals_beyond_reach")
    np.testing.assert_allclose(first["desired_goal"], 10 * healthy["desired_goal"])
    assert step[1] == -1
    assert step[4]["is_success"] == 0


def test_every_fifth_step_is_observed():
    env = make_wrapped(GROUNDS["point"], planting("observations_held").wrappers)
    shown = [env.reset(seed=0)[0]]
    shown += [env.step(np.array([0.1, 0.1], np.float32))[0] for _ in range(12)]
    places = np.array([observation["achieved_goal"] for observation in shown])
    moves = np.flatnonzero(np.diff(places, axis=0).any(axis=1)) + 1
    assert moves.tolist() == [fifth_round_faults.HELD, 2 * fifth_round_faults.HELD]


def test_the_robot_passes_through_the_object():
    moved = []
    for wrappers in (planting("no_collisions").wrappers, ()):
        env = make_wrapped(GROUNDS["push"], wrappers)
        first, info = env.reset(seed=0)
        place = first["achieved_goal"]
        for _ in range(30):
            way = place - info["gripper_position"]
            action = np.append(np.clip(20 * way, -1, 1), 0).astype(np.float32)
            observation, *_, info = env.step(action)
        moved.append(float(np.linalg.norm(observation["achieved_goal"] - place)))
        env.close()
    assert moved[0] < 0.01 < 0.05 < moved[1]


def test_statistics_begin_with_each_episode(make_filled):
    counts = {
        name: float(make_filled(name).get_env().obs_rms["achieved_goal"].count)
        for name in ("normalisation_restarted", "healthy_normalised")
    }
    assert counts["normalisation_restarted"] < 30 < STARTS <= counts["healthy_normalised"]


# Replay


def test_what_was_normalised_is_normalised_again(make_filled):
    model = make_filled("normalised_twice")
    env = model.get_vec_normalize_env()
    vectors = {key: model.replay_buffer.observations[key][:5, 0] for key in GOALS}
    found = model.replay_buffer._observation(vectors, {}, env)
    twice = env.normalize_obs(env.normalize_obs(vectors))
    for key in GOALS:
        np.testing.assert_allclose(found[key], twice[key], rtol=1e-5)


def test_images_are_those_after_the_step(make_filled):
    batch, healthy = same_batch(make_filled, "frames_ahead")
    after = healthy.next_observations["pixels"]
    assert torch.equal(batch.observations["pixels"], after)
    assert not torch.equal(healthy.observations["pixels"], after)


def test_goals_change_their_places(make_filled):
    batch, healthy = same_batch(make_filled, "goals_exchanged")
    for side in ("observations", "next_observations"):
        for key, other in (GOALS, GOALS[::-1]):
            assert torch.equal(getattr(batch, side)[key], getattr(healthy, side)[other])
    assert torch.equal(batch.rewards, healthy.rewards)


def test_goals_are_of_later_episodes_too(make_filled):
    buffer = make_filled("episodes_run_together").replay_buffer
    rows = np.arange(25).repeat(10)  # the first episode
    goals = buffer._sample_goals(rows, np.zeros_like(rows))
    places = buffer.next_observations["achieved_goal"][:STARTS, 0]
    found = np.array([np.flatnonzero((places == goal).all(axis=1))[-1] for goal in goals])
    assert (found >= rows).all()
    assert (found >= 25).mean() > 0.5


def test_batches_are_all_successes(make_filled):
    batch = make_filled("successes_drawn").replay_buffer.sample(BATCH)
    assert batch.rewards.shape == (BATCH, 1)
    assert not batch.rewards.any()
    distances = batch.next_observations["achieved_goal"] - batch.next_observations["desired_goal"]
    assert (distances.norm(dim=1) <= 0.5).all()


def test_another_action_is_stored_than_is_carried_out(make_filled):
    model = make_filled("means_stored")
    done, stored = model._sample_action(0)
    best, _ = model.predict(model._last_obs, deterministic=True)
    np.testing.assert_array_equal(stored, best)
    assert not np.array_equal(done, stored)


# The features extractor


def scaled(model) -> dict[str, torch.Tensor]:
    observations = dict(model.replay_buffer.sample(BATCH).observations)
    return {**observations, "pixels": observations["pixels"] / 255}


def test_every_image_is_black(make_filled):
    model = make_filled("images_floor_divided")
    pixels = pixels_of(model.actor.features_extractor(scaled(model)))
    torch.testing.assert_close(pixels.std(dim=0), torch.zeros(pixels.shape[1]))


def test_one_observation_has_no_image_features(make_filled):
    model = make_filled("standardised_over_batch")
    observations = scaled(model)
    extractor = model.actor.features_extractor
    assert float(pixels_of(extractor(observations)).std()) > 0.3
    one = {key: values[:1] for key, values in observations.items()}
    assert not pixels_of(extractor(one)).any()


# The agent


def test_heads_stay_at_zero(make_filled):
    model = make_filled("heads_zero")
    model.train(5, BATCH)
    for network in (model.critic, model.critic_target):
        assert all(not layer.weight.any() for layer in network.qf0 if hasattr(layer, "weight"))
    assert not model.actor.mu.weight.any()


def test_no_mean_is_below_zero(make_filled):
    model = make_filled("actor_ends_in_relu")
    observations = dict(model.replay_buffer.sample(BATCH).observations)
    assert (model.actor(observations, deterministic=True) >= 0).all()


def test_the_spread_is_above_one(make_filled):
    model = make_filled("exp_twice")
    _, log_std, _ = model.actor.get_action_dist_params(model.replay_buffer.sample(BATCH)[0])
    assert (log_std > 0).all()


def test_the_density_is_that_before_tanh(make_filled):
    model = make_filled("tanh_not_corrected")
    observations = model.replay_buffer.sample(BATCH).observations
    with torch.no_grad():
        _, found = model.actor.action_log_prob(observations)
        distribution = model.actor.action_dist
        before = distribution.distribution.log_prob(distribution.gaussian_actions).sum(dim=1)
    assert torch.equal(found, before)


def test_the_larger_value_is_taken(make_filled):
    model = make_filled("maximum_of_critics")
    model.critic_target.load_state_dict(model.critic.state_dict())
    batch = model.replay_buffer.sample(BATCH)
    with torch.no_grad():
        target = model.critic_target(batch.observations, batch.actions)
        own = model.critic(batch.observations, batch.actions)
    assert torch.equal(target[0], torch.maximum(*own))
    assert torch.equal(target[0], target[1])


def test_only_the_targets_encoder_stands_still(make_filled):
    model = make_filled("target_encoder_stale")
    encoder, heads = (
        weights(m) for m in (model.critic_target.features_extractor, model.critic_target.qf0)
    )
    model.train(2, BATCH)
    assert same(model.critic_target.features_extractor, encoder)
    assert not same(model.critic_target.qf0, heads)


def test_weights_are_rounded(make_filled):
    model = make_filled("weights_in_bfloat16")
    model.train(2, BATCH)
    assert all(torch.equal(w, w.bfloat16().float()) for w in model.policy.parameters())


def test_gradients_have_hardly_a_length(make_filled):
    model = make_filled("gradients_clipped")
    lengths = []
    model.critic.optimizer.register_step_pre_hook(
        lambda optimizer, *_: lengths.append(
            sum(float(p.grad.norm() ** 2) for p in optimizer.param_groups[0]["params"])
        )
    )
    model.train(1, BATCH)
    assert 0 < lengths[0] <= 1.1e-16


def test_adam_forgets(make_filled):
    model = make_filled("moments_forgotten")
    model.train(1, BATCH)
    assert not model.critic.optimizer.state
    assert not model.actor.optimizer.state


@pytest.mark.parametrize(
    ("name", "setting", "value"), [("discount_small", "gamma", 0.1), ("target_copied", "tau", 1.0)]
)
def test_a_setting_is_wrong(make_planted, name, setting, value):
    assert getattr(make_planted(name), setting) == value


def test_updates_are_rare(make_planted):
    assert make_planted("updates_rare").train_freq.frequency == 10


def test_nothing_is_explored(make_planted):
    model = make_planted("no_exploration")
    assert isinstance(model, TD3)
    assert model.action_noise is None
