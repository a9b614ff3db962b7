"""Each fault of the sixth round is really there: in what is shown, stored, done or learnt."""

import numpy as np
import pytest
import torch
from helpers.faulty import fresh, pixels_of, planting, same_batch, stepped, weights
from stable_baselines3 import SAC
from torch.nn.functional import pad

from benchmarks.planted_faults.agent import make_wrapped
from benchmarks.planted_faults.grounds import BATCH, GROUNDS, STARTS
from benchmarks.planted_faults.spoils.sixth_round_agent_faults import CustomSAC

REAL = BATCH // 5 + 1  # four of five are relabelled, and come last
EPISODE = 25
GOALS = ["achieved_goal", "desired_goal"]
HEALTHY = "healthy_point"


@pytest.fixture
def replays(make_filled):
    """Return what gives a faulty agent's replay, and a healthy one's."""
    return lambda name: [make_filled(one).replay_buffer for one in (name, HEALTHY)]


# The environment


@pytest.mark.parametrize(
    ("name", "size", "shown"),
    [
        ("image_divided_early", 1, lambda image: 0 * image),
        ("camera_on_a_corner", 3, lambda image: image[:, :12, :12]),
        ("image_shrunk", 6, lambda image: image[:, ::6, ::6]),
    ],
)
def test_less_is_seen(name, size, shown):
    (first, *_), (healthy, *_) = stepped(name)
    seen = np.kron(shown(healthy["pixels"]), np.ones((1, size, size), np.uint8))
    np.testing.assert_array_equal(first["pixels"], seen)
    assert not np.array_equal(seen, healthy["pixels"])


def test_all_relabelled_goals_are_missed_where_one_is(make_filled):
    reward = stepped("reward_of_whole_batch")[0][2].get_wrapper_attr("compute_reward")
    near = np.array([[0.4, 0], [0.4, 0]])  # 0.57 together
    assert (reward(near[0], np.zeros(2), {}), reward(near, np.zeros((2, 2)), {})) == (0, -1)
    batch, healthy = same_batch(make_filled, "reward_of_whole_batch")
    assert torch.equal(batch.rewards[:REAL], healthy.rewards[:REAL])
    assert (batch.rewards[REAL:] == -1).all()
    assert (healthy.rewards[REAL:] == 0).any()


def test_being_at_the_goal_costs_one(make_filled):
    batch, healthy = same_batch(make_filled, "success_penalised")
    assert torch.equal(batch.rewards, -1 - healthy.rewards)
    assert set(batch.rewards[REAL:].flatten().tolist()) == {0, -1}


def test_the_tenth_step_ends_for_good(replays):
    rows, both = np.arange(STARTS), replays("own_limit_terminates")
    dones = [buffer._get_real_samples(rows, 0 * rows).dones for buffer in both]
    assert [np.flatnonzero(ends).tolist() for ends in dones] == [list(range(9, STARTS, 10)), []]


def test_the_goal_is_that_of_the_episode_before(replays):
    late, healthy = replays("previous_goal_shown")
    true = healthy.observations["desired_goal"]
    for side in (late.observations, late.next_observations):
        np.testing.assert_array_equal(side["desired_goal"][EPISODE:], true[:-EPISODE])
    assert (true[EPISODE:] != true[:-EPISODE]).all()
    np.testing.assert_array_equal(late.rewards, healthy.rewards)


def test_a_twentieth_of_the_action_is_done():
    for (first, step, _), share in zip(stepped("actions_scaled_again"), (0.05, 1), strict=True):
        moved = step[0]["achieved_goal"] - first["achieved_goal"]
        np.testing.assert_allclose(moved, [share, share / 2], atol=1e-6)


def test_what_is_observed_is_from_before_the_action():
    (first, step, _), (before, healthy, _) = stepped("observed_before_acting")
    assert all(np.array_equal(step[0][key], before[key]) for key in first)
    assert not any(np.array_equal(healthy[0][key], before[key]) for key in ("pixels", GOALS[0]))
    assert step[4]["goal_distance"] == healthy[4]["goal_distance"]


def test_the_gripper_is_paid_for_reaching_the_goal():
    env = make_wrapped(GROUNDS["push"], planting("gripper_as_achieved").wrappers)
    _, info = env.reset(seed=0)
    env.unwrapped.goal = info["gripper_position"].copy()
    shown, reward, *_, info = env.step(np.zeros(4, np.float32))
    env.close()
    np.testing.assert_allclose(shown["achieved_goal"], info["gripper_position"], rtol=1e-6)
    assert np.linalg.norm(info["object_position"] - info["gripper_position"]) > 0.05
    assert (reward, info["is_success"]) == (0, 0)


