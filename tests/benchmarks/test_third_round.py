"""Each fault of the third round is really there: in what is shown, stored, done or learnt."""

import numpy as np
import torch
from helpers.faulty import pixels_of, planting, same, same_batch, stepped, weights

from benchmarks.planted_faults.agent import make_wrapped
from benchmarks.planted_faults.grounds import BATCH, GROUNDS, STARTS, UPDATES
from benchmarks.planted_faults.kinds.third_round import THIRD_ROUND
from benchmarks.planted_faults.spoils import third_round_faults

BEGINS = third_round_faults.BEGINS


def test_what_begins_in_a_run_begins_after_some_updates_and_leaves_time_to_be_seen():
    assert STARTS < BEGINS < STARTS + UPDATES - 100  # a check waits for 100


def test_enough_are_not_told_by_the_number_that_was_planted():
    assert {fault.kind for fault in THIRD_ROUND} == {"known"}
    assert sum(not fault.tautology for fault in THIRD_ROUND) >= 10


# The environment


def walk(name: str, ground: str, steps: int, action: float) -> list:
    """Return what a faulty and a healthy environment return at each step; both act alike."""
    walks = []
    for wrappers in (planting(name).wrappers, ()):
        env = make_wrapped(GROUNDS[ground], wrappers)
        env.reset(seed=0)
        moves = np.full(env.action_space.shape, action, np.float32)
        walks.append([env.step(moves * (-1) ** (n // 8)) for n in range(steps)])
        env.close()
    return walks


def test_a_camera_stalls_in_the_middle_of_a_run():
    faulty, healthy = walk("camera_stalls", "point", BEGINS + 20, 0.5)
    same_images = [
        np.array_equal(step[0]["pixels"], true[0]["pixels"])
        for step, true in zip(faulty, healthy, strict=True)
    ]
    assert all(same_images[: BEGINS - 1])
    late = [step[0] for step in faulty[BEGINS:]]
    assert len({shown["pixels"].tobytes() for shown in late}) == 1
    assert len({shown["achieved_goal"].tobytes() for shown in late}) > 5


def test_every_episode_starts_alike():
    env = make_wrapped(GROUNDS["point"], planting("one_seed").wrappers)
    first, second = (env.reset(seed=seed)[0] for seed in (1, 2))
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_no_move_leads_far_out_of_the_box():
    faulty, healthy = walk("safety_box", "reach", 8, 1.0)
    (far,), (free,) = (
        np.ptp([[s[0]["achieved_goal"][:1] for s in steps]], axis=1)[0]
        for steps in (faulty, healthy)
    )
    assert far < 0.06  # one step goes up to 4 cm, and the arm swings on
    assert free > 0.15
    back = walk("safety_box", "reach", 16, 1.0)[0]
    assert back[-1][0]["achieved_goal"][0] < back[7][0]["achieved_goal"][0]


def test_noise_grows_until_it_is_all_that_is_carried_out():
    wrap = third_round_faults.GrowingNoise(make_wrapped(GROUNDS["point"], ()))
    still = np.zeros(2, np.float32)
    done = np.array([wrap.action(still) for _ in range(BEGINS + 100)])
    assert np.abs(done[:3]).max() < 0.2
    assert (np.abs(done[BEGINS:]) == 1).mean() > 0.6


def test_achieved_goals_drift_and_rewards_do_not():
    faulty, healthy = walk("tracker_drifts", "point", BEGINS, 0.5)
    drift = [
        s[0]["achieved_goal"] - t[0]["achieved_goal"] for s, t in zip(faulty, healthy, strict=True)
    ]
    assert (np.diff(drift, axis=0) > 0).all()
    np.testing.assert_allclose(drift[-1], 10 * 0.002 * (BEGINS + 1), rtol=1e-3)  # and a reset
    assert [s[1] for s in faulty] == [t[1] for t in healthy]


def test_the_goal_of_the_episode_before_is_shown():
    env = make_wrapped(GROUNDS["point"], planting("goal_of_last_episode").wrappers)
    first, _ = env.reset(seed=0)
    second, _ = env.reset(seed=1)
    step, reward, *_ = env.step(np.zeros(2, np.float32))
    for shown in (second, step):
        np.testing.assert_array_equal(shown["desired_goal"], first["desired_goal"])
    asked = make_wrapped(GROUNDS["point"], ()).reset(seed=1)[0]["desired_goal"]
    assert not np.array_equal(asked, first["desired_goal"])
    assert reward == env.unwrapped.compute_reward(step["achieved_goal"], asked, {})


def test_every_place_is_the_goal(make_filled):
    (_, step, _), (_, healthy, _) = stepped("tolerance_x100", (0.0, 0.0))
    assert (step[1], healthy[1]) == (0, -1)
    assert not make_filled("tolerance_x100").replay_buffer.sample(BATCH).rewards.any()


def test_relabelled_rewards_say_success(make_filled):
    batch, healthy = same_batch(make_filled, "success_as_reward")
    real = BATCH // 5 + 1  # four of five are relabelled, and come last
    assert torch.equal(batch.rewards[:real], healthy.rewards[:real])
    assert torch.equal(batch.rewards[real:], healthy.rewards[real:] + 1)
    assert set(batch.rewards[real:].flatten().tolist()) == {0, 1}


# Replay


def test_negative_rewards_are_stored_as_255(make_filled):
    rewards = make_filled("rewards_unsigned").replay_buffer.rewards[:STARTS]
    healthy = make_filled("healthy_point").replay_buffer.rewards[:STARTS]
    np.testing.assert_array_equal(rewards, np.where(healthy < 0, 255, 0))


def test_goals_are_stored_as_whole_numbers(make_filled):
    model = make_filled("goals_whole")
    batch, healthy = same_batch(make_filled, "goals_whole")
    for side in ("observations", "next_observations"):
        stored, true = getattr(batch, side), getattr(healthy, side)
        assert torch.equal(stored["achieved_goal"], true["achieved_goal"].trunc())
        assert torch.equal(stored["pixels"], true["pixels"])
    assert (model._last_obs["desired_goal"] % 1).any()


def test_masks_stand_where_dones_should(make_filled):
    batch, healthy = same_batch(make_filled, "masks_for_dones")
    assert torch.equal(batch.dones, 1 - healthy.dones)
    assert batch.dones.all()


def test_every_target_has_the_rewards_of_all(make_filled):
    batch, healthy = same_batch(make_filled, "rewards_broadcast")
    assert torch.equal(batch.rewards, healthy.rewards[:, 0])
    targets = batch.rewards + (1 - batch.dones) * 0.0
    assert targets.shape == (BATCH, BATCH)


def test_images_lose_their_order_in_the_middle_of_a_run(make_filled, monkeypatch):
    batch, healthy = same_batch(make_filled, "images_out_of_order")
    assert torch.equal(batch.observations["pixels"], healthy.observations["pixels"])
    monkeypatch.setattr(third_round_faults, "BEGINS", STARTS)
    batch, healthy = same_batch(make_filled, "images_out_of_order")
    for side in ("observations", "next_observations"):
        images, true = getattr(batch, side)["pixels"], getattr(healthy, side)["pixels"]
        assert torch.equal(images[1:], true[:-1])
        assert not torch.equal(images, true)
    assert torch.equal(batch.actions, healthy.actions)


def test_the_next_goal_is_not_relabelled(make_filled):
    batch, healthy = same_batch(make_filled, "half_relabelled")
    assert torch.equal(batch.observations["desired_goal"], healthy.observations["desired_goal"])
    assert torch.equal(batch.rewards, healthy.rewards)
    now, following = (s["desired_goal"] for s in (batch.observations, batch.next_observations))
    assert float((now != following).any(dim=1).float().mean()) > 0.7


def test_the_same_transitions_are_drawn_again_and_again(make_filled):
    buffer, healthy = (make_filled(n).replay_buffer for n in ("same_draw", "healthy_point"))
    first, second = (buffer.sample(BATCH) for _ in range(2))
    assert torch.equal(first.observations["desired_goal"], second.observations["desired_goal"])
    first, second = (healthy.sample(BATCH) for _ in range(2))
    assert not torch.equal(first.observations["desired_goal"], second.observations["desired_goal"])


# The features extractor


def test_what_is_acted_on_is_not_normalised(make_filled):
    model = make_filled("batch_norm_unlearnt")
    observations = dict(model.replay_buffer.sample(BATCH).observations)
    observations["pixels"] = observations["pixels"] / 255
    model.train(30, BATCH)
    extractor = model.actor.features_extractor
    varies = pixels_of(extractor.train()(observations)).std(0) > 0
    learnt, acted = (
        pixels_of(extractor.train(mode)(observations))[:, varies] for mode in (True, False)
    )
    assert float(learnt.std(0).median()) > 10 * float(acted.std(0).median())


def test_the_desired_goal_is_read_by_nobody(make_filled):
    model = make_filled("achieved_read_twice")
    observation = {key: values[0] for key, values in model._last_obs.items()}
    for key, heard in (("desired_goal", False), ("achieved_goal", True)):
        other = {**observation, key: observation[key] + 3}
        actions = [model.predict(o, deterministic=True)[0] for o in (observation, other)]
        assert np.array_equal(*actions) != heard


# The agent


def test_an_actor_that_maximises_its_loss_saturates(make_filled):
    model = make_filled("actor_maximises")
    model.train(100, BATCH)
    observations = dict(model.replay_buffer.sample(BATCH).observations)
    with torch.no_grad():
        actions = model.actor(observations, deterministic=True)
    assert float((actions.abs() > 0.99).float().mean()) > 0.5


def test_no_q_is_below_0_and_soon_none_is_above(make_filled):
    model = make_filled("critic_ends_in_relu")
    model.train(100, BATCH)
    batch = model.replay_buffer.sample(BATCH)
    with torch.no_grad():
        values = torch.cat(model.critic(batch.observations, batch.actions))
    assert not values.any()
    assert batch.rewards.any()


def test_gradients_add_up(make_filled):
    model = make_filled("gradients_added_up")
    weight = model.critic.qf0[0].weight
    sizes = []
    for _ in range(30):
        model.train(1, BATCH)
        sizes.append(float(weight.grad.norm()))
    assert sizes[-1] > 3 * sizes[0]


def test_weights_shrink_by_decay(make_filled):
    lengths = {}
    for name in ("weights_decay", "healthy_norm"):
        model = make_filled(name)
        weight = next(p for p in model.critic.features_extractor.parameters() if p.ndim == 4)
        before = float(weight.detach().norm())
        model.train(100, BATCH)
        lengths[name] = float(weight.detach().norm()) / before
    assert lengths["weights_decay"] < 0.8
    assert lengths["healthy_norm"] > 0.95


def test_the_rate_grows_from_the_first_to_the_last(make_filled):
    model = make_filled("rate_finder")
    rates = [model.lr_schedule(remaining) for remaining in (1.0, 0.5, 0.0)]
    np.testing.assert_allclose(
        rates, (third_round_faults.FIRST_RATE, 10**-2.5, third_round_faults.LAST_RATE)
    )
    model.train(1, BATCH)  # after the last step
    assert model.actor.optimizer.param_groups[0]["lr"] == third_round_faults.LAST_RATE


def test_gradients_vanish_in_the_course_of_training(make_filled):
    model = make_filled("loss_scale")
    actor, critic = weights(model.actor), weights(model.critic)
    model.train(1, BATCH)
    assert not same(model.actor, actor)
    assert not same(model.critic, critic)
    model._n_updates = UPDATES
    for optimizer in (model.actor.optimizer, model.critic.optimizer):
        optimizer.state.clear()  # what it remembers of the gradients before
    actor, critic = weights(model.actor), weights(model.critic)
    model.train(1, BATCH)
    assert same(model.actor, actor)
    assert same(model.critic, critic)
