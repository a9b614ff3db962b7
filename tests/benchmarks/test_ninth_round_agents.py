"""Each fault of the ninth round in an agent does its harm: in what is heard, learnt or carried."""

import itertools
from functools import cache

import numpy as np
import pytest
import torch
from helpers.faulty import fresh, planting, same, weights
from stable_baselines3 import SAC, TD3
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.torch_layers import NatureCNN

from benchmarks.planted_faults.agent import make_agent
from benchmarks.planted_faults.faults import plantings
from benchmarks.planted_faults.grounds import BATCH, STARTS
from benchmarks.planted_faults.spoils.developing_faults import BEGINS

HEALTHY = "healthy_point"
UPDATES = 150
FROM_REWARDS = -1 / (1 - 0.9)  # the least that -1 for ever is worth


@cache
def trained(name: str, updates: int = UPDATES, ground: str = "point") -> SAC | TD3:
    """Return an agent after so many updates."""
    planted = next(one for one in plantings(name) if one.ground_name == ground)
    return make_agent(planted, seed=0, total_steps=STARTS + updates).learn(STARTS + updates)


def drawn(model: SAC):
    """Return a large batch, the same of agents that acted alike."""
    np.random.seed(0)  # noqa: NPY002 - what SB3's replay draws from
    return model.replay_buffer.sample(4 * BATCH)


@torch.no_grad()
def judged(model: SAC, observations, actions: torch.Tensor) -> torch.Tensor:
    """Return what the critics think of actions, float (B,)."""
    return torch.cat(model.critic(observations, actions), dim=1).amin(dim=1)


# The features extractor


def encoders(model: SAC) -> list[NatureCNN]:
    """Return the image encoders of actor and critics."""
    parts = itertools.chain(model.actor.modules(), model.critic.modules())
    return [part for part in parts if isinstance(part, NatureCNN)]


@torch.no_grad()
def test_images_scaled_twice_tell_nothing_of_the_place(make_filled):
    moved = []
    for name, factor in (("double_pixel_scaling", 1 / 255**2), (HEALTHY, 1 / 255)):
        model, heard = make_filled(name), []
        encoder = encoders(model)[0]
        hook = encoder.register_forward_pre_hook(lambda _, x, heard=heard: heard.append(x[0]))
        batch = model.replay_buffer._get_real_samples(np.arange(75), np.zeros(75, int))
        space = batch.observations
        features = model.actor.extract_features(space, model.actor.features_extractor)[:, -128:]
        hook.remove()
        assert float(heard[0].max()) == pytest.approx(230 * factor, rel=0.05)
        moved.append(float(features.std(dim=0).norm()))
    assert moved[0] < 0.01 * moved[1]


@pytest.mark.parametrize(
    ("name", "unread"),
    [
        ("double_pixel_scaling", {"achieved_goal"}),
        ("float_frames_cast_to_uint8", {"achieved_goal"}),
        ("camera_misses_the_agent", {"achieved_goal"}),
        ("encoder_receives_no_gradient", {"achieved_goal"}),
        ("goal_missing_from_features", {"achieved_goal", "desired_goal"}),
        ("goal_marker_contradicts_relabelled_goal", {"achieved_goal", "desired_goal"}),
        (HEALTHY, set()),
    ],
)
def test_a_vector_is_never_read(make_planted, name, unread):
    model = make_planted(name)
    observation = {key: space.sample()[None] for key, space in model.observation_space.items()}
    actions = torch.zeros(1, 2)
    found = set()
    for key in ("achieved_goal", "desired_goal"):
        other = {**observation, key: observation[key] + 3}
        acts = [model.predict(one, deterministic=True)[0] for one in (observation, other)]
        values = [
            judged(model, {k: torch.as_tensor(v) for k, v in one.items()}, actions)
            for one in (observation, other)
        ]
        if np.array_equal(*acts) and torch.equal(*values):
            found.add(key)
    assert found == unread


def test_encoders_stay_as_they_were_made():
    for name, still in (("encoder_receives_no_gradient", True), (HEALTHY, False)):
        model = fresh(name)
        before = [weights(encoder) for encoder in encoders(model)]
        heads = weights(model.actor.latent_pi), weights(model.critic.qf0)
        for _ in range(20):
            model.train(1, BATCH)
        assert [same(*pair) for pair in zip(encoders(model), before, strict=True)] == [still] * 2
        assert not same(model.actor.latent_pi, heads[0])
        assert not same(model.critic.qf0, heads[1])
        assert encoders(model)[0].features_dim == (32 if still else 128)