def test_every_episode_starts_alike(replays):
    for buffer, kinds in zip(replays("same_seed_each_reset"), (1, 4), strict=True):
        for key in GOALS:
            assert len(np.unique(buffer.observations[key][:STARTS:EPISODE, 0], axis=0)) == kinds


# Replay


def test_relabelled_goals_keep_the_rewards_of_the_real_ones(make_filled, replays):
    batch, healthy = same_batch(make_filled, "relabelled_without_reward")
    np.random.seed(0)  # noqa: NPY002 - what SB3's replay draws from
    rows = np.roll(replays(HEALTHY)[0].finished.draw(BATCH)[0], REAL - BATCH)
    for side in ("observations", "next_observations"):
        assert torch.equal(*(getattr(one, side)["desired_goal"] for one in (batch, healthy)))
    np.testing.assert_array_equal(batch.rewards, replays(HEALTHY)[0].rewards[rows])
    assert not torch.equal(batch.rewards, healthy.rewards)


def test_no_goal_is_relabelled(make_filled, replays):
    real = replays(HEALTHY)[0].observations["desired_goal"][:STARTS, 0]
    drawn = [b.observations["desired_goal"] for b in same_batch(make_filled, "no_sampled_goals")]
    kept = [(goals.numpy()[:, None] == real).all(axis=2).any(axis=1).sum() for goals in drawn]
    assert kept == [BATCH, REAL]


def test_the_last_100_are_kept():
    for name, kept in (("replay_of_100", 100), (HEALTHY, 1_000)):
        buffer = fresh(name, 100, 1_000).replay_buffer
        assert (buffer.buffer_size, buffer.full, buffer.pos) == (kept, kept == 100, 100 % kept)


def test_each_observation_is_the_next(make_filled):
    batch, healthy = same_batch(make_filled, "observation_overwritten")
    for key, after in healthy.next_observations.items():
        assert torch.equal(batch.observations[key], after)
        assert torch.equal(batch.next_observations[key], after)
        assert torch.equal(healthy.observations[key], after) == (key == "desired_goal")


def test_goals_are_of_any_episode(replays):
    inside, rows = [], np.arange(EPISODE).repeat(20)  # the first of four episodes
    for buffer in replays("goals_of_any_episode"):
        goals = buffer._sample_goals(rows, np.zeros_like(rows))
        places = buffer.next_observations["achieved_goal"][:EPISODE, 0]
        inside.append((goals[:, None] == places).all(axis=2).any(axis=1).mean())
    assert inside == [pytest.approx(0.25, abs=0.08), 1]


def test_images_are_moved_by_up_to_16_pixels(make_filled):
    batches = same_batch(make_filled, "crops_too_far")
    images, true = (torch.cat([b[0]["pixels"], b[2]["pixels"]])[:, 0] for b in batches)
    crops = pad(true, (16,) * 4).unfold(1, 36, 1).unfold(2, 36, 1)
    found = (crops == images[:, None, None]).flatten(3).all(dim=3).nonzero()
    assert found[:, 0].tolist() == list(range(2 * BATCH))
    assert int((found[:, 1:] - 16).abs().max()) in (15, 16)
    assert not torch.equal(found[:BATCH, 1:], found[BATCH:, 1:])  # the next is moved by itself


# The features extractor


@torch.no_grad()
def features(model: SAC, observations: dict[str, torch.Tensor]) -> torch.Tensor:
    scaled = {**observations, "pixels": observations["pixels"] / 255}
    return model.actor.features_extractor(scaled)


def test_no_goal_is_read(make_filled):
    for name, goals in (("image_without_goals", 0), (HEALTHY, 4)):
        model = make_filled(name)
        observations = model.replay_buffer.sample(BATCH)[0]
        others = {**observations, **{key: observations[key] + 1 for key in GOALS}}
        differs = features(model, observations) != features(model, others)
        assert differs.sum(dim=1).tolist() == [goals] * BATCH
        assert differs.shape[1] == model.actor.features_dim == 128 + goals


def test_an_image_is_read_across_its_channels(make_filled):
    model = make_filled("image_reshaped")
    observations, seen = model.replay_buffer.sample(BATCH)[0], []
    encoder = model.actor.features_extractor.extractors["pixels"][1]
    encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].flatten(1)))
    features(model, observations)
    pixels = observations["pixels"] / 255
    for channel in range(3):
        assert torch.equal(seen[0][:, channel::3], pixels[:, channel].flatten(1))


def test_goals_are_hardly_more_than_signs(make_filled):
    model = make_filled("goals_squashed")
    observations = model.replay_buffer.sample(BATCH)[0]
    goals = torch.cat([observations[key] for key in GOALS], dim=1)
    found = features(model, observations)[:, :4]
    torch.testing.assert_close(found, torch.tanh(goals * 100 / 2.9))
    assert float((found - goals.sign()).abs().lt(0.01).float().mean()) > 0.9


