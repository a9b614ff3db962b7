"""Each fault of the second round is really there: in what is stored, done or learnt."""

import numpy as np
import pytest
import torch
from helpers.faulty import same, same_batch, stepped, weights

from benchmarks.planted_faults.grounds import BATCH, STARTS
from benchmarks.planted_faults.kinds.second_round import SECOND_ROUND
from benchmarks.planted_faults.spoils import second_round_faults
from goalscope.probes.blocks import GOAL_KEYS


def test_all_are_known_since():
    assert len(SECOND_ROUND) == 20
    assert {fault.kind for fault in SECOND_ROUND} == {"known"}


# The environment


def test_rewards_are_0_and_1000_and_relabelled_ones_too(make_filled):
    (_, step, env), (_, healthy, _) = stepped("rewards_0_and_1000", (0.0, 0.0))
    assert (step[1], healthy[1]) == (0, -1)
    goal = np.zeros((1, 2), np.float32)
    assert env.get_wrapper_attr("compute_reward")(goal, goal, {}) == [1_000]
    rewards = make_filled("rewards_0_and_1000").replay_buffer.sample(BATCH).rewards
    assert set(rewards.flatten().tolist()) == {0, 1_000}


def test_half_of_the_steps_are_terminal(make_filled):
    dones = make_filled("controller_done").replay_buffer.dones[:STARTS]
    assert 0.35 < dones.mean() < 0.65


def test_actions_are_done_ten_steps_late():
    (first, step, env), _ = stepped("actions_late", (1.0, 0.5))
    for _ in range(second_round_faults.DELAY):
        np.testing.assert_array_equal(step[0]["achieved_goal"], first["achieved_goal"])
        step = env.step(np.zeros(2, np.float32))
    moved = step[0]["achieved_goal"] - first["achieved_goal"]
    np.testing.assert_allclose(moved, (1.0, 0.5), atol=1e-6)


def test_an_action_that_is_not_whole_does_nothing():
    (first, step, _), (_, healthy, _) = stepped("actions_integer", (0.9, -0.9))
    np.testing.assert_array_equal(step[0]["achieved_goal"], first["achieved_goal"])
    assert not np.array_equal(healthy[0]["achieved_goal"], first["achieved_goal"])


@pytest.mark.parametrize(
    ("name", "factors"), [("goals_in_centimetres", (100, 100)), ("goals_mirrored", (-1, 1))]
)
def test_desired_goals_are_of_another_frame(name, factors):
    for shown, true in zip(*(found[:2] for found in stepped(name, (0.0, 0.0))), strict=True):
        shown, true = (s if isinstance(s, dict) else s[0] for s in (shown, true))
        np.testing.assert_allclose(shown["desired_goal"], factors * true["desired_goal"], rtol=1e-6)
        np.testing.assert_array_equal(shown["achieved_goal"], true["achieved_goal"])


def test_goals_are_normalised_by_the_statistics_of_another_task(make_filled):
    model = make_filled("normalisation_of_another_run")
    stored = model.replay_buffer.observations
    raw = {key: stored[key][:STARTS, 0] for key in GOAL_KEYS}
    shown = model.get_vec_normalize_env().normalize_obs(raw)
    for key, goals in raw.items():
        expected = (goals - second_round_faults.OTHER_MEAN) / second_round_faults.OTHER_SPREAD
        np.testing.assert_allclose(shown[key], np.clip(expected, -10, 10), atol=1e-3)


# Replay


def test_the_next_observation_is_the_one_before(make_filled):
    faulty, healthy = (make_filled(n).replay_buffer for n in ("next_lags", "healthy_point"))
    now, following = (
        side["achieved_goal"][:STARTS, 0]
        for side in (faulty.observations, faulty.next_observations)
    )
    np.testing.assert_array_equal(now, healthy.observations["achieved_goal"][:STARTS, 0])
    np.testing.assert_array_equal(following[1:], now[:-1])
    rows = np.arange(25)
    images, next_images = faulty.frame_ring.read(rows, 0 * rows, torch.device("cpu"))["pixels"]
    assert torch.equal(next_images[1:], images[:-1])


def test_stored_actions_have_their_axes_exchanged(make_filled):
    batch, healthy = same_batch(make_filled, "axes_swapped")
    assert torch.equal(batch.actions[:, [1, 0]], healthy.actions)
    assert not torch.equal(batch.actions, healthy.actions)