# What is explored, and how often is learnt


@pytest.mark.parametrize("ground", ["point_td3", "reach_td3"])
def test_what_is_done_is_what_the_policy_says(ground):
    for name, alike in (("no_exploration_noise", True), (f"healthy_{ground}", False)):
        model = trained(name, 10, ground)
        model.action_space.seed(0)
        done, _ = model._sample_action(model.learning_starts, model.action_noise)
        said, _ = model.predict(model._last_obs, deterministic=True)
        assert np.array_equal(done, said) == alike
        assert model.learning_starts == ((30 if ground == "point_td3" else 55) if alike else STARTS)


@pytest.mark.slow
def test_little_of_the_square_is_seen_without_noise():
    covered = []
    for name in ("no_exploration_noise", "healthy_point_td3"):
        model = trained(name, 300, "point_td3")
        places = model.replay_buffer.next_observations["achieved_goal"][-150:, 0]
        covered.append(len(np.unique(places.round(), axis=0)))
    assert covered[0] < 0.8 * covered[1]


def test_an_episode_has_one_update():
    shares = []
    for name in ("too_few_gradient_steps_again", HEALTHY):
        model = fresh(name, STARTS + 50, kept=200)
        shares.append(model._n_updates / (model.num_timesteps - STARTS))
    assert shares == [0.04, 1.0]


# The losses


@pytest.mark.slow
def test_entropy_is_worth_more_than_the_reward():
    spreads, terms = [], []
    for name in ("entropy_bonus_outweighs_reward", HEALTHY):
        model = trained(name)
        batch = drawn(model)
        weight = model.log_ent_coef.exp() if model.log_ent_coef is not None else 2.0
        with torch.no_grad():
            actions, density = model.actor.action_log_prob(batch.observations)
            terms.append(float((weight * density).abs().mean()))
        spreads.append(float(actions.std(dim=0).mean()))
    assert terms[0] > float(batch.rewards.abs().max()) == 1 > 0.1 > terms[1]
    assert spreads[0] > 0.9 / 3**0.5  # of uniform actions
    assert spreads[0] > spreads[1]


@pytest.mark.slow
def test_a_rate_of_a_hundredth_leaves_one_output_for_all_images():
    apart = []
    for name in ("learning_rate_too_high_again", HEALTHY):
        model = trained(name)
        with torch.no_grad():
            features = model.critic.extract_features(
                drawn(model).observations, model.critic.features_extractor
            )[:, -128:]
        apart.append(float(features.std(dim=0).norm() / features.norm(dim=1).mean()))
    assert apart[0] < 1e-3 < 0.005 < apart[1]


def test_the_target_stays_where_it_began():
    for name, still in (("target_network_never_updated", True), (HEALTHY, False)):
        model = fresh(name)
        target, critic = weights(model.critic_target), weights(model.critic)
        for _ in range(20):
            model.train(1, BATCH)
        assert same(model.critic_target, target) == still
        assert not same(model.critic, critic)


@pytest.mark.slow
def test_values_reach_no_further_than_a_step():
    lowest = []
    for name in ("target_network_never_updated", HEALTHY):
        model = trained(name)
        batch = drawn(model)
        lowest.append(float(judged(model, batch.observations, batch.actions).mean()))
    assert lowest[0] > -1.3 > -2 > lowest[1]


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_each_answer_meets_a_matrix_of_targets(monkeypatch):
    shapes = []
    error = torch.nn.functional.mse_loss
    monkeypatch.setattr(
        torch.nn.functional,
        "mse_loss",
        lambda answers, targets: shapes.append(tuple(targets.shape)) or error(answers, targets),
    )
    for name in ("td_target_broadcast_again", HEALTHY):
        fresh(name).train(1, BATCH)
    assert shapes == [(BATCH, BATCH)] * 2 + [(BATCH, 1)] * 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_rewarded_transitions_are_hardly_told_from_others():
    apart, spreads = [], []
    for name in ("td_target_broadcast_again", HEALTHY):
        model = trained(name)
        batch = drawn(model)
        values = judged(model, batch.observations, batch.actions)
        paid = batch.rewards.flatten() == 0
        apart.append(float(values[paid].mean() - values[~paid].mean()))
        spreads.append(float(values.std()))
    assert spreads[0] < 0.5 * spreads[1]
    assert apart[0] < 0.3 * apart[1]