def test_half_of_all_features_are_dropped(make_filled):
    model = make_filled("dropout_half")
    model.train(1, BATCH)  # which leaves its networks in training
    observations, extractor = model.replay_buffer.sample(BATCH)[0], model.actor.features_extractor
    learnt = features(model, observations)
    extractor.eval()
    acted = features(model, observations)
    torch.testing.assert_close(learnt, torch.where(learnt == 0, 0, 2 * acted))
    for part, whole in ((learnt[:, :4], acted[:, :4]), (pixels_of(learnt), pixels_of(acted))):
        assert float((part[whole != 0] == 0).float().mean()) == pytest.approx(0.5, abs=0.15)


# The agent


def taught(model: SAC) -> tuple[float, float]:
    """Return the target and the loss of one update, values being known and the rate 0.

    Critics say 1 and 2, and their targets 100 and 200. A weight of entropy that is learnt is 0. Of
    the target, the mean beyond the rewards is returned.
    """
    model.lr_schedule, batch = lambda _: 0.0, model.replay_buffer.sample(BATCH)
    model.replay_buffer.sample = lambda *_, **__: batch
    for critic, says in ((model.critic, (1, 2)), (model.critic_target, (100, 200))):
        for network, value in zip(critic.q_networks, says, strict=True):
            network[-1].weight.data.zero_()
            network[-1].bias.data.fill_(value)
    if model.log_ent_coef is not None:
        model.log_ent_coef.data.fill_(-100)
    bias, found = model.critic.qf0[-1].bias, []  # whose gradient is 1 less the mean target
    model.critic.optimizer.register_step_pre_hook(lambda *_: found.append(1 - float(bias.grad)))
    torch.manual_seed(0)
    model.train(1, BATCH)
    return found[0] - float(batch.rewards.mean()), model.logger.name_to_value["train/actor_loss"]


@pytest.mark.parametrize(
    ("name", "target", "loss"),
    [
        (HEALTHY, 90, -1),  # 0.9 x 100, and the smaller of 1 and 2
        ("discount_too_small", 10, -1),
        ("larger_critic", 180, -2),
        ("actor_loss_sign", 90, 1),
    ],
)
def test_another_value_is_learnt(name, target, loss):
    assert taught(fresh(name)) == pytest.approx((target, loss), rel=1e-4)


def test_entropy_weighs_as_much_as_a_step():
    model = fresh("entropy_weight_one")
    _, loss = taught(model)
    torch.manual_seed(0)
    _, log_prob = model.actor.action_log_prob(model.replay_buffer.sample()[0])
    assert abs(float(log_prob.detach().mean())) > 0.1
    assert loss == pytest.approx(float(log_prob.detach().mean()) - 1, rel=1e-4)


def test_the_target_follows_by_a_ten_thousandth():
    for name, tau in (("target_hardly_follows", 1e-4), (HEALTHY, 0.05)):
        model = fresh(name)
        taught(model)
        bias = model.critic_target.qf0[-1].bias.item()
        assert bias == pytest.approx(100 - tau * 99, abs=1e-5)


def test_an_update_written_out_is_sb3s():
    found = []
    for kind in (CustomSAC, SAC):
        model = fresh(HEALTHY)  # which seeds all that is drawn
        model.__class__ = kind
        model.train(2, BATCH)
        found.append([*weights(model.policy), model.log_ent_coef])
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize(
    ("name", "trained", "rate"),
    [
        ("encoder_under_no_grad", {"qf"}, 3e-4),
        ("critic_rebuilt_late", {"pixels"}, 3e-4),
        ("rate_too_high", {"pixels", "qf"}, 0.01),
        (HEALTHY, {"pixels", "qf"}, 3e-4),
    ],
)
def test_a_part_is_never_trained_or_too_fast(name, trained, rate):
    model = fresh(name)
    before = weights(model.critic)
    model.train(1, BATCH)
    moves = [float((w - b).abs().max()) for w, b in zip(weights(model.critic), before, strict=True)]
    moved = {key: move for key, move in zip(model.critic.state_dict(), moves, strict=True) if move}
    assert {part for part in ("pixels", "qf") if any(part in key for key in moved)} == trained
    assert max(moves) == pytest.approx(rate, rel=0.01)  # Adam's first step


def test_an_episode_has_one_update():
    for name, steps, updates in (("one_update_per_episode", 50, 2), (HEALTHY, 3, 3)):
        assert fresh(name, STARTS + steps)._n_updates == updates
