"""Each fault of the seventh round is really there: in what is shown, stored, done or learnt."""

import numpy as np
import pytest
import torch
from helpers.faulty import fresh, pixels_of, planting, same, same_batch, stepped, weights
from stable_baselines3 import SAC

from benchmarks.planted_faults.agent import make_wrapped
from benchmarks.planted_faults.grounds import BATCH, GROUNDS, STARTS, UPDATES
from benchmarks.planted_faults.spoils import seventh_round_agent_faults, seventh_round_faults

REAL = BATCH // 5 + 1  # four of five are relabelled, and come last
EPISODE = 25
GOALS = ["achieved_goal", "desired_goal"]
HEALTHY = "healthy_point"


@pytest.fixture
def replays(make_filled):
    """Return what gives a faulty agent's replay, and a healthy one's."""
    return lambda name: [make_filled(one).replay_buffer for one in (name, HEALTHY)]


# The environment


def test_a_goal_is_paid_as_the_current_one_is(make_filled):
    first, _, env = stepped("reward_of_current_goal")[0]
    goal, reward = first["desired_goal"], env.get_wrapper_attr("compute_reward")
    achieved = np.stack([goal, goal + 2])
    assert reward(achieved, achieved, {}).tolist() == [0, -1]
    batch, healthy = same_batch(make_filled, "reward_of_current_goal")
    assert torch.equal(batch.rewards[:REAL], healthy.rewards[:REAL])
    current = make_filled("reward_of_current_goal")._last_obs["desired_goal"]
    achieved = batch.next_observations["achieved_goal"].numpy()[REAL:]
    near = np.linalg.norm(achieved - current, axis=1) <= 0.5
    np.testing.assert_array_equal(batch.rewards[REAL:, 0], near - 1.0)
    assert not torch.equal(batch.rewards, healthy.rewards)


def test_hindsight_finds_no_success_in_info(make_filled):
    reward = stepped("reward_from_info")[0][2].get_wrapper_attr("compute_reward")
    infos = [{"is_success": 1.0}, {"is_success": 0.0}, {}]
    assert reward(np.zeros((3, 2)), np.zeros((3, 2)), infos).tolist() == [0, -1, -1]
    batch, healthy = same_batch(make_filled, "reward_from_info")
    assert torch.equal(batch.rewards[:REAL], healthy.rewards[:REAL])
    assert (batch.rewards[REAL:] == -1).all()
    assert (healthy.rewards[REAL:] == 0).any()


def test_no_step_is_paid_within_the_tolerance():
    env = make_wrapped(GROUNDS["point"], planting("tolerance_in_millimetres").wrappers)
    env.reset(seed=0)
    env.unwrapped._position = env.unwrapped._goal - np.float32(0.1)
    *_, reward, _, _, info = env.step(np.zeros(2, np.float32))
    assert (reward, info["is_success"]) == (-1, 1)
    pairs = np.array([[0, 0], [0.0004, 0], [0.0006, 0]])
    found = env.get_wrapper_attr("compute_reward")(pairs, np.zeros((3, 2)), {})
    assert found.tolist() == [0, 0, -1]


@pytest.mark.parametrize(("ground", "centre"), [("point", (0, 0)), ("reach", (1.34, 0.75, 0.53))])
def test_leaving_ends_an_episode_for_good(ground, centre):
    env = make_wrapped(GROUNDS[ground], planting("leaving_ends").wrappers)
    half = 0.9 * env.get_wrapper_attr("goal_task").goal_range / 2
    env.reset(seed=0)
    action, ended = np.ones(env.action_space.shape, np.float32), []
    for _ in range(12):
        shown, reward, terminated, truncated, _ = env.step(action)
        outside = bool((np.abs(shown["achieved_goal"] - centre) > half).any())
        assert (terminated, truncated) == (outside, False)
        assert reward == -1
        ended.append(terminated)
    env.close()
    assert set(ended) == {False, True}


def test_an_episode_that_is_left_is_stored_as_over(replays):
    rows = np.arange(STARTS)
    ends = [b._get_real_samples(rows, 0 * rows).dones.sum() for b in replays("leaving_ends")]
    assert ends[0] > 0 == ends[1]


def test_a_tenth_of_an_action_is_done_at_once():
    env = make_wrapped(GROUNDS["point"], planting("actions_smoothed").wrappers)
    first, _ = env.reset(seed=0)
    places = [first["achieved_goal"]]
    for action in ((1, 0), (0, 0), (0, -1)):
        places.append(env.step(np.array(action, np.float32))[0]["achieved_goal"])
    np.testing.assert_allclose(
        np.diff(places, axis=0), [[0.1, 0], [0.09, 0], [0.081, -0.1]], atol=1e-6
    )
    first, _ = env.reset(seed=1)
    step, *_ = env.step(np.zeros(2, np.float32))
    np.testing.assert_array_equal(step["achieved_goal"], first["achieved_goal"])