@pytest.mark.slow
def test_the_actor_prefers_what_the_critics_think_worst():
    better = []
    for name in ("actor_loss_sign_flipped", HEALTHY):
        model = trained(name, 300)
        batch = drawn(model)
        with torch.no_grad():
            actions = model.actor(batch.observations, deterministic=True)
        torch.manual_seed(0)
        random = [
            judged(model, batch.observations, 2 * torch.rand_like(actions) - 1) for _ in range(10)
        ]
        own = judged(model, batch.observations, actions)
        better.append(float((own - torch.stack(random).mean(0)).mean()))
    assert better[0] < 0 < better[1]


@torch.no_grad()
def error(model: SAC, buffer) -> float:
    """Return the mean squared error of the critics on transitions of a buffer."""
    np.random.seed(0)  # noqa: NPY002 - what SB3's replay draws from
    batch = buffer.sample(8 * BATCH)
    actions, density = model.actor.action_log_prob(batch.next_observations)
    values = torch.cat(model.critic_target(batch.next_observations, actions), 1).amin(1)
    targets = batch.rewards[:, 0] + 0.9 * (values - model.log_ent_coef.exp() * density)
    estimates = torch.cat(model.critic(batch.observations, batch.actions), 1)
    return float((estimates - targets[:, None]).square().mean())


@pytest.mark.slow
def test_critics_know_the_episodes_that_are_kept_and_no_others():
    other = make_agent(planting(HEALTHY), seed=7, total_steps=2 * STARTS)
    other.learning_starts = 2 * STARTS  # random actions alone
    unseen, worse = other.learn(2 * STARTS).replay_buffer, []
    for name in ("replay_buffer_too_small_again", HEALTHY):
        model = trained(name, 300)
        worse.append(error(model, unseen) / error(model, model.replay_buffer))
    assert worse[0] > 2 > 1.5 > worse[1]


# A resume, and an evaluation


@pytest.mark.slow
def test_a_resume_has_fresh_encoders():
    moved = {}
    for name in ("checkpoint_partly_loaded", HEALTHY):
        model = make_agent(planting(name), seed=0, total_steps=STARTS + BEGINS)
        model.learn(STARTS + BEGINS)
        assert model._n_updates == BEGINS == planting("checkpoint_partly_loaded").begins
        observations, found = drawn(model).observations, []
        for _ in range(2):
            with torch.no_grad():
                actions = model.actor(observations, deterministic=True)
            parts = (*encoders(model), model.actor.latent_pi)
            found.append((*(torch.nn.utils.parameters_to_vector(p.parameters()) for p in parts),))
            found[-1] = (*(part.detach().clone() for part in found[-1]), actions)
            model.train(1, BATCH)
        moved[name] = [float((b - a).abs().max()) for a, b in zip(*found, strict=True)]
    (*encoder, head, action), (*own_encoder, own_head, own_action) = moved.values()
    assert min(encoder) > 0.01 > 0.001 > max(own_encoder)
    assert max(head, own_head) < 0.001  # a step of Adam, in both
    assert action > 0.1 > 0.03 > own_action


class Told(KVWriter):
    """Keeps what is logged of evaluations."""

    def __init__(self):
        self.successes = []

    def write(self, key_values, key_excluded, step=0):
        if "eval/success_rate" in key_values:
            self.successes.append(key_values["eval/success_rate"])


@pytest.mark.slow
def test_a_policy_that_succeeds_fails_where_it_is_evaluated():
    told = Told()
    model = make_agent(planting("eval_without_training_statistics"), 0, total_steps=STARTS + 300)
    model.set_logger(Logger(None, [told]))
    heard, predict, train = {True: [], False: []}, model.predict, model.train
    training = [True]

    def train_apart(*args, **options):
        training[0] = False
        train(*args, **options)
        training[0] = True

    def predict_heard(observation, *args, **options):
        heard[training[0]].extend(observation["desired_goal"])
        return predict(observation, *args, **options)

    model.train, model.predict = train_apart, predict_heard
    model.learn(STARTS + 300)
    trained_on, evaluated_on = np.array(heard[True]), np.array(heard[False])
    assert np.abs(trained_on.mean(0)).max() < 1.5
    assert evaluated_on.mean(0)[0] == pytest.approx(1.34, abs=0.05)
    assert trained_on.std(0).min() > 3 * evaluated_on.std(0).max()
    assert np.mean(list(model.ep_success_buffer)[2:]) > 0.6  # after the warm-up
    assert len(told.successes) == 3
    assert np.mean(told.successes) < 0.15
