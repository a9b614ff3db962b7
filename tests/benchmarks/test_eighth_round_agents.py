"""Each fault of the eighth round in an agent is really there: in what is heard or learnt."""

import numpy as np
import pytest
import torch
from helpers.faulty import fresh, same, weights
from stable_baselines3 import SAC
from stable_baselines3.common.torch_layers import NatureCNN

from benchmarks.planted_faults.grounds import BATCH, STARTS
from benchmarks.planted_faults.spoils.sixth_round_agent_faults import CustomSAC

EPISODE = 25
GOALS = ["achieved_goal", "desired_goal"]
HEALTHY = "healthy_point"


# The features extractor


def heard(model: SAC) -> list[torch.Tensor]:
    """Return what the actor's encoder is given as the agent acts."""
    found: list[torch.Tensor] = []
    encoders = [m for m in model.actor.modules() if isinstance(m, NatureCNN)]
    hook = encoders[0].register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    model.predict(model._last_obs)
    hook.remove()
    return found


@pytest.mark.parametrize(
    ("name", "factor"), [("image_normalised_twice", 1 / 255**2), ("pixels_left_in_0_255", 1)]
)
def test_images_reach_the_encoder_so(make_filled, name, factor):
    for model, scale in ((make_filled(name), factor), (make_filled(HEALTHY), 1 / 255)):
        (images,) = heard(model)
        pixels = torch.as_tensor(model._last_obs["pixels"])
        torch.testing.assert_close(images, pixels.float() * scale)


@torch.no_grad()
def features(model: SAC, **other: torch.Tensor) -> torch.Tensor:
    """Return the actor's features of the first rows, with other values in some parts."""
    batch = model.replay_buffer._get_real_samples(np.arange(BATCH), np.zeros(BATCH, int))
    found = {**batch.observations, **other}
    return model.actor.features_extractor({**found, "pixels": found["pixels"] / 255})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("desired_goal_missing_from_features", "desired_goal"),
        ("global_average_pooling_in_cnn", "achieved_goal"),
        ("camera_does_not_show_the_task", "achieved_goal"),
    ],
)
def test_a_vector_is_never_read(make_filled, name, key):
    for model, changes in ((make_filled(name), False), (make_filled(HEALTHY), True)):
        other = {key: torch.ones(BATCH, 2)}
        assert torch.equal(features(model), features(model, **other)) != changes
        first = model.critic.q_networks[0][0].in_features
        assert first == features(model).shape[1] + 2 == 128 + (6 if changes else 4)


def test_goals_are_drowned():
    over = []
    for name in ("goal_drowned_by_cnn_features", HEALTHY):
        found = features(fresh(name))
        goals, images = found[:, :4], found[:, 4:]
        over.append((images.shape[1], float(images.norm() / (goals - goals.mean(0)).norm())))
    (units, faulty), (_, healthy) = over
    assert units == 3_136
    assert faulty > 5 > 0.5 > healthy
    model = fresh("goal_drowned_by_cnn_features")
    real = model.replay_buffer.observations["achieved_goal"][:BATCH, 0]
    np.testing.assert_allclose(features(model)[:, :2], 0.03 * real, rtol=1e-5)