def test_stored_images_are_black_and_seen_ones_are_not(make_filled):
    model = make_filled("images_cast_to_bytes")
    batch = model.replay_buffer.sample(BATCH)
    for observations in (batch.observations, batch.next_observations):
        assert not observations["pixels"].any()
    assert model._last_obs["pixels"].any()


def test_goals_are_those_of_other_episodes(make_filled):
    shares = []
    for name in ("goals_of_other_episodes", "healthy_point"):
        buffer = make_filled(name).replay_buffer
        goals = buffer._sample_goals(np.zeros(100, int), np.zeros(100, int))
        own = buffer.next_observations["achieved_goal"][: buffer.ep_length[0, 0], 0]
        shares.append(np.mean([(goal == own).all(axis=1).any() for goal in goals]))
    assert shares[0] < 0.5
    assert shares[1] == 1


def test_images_are_reshaped_in_replay_alone(make_filled):
    batch, healthy = same_batch(make_filled, "images_reshaped")
    for side in ("observations", "next_observations"):
        images, true = getattr(batch, side)["pixels"], getattr(healthy, side)["pixels"]
        assert torch.equal(images.reshape(BATCH, 36, 36, 3).permute(0, 3, 1, 2), true)
        assert not torch.equal(images, true)


def test_the_stack_is_reversed_in_replay_alone(make_filled):
    batch, healthy = same_batch(make_filled, "stack_reversed", "healthy_stacked")
    for side in ("observations", "next_observations"):
        images, true = getattr(batch, side)["pixels"], getattr(healthy, side)["pixels"]
        assert torch.equal(images[:, 6:], true[:, :3])
        assert torch.equal(images[:, 3:6], true[:, 3:6])
        assert not torch.equal(images, true)


# The agent


def test_the_first_target_is_loaded_again(make_filled):
    model = make_filled("target_overwritten")
    target, critic = weights(model.critic_target), weights(model.critic)
    model.train(1, BATCH)
    assert same(model.critic_target, target)
    assert not same(model.critic, critic)


def test_the_first_encoders_are_loaded_again(make_filled):
    model = make_filled("encoder_overwritten")
    encoders = [network.features_extractor for network in (model.actor, model.critic)]
    before, head = [weights(encoder) for encoder in encoders], weights(model.critic.qf0)
    model.train(1, BATCH)
    assert all(map(same, encoders, before))
    assert not same(model.critic.qf0, head)


def test_the_actor_never_moves(make_filled):
    model = make_filled("actor_rate_zero")
    actor, critic = weights(model.actor), weights(model.critic)
    model.train(3, BATCH)
    assert same(model.actor, actor)
    assert not same(model.critic, critic)


def test_the_image_features_of_the_actor_die_and_not_the_critics(make_filled):
    model = make_filled("sparsity_term")
    observations = dict(model.replay_buffer.sample(BATCH).observations)
    observations["pixels"] = observations["pixels"] / 255

    def firing(network) -> float:
        with torch.no_grad():
            return float((network.features_extractor(observations)[:, 4:] > 0).float().mean())

    assert firing(model.actor) > 0.2
    for _ in range(60):
        model.train(1, BATCH)
    assert firing(model.actor) == 0
    assert firing(model.critic) > 0.1


def test_a_large_learning_rate_saturates_the_actor(make_filled):
    model = make_filled("learning_rate_x100")
    model.train(100, BATCH)
    observations = dict(model.replay_buffer.sample(BATCH).observations)
    with torch.no_grad():
        actions = model.actor(observations, deterministic=True)
    assert float((actions.abs() > 0.99).float().mean()) > 0.5


def test_the_entropy_coefficient_stays_and_lifts_q_above_every_reward(make_filled):
    model = make_filled("entropy_dominates")
    model.train(120, BATCH)
    batch = model.replay_buffer.sample(BATCH)
    with torch.no_grad():
        values = model.critic(batch.observations, batch.actions)[0]
    assert float(model.ent_coef_tensor) == 20
    assert float(values.mean()) > 0  # the best return there is


def test_the_goal_is_missing_where_the_agent_acts(make_filled):
    model = make_filled("goal_missing_at_acting")
    observation = {key: values[0] for key, values in model._last_obs.items()}
    others = {**observation, "desired_goal": observation["desired_goal"] + 3}
    shown, other = (model.predict(o, deterministic=True)[0] for o in (observation, others))
    np.testing.assert_array_equal(shown, other)
    assert not (model.replay_buffer.sample(BATCH).observations["desired_goal"] == 0).all()