def test_what_is_achieved_stays_that_of_the_reset(replays):
    faulty, healthy = replays("achieved_of_reset")
    for buffer, places in ((faulty, 1), (healthy, EPISODE)):
        achieved = buffer.next_observations["achieved_goal"][: 2 * EPISODE, 0]
        for episode in (achieved[:EPISODE], achieved[EPISODE:]):
            assert len(np.unique(episode, axis=0)) in (places, places - 1)
    starts = [b.observations["achieved_goal"][:STARTS:EPISODE] for b in (faulty, healthy)]
    np.testing.assert_array_equal(*starts)
    (*_, step, _), _ = stepped("achieved_of_reset")
    distance = np.linalg.norm(step[0]["achieved_goal"] - step[0]["desired_goal"])
    assert step[1] == -float(distance > 0.5) == step[4]["is_success"] - 1


def test_rewards_are_a_thousandth(make_filled):
    batch, healthy = same_batch(make_filled, "rewards_thousandth")
    torch.testing.assert_close(batch.rewards, healthy.rewards / 1000)
    assert set(healthy.rewards.flatten().tolist()) == {0, -1}


def test_hindsight_is_paid_for_normalised_goals(make_filled, replays):
    faulty, healthy = replays("goals_normalised_in_env")
    for key in GOALS:
        shown, true = (b.next_observations[key][EPISODE:STARTS, 0] for b in (faulty, healthy))
        assert 0.5 < shown.std() < 1.5 < 2 < true.std()
    np.testing.assert_array_equal(faulty.rewards, healthy.rewards)
    batch, _ = same_batch(make_filled, "goals_normalised_in_env")
    goals = [batch.next_observations[key][REAL:] for key in GOALS]
    missed = (goals[0] - goals[1]).norm(dim=1) > 0.5  # of the spread of goals, and not of the unit
    assert torch.equal(batch.rewards[REAL:, 0], -missed.float())
    extractor = make_filled("goals_normalised_in_env").actor.features_extractor
    assert all(isinstance(extractor.extractors[key], torch.nn.Flatten) for key in GOALS)


# Replay


def test_real_goals_are_written_over():
    left = []
    for name in ("relabelled_in_place", HEALTHY):
        buffer = fresh(name).replay_buffer
        real = buffer.observations["desired_goal"][:STARTS].copy()
        for _ in range(20):
            batch = buffer.sample(BATCH)
        stored = buffer.observations["desired_goal"][:STARTS]
        np.testing.assert_array_equal(stored, buffer.next_observations["desired_goal"][:STARTS])
        goals = [buffer.next_observations[key][:STARTS, 0] for key in GOALS]
        missed = np.linalg.norm(goals[0] - goals[1], axis=-1) > 0.5
        np.testing.assert_array_equal(buffer.rewards[:STARTS, 0], -missed.astype(float))
        assert len(batch.rewards) == BATCH
        left.append(float((stored == real).all(axis=-1).mean()))
    assert left[0] < 0.05
    assert left[1] == 1


def test_what_misses_a_relabelled_goal_ends_for_good(make_filled):
    batch, healthy = same_batch(make_filled, "dones_of_rewards")
    assert torch.equal(batch.rewards, healthy.rewards)
    assert torch.equal(batch.dones[:REAL], healthy.dones[:REAL])
    assert torch.equal(batch.dones[REAL:], -batch.rewards[REAL:])
    assert set(batch.dones[REAL:].flatten().tolist()) == {0, 1}
    assert not healthy.dones.any()


def test_three_quarters_of_the_sides_are_erased(make_filled):
    batch, healthy = same_batch(make_filled, "images_erased")
    size, places = seventh_round_faults.ERASED, set()
    for side in ("observations", "next_observations"):
        images, true = getattr(batch, side)["pixels"], getattr(healthy, side)["pixels"]
        erased = images != true
        assert not images[erased].any()
        for image in erased.any(dim=1):
            rows, columns = (image.any(dim=d).nonzero().flatten().tolist() for d in (1, 0))
            assert (len(rows), len(columns), int(image.sum())) == (size, size, size**2)
            places.add((rows[0], columns[0]))
    assert len(places) > BATCH / 2
    model = make_filled("images_erased")
    assert model._last_obs["pixels"].all()  # what is acted on is whole


# The features extractor


@torch.no_grad()
def image_features(model: SAC, pixels: torch.Tensor) -> torch.Tensor:
    observations = {**model.replay_buffer.sample(len(pixels)).observations, "pixels": pixels / 255}
    return pixels_of(model.actor.features_extractor(observations))


def test_where_something_is_cannot_be_told():
    image = torch.full((1, 3, 36, 36), 60, dtype=torch.uint8)
    images = image.repeat(2, 1, 1, 1)
    images[0, :, 12:16, 12:16] = images[1, :, 20:24, 20:24] = 230  # moved by whole strides
    apart = {}
    for name in ("averaged_over_places", HEALTHY):
        first, second = image_features(fresh(name), images)
        none = image_features(fresh(name), image)[0]
        assert not torch.equal(first, none)
        apart[name] = float((first - second).norm() / (first - none).norm())
    assert apart["averaged_over_places"] < 0.01
    assert apart[HEALTHY] > 0.5