def test_where_something_is_cannot_be_told():
    images = torch.full((3, 3, 36, 36), 60, dtype=torch.uint8)
    images[0, :, 12:16, 12:16] = images[1, :, 20:24, 20:24] = 230  # moved by whole strides
    apart = {}
    for name in ("global_average_pooling_in_cnn", HEALTHY):
        pixels = images.repeat(BATCH // 3 + 1, 1, 1, 1)[:BATCH]
        first, second, none = features(fresh(name), pixels=pixels)[:3, -128:]
        apart[name] = float((first - second).norm() / (first - none).norm())
    assert apart["global_average_pooling_in_cnn"] < 0.01
    assert apart[HEALTHY] > 0.5


# The losses and the optimisers


def test_each_answer_meets_all_targets():
    differ = []
    for name, kind in (("td_target_broadcast", None), (HEALTHY, CustomSAC)):
        gradients: list[torch.Tensor] = []
        for order in (torch.arange(BATCH), torch.arange(BATCH).flip(0)):
            model = fresh(name)
            model.__class__ = kind or model.__class__
            network = model.critic
            network.optimizer.register_step_pre_hook(
                lambda *_, network=network, kept=gradients: kept.append(
                    torch.cat([p.grad.flatten() for p in network.parameters()])
                )
            )
            np.random.seed(0)  # noqa: NPY002 - what SB3's replay draws from
            batch = model.replay_buffer.sample(BATCH)
            assert batch.rewards.shape == (BATCH, 1)
            torch.manual_seed(0)
            model._update(batch._replace(rewards=torch.arange(BATCH)[order, None].float()))
        one, other = gradients
        differ.append(float((one - other).norm() / one.norm()))
    assert differ[0] < 1e-3 < 0.01 < differ[1]


def test_no_optimiser_moves_an_encoder():
    for name, still in (("encoder_detached_from_every_loss", True), (HEALTHY, False)):
        model = fresh(name)
        for network in (model.actor, model.critic):
            encoder = network.features_extractor
            before, whole = weights(encoder), weights(network)
            model.train(1, BATCH)
            assert same(encoder, before) == still
            assert not same(network, whole)


def test_the_actors_optimiser_moves_the_shared_encoder():
    model = fresh("actor_loss_trains_shared_encoder")
    encoder = model.critic.features_extractor
    assert model.actor.features_extractor is encoder
    before: list[list[torch.Tensor]] = []
    moved: list[bool] = []
    model.actor.optimizer.register_step_pre_hook(lambda *_: before.append(weights(encoder)))
    model.actor.optimizer.register_step_post_hook(
        lambda *_: moved.append(not same(encoder, before[-1]))
    )
    start = weights(encoder)
    model.train(1, BATCH)
    assert moved == [True]
    assert not all(map(torch.equal, start, before[0]))  # the critics' loss has moved it before


def test_a_first_step_is_as_large_as_the_rate():
    for name, rate in (("learning_rate_too_high", 5e-3), (HEALTHY, 3e-4)):
        model = fresh(name)
        networks = (model.actor, model.critic)
        before = [torch.nn.utils.parameters_to_vector(n.parameters()).detach() for n in networks]
        model.train(1, BATCH)
        for network, start in zip(networks, before, strict=True):
            step = torch.nn.utils.parameters_to_vector(network.parameters()).detach() - start
            assert float(step.abs().max()) == pytest.approx(rate, rel=0.05)
        assert {group["lr"] for group in model.ent_coef_optimizer.param_groups} == {rate}


# Settings


def test_an_episode_has_one_update():
    for name, updates in (("too_few_gradient_steps", 3), (HEALTHY, 75)):
        assert fresh(name, STARTS + 3 * EPISODE, kept=200)._n_updates == updates


def test_the_weight_of_entropy_stays():
    used = []
    for name in ("entropy_coefficient_fixed_too_high", HEALTHY):
        model = fresh(name, STARTS + 10, kept=200)
        model.train(1, BATCH)
        used.append(model.logger.name_to_value["train/ent_coef"])
    assert used[0] == 0.5 > 0.06 > used[1]


def test_the_target_is_the_critic_after_one_update():
    apart = []
    for name in ("tau_confused_with_polyak", HEALTHY):
        model = fresh(name)
        model.train(1, BATCH)
        pairs = zip(model.critic_target.parameters(), model.critic.parameters(), strict=True)
        found = torch.cat([(t - c).detach().flatten() for t, c in pairs])
        apart.append(float(found.abs().max()) / 3e-4)  # of a first step of Adam
    assert apart[0] == pytest.approx(0.005, rel=0.1)
    assert apart[1] == pytest.approx(0.95, rel=0.1)


def test_rewards_shrink_and_drift():
    drawn = []
    model = fresh("vecnormalize_normalises_the_reward", kept=200)
    for _ in range(2):
        batch = model.replay_buffer.sample(BATCH, env=model._vec_normalize_env)
        drawn.append(float(batch.rewards.min()))
        assert set(batch.rewards.flatten().tolist()) == {0, drawn[-1]}
        goals = [batch.observations[key].abs().max() for key in GOALS]
        assert min(goals) > 2  # what is observed is left as it is
        model.learn(EPISODE, reset_num_timesteps=False)
    assert -0.3 < min(drawn) < max(drawn) < 0
    assert set(model.replay_buffer.rewards[:STARTS].flatten().tolist()) <= {0, -1}