def test_features_of_sigmoids_hardly_vary():
    pixels = fresh(HEALTHY).replay_buffer.sample(BATCH).observations["pixels"]
    varies = []
    for name in ("sigmoid_encoder", HEALTHY):
        encoder = fresh(name).actor.features_extractor.extractors["pixels"]
        assert any(isinstance(m, torch.nn.ReLU) for m in encoder.modules()) == (name == HEALTHY)
        found = image_features(fresh(name), pixels)
        varies.append(float((found - found.mean(0)).norm() / found.norm()))
    assert varies[0] < 0.01 < 0.02 < varies[1]


def test_features_are_those_of_others_in_the_batch(make_filled):
    model = make_filled("batch_mixed")
    pixels = model.replay_buffer.sample(BATCH).observations["pixels"]
    alone = torch.cat([image_features(model, one[None]) for one in pixels])
    together = image_features(model, pixels)
    torch.testing.assert_close(together.flatten(), alone.t().flatten(), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(together, alone, atol=1e-3)


# The agent


def test_one_step_of_gradient_descent_is_small():
    steps = []
    for name in ("sgd_at_adams_rate", HEALTHY):
        model = fresh(name)
        for network in (model.actor, model.critic):
            before = weights(network)
            model.train(1, BATCH)
            moved = [(w - b).norm() for w, b in zip(weights(network), before, strict=True)]
            steps.append(float(torch.stack(moved).norm()))
    assert all(0 < step < 0.1 * usual for step, usual in zip(steps[:2], steps[2:], strict=True))


def test_only_entropy_moves_the_actor():
    model = fresh("actor_of_stored_actions")
    batch = model.replay_buffer.sample(BATCH)
    model.replay_buffer.sample = lambda *_, **__: batch
    asked: list[torch.Tensor] = []
    model.critic.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[1]))
    model.train(1, BATCH)
    assert len(asked) == 2
    assert all(torch.equal(actions, batch.actions) for actions in asked)
    # Without a weight on entropy nothing is left that moves it.
    model.log_ent_coef.data.fill_(-200)
    model.train(1, BATCH)
    assert all(not p.grad.any() for p in model.actor.parameters() if p.grad is not None)


def test_two_steps_are_all_that_a_target_counts():
    found = []
    for name in ("targets_clipped", HEALTHY):
        model = fresh(name)
        for network in model.critic_target.q_networks:
            network[-1].bias.data.fill_(-7)
            network[-1].weight.data.zero_()
        batch = model.replay_buffer.sample(BATCH)
        with torch.no_grad():
            values = model.critic_target(batch.observations, batch.actions)
        found.append({float(v) for value in values for v in value})
    assert found == [{seventh_round_agent_faults.LEAST}, {-7.0}]


def test_both_optimisers_hold_the_one_encoder():
    model = fresh("encoder_shared")
    encoder = model.critic.features_extractor
    assert model.actor.features_extractor is encoder
    assert model.critic_target.features_extractor is not encoder
    before: list[list[torch.Tensor]] = []
    model.actor.optimizer.register_step_pre_hook(lambda *_: before.append(weights(encoder)))
    model.train(1, BATCH)
    assert not same(encoder, before[0])


def test_an_actor_that_is_asked_later_learns_as_sb3s():
    found = []
    for kind in (seventh_round_agent_faults.LaterActorSAC, SAC):
        model = fresh(HEALTHY)
        model.__class__ = kind
        before = weights(model.policy)
        model.lr_schedule = lambda _: 1e-6  # so that what comes first hardly matters
        model.actor.optimizer.register_step_pre_hook(
            lambda *_, actor=model.actor: found.append(
                torch.cat([p.grad.flatten() for p in actor.parameters()])
            )
        )
        batch = model.replay_buffer.sample(BATCH)
        model.replay_buffer.sample = lambda *_, batch=batch, **__: batch
        model.actor.action_log_prob = lambda observations, actor=model.actor: quiet(
            actor, observations
        )
        model.train(1, BATCH)
        assert not same(model.policy, before)
    torch.testing.assert_close(*found, atol=1e-4, rtol=1e-2)


def quiet(actor, observations):
    """Return the best actions, and densities that do not depend on what is drawn."""
    mean, log_std, _ = actor.get_action_dist_params(observations)
    return mean.tanh(), -log_std.sum(dim=1)


def test_what_acts_stays_as_it_was():
    chosen = []
    for name in ("worker_never_told", HEALTHY):
        model = fresh(name)
        pair = []
        for _ in range(2):
            torch.manual_seed(0)
            pair.append(model._sample_action(0)[0])
            model.train(1, BATCH)
        chosen.append(np.array_equal(*pair))
        assert model.policy.actor is model.actor
    assert chosen == [True, False]


def test_no_update_is_made():
    assert seventh_round_agent_faults.STARTS_LATE > STARTS + UPDATES
    for name, updates in (("starts_never", 0), (HEALTHY, 3)):
        assert fresh(name, STARTS + 3)._n_updates == updates
