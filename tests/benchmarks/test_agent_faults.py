"""Each fault in an agent's parameters does what it says."""

import pytest
import torch
from helpers.faulty import pixels_of, same, weights

from benchmarks.planted_faults.grounds import BATCH, UPDATES
from benchmarks.planted_faults.sets import SEEDS
from benchmarks.planted_faults.spoils.agent_faults import first_update


def test_nothing_moves_a_frozen_encoder(make_filled):
    model = make_filled("encoder_frozen")
    encoders = {n: n.features_extractor for n in (model.actor, model.critic)}
    before = {network: weights(encoder) for network, encoder in encoders.items()}
    heads = weights(model.critic.qf0)
    model.train(5, BATCH)
    for network, encoder in encoders.items():
        assert same(encoder, before[network])
        assert all(bool(parameter.grad.any()) for parameter in encoder.parameters())
    assert not any(map(torch.equal, heads, weights(model.critic.qf0)))


def test_one_gradient_is_nan_from_some_update_on(make_filled):
    model = make_filled("nan_gradient")
    model._n_updates = first_update(0) - 2
    model.train(1, BATCH)
    assert all(bool(p.isfinite().all()) for p in model.policy.parameters())
    model.train(1, BATCH)
    broken = [name for name, p in model.critic.named_parameters() if not p.isfinite().all()]
    assert broken == ["qf0.2.weight"]


def test_an_encoder_dies_in_the_middle_of_training(make_filled):
    model = make_filled("encoder_dies")
    encoders = [network.features_extractor for network in (model.actor, model.critic)]
    observations = dict(model.replay_buffer.sample(BATCH).observations)
    observations["pixels"] = observations["pixels"] / 255
    model._n_updates = first_update(0) - 2
    model.train(1, BATCH)
    assert all(bool(pixels_of(encoder(observations)).any()) for encoder in encoders)
    model.train(1, BATCH)
    assert not any(bool(pixels_of(encoder(observations)).any()) for encoder in encoders)


def test_updates_at_which_faults_begin_differ_and_lie_within_a_run():
    updates = {first_update(seed) for seeds in SEEDS.values() for seed in seeds}
    assert len(updates) > 5
    assert all(0 < update < UPDATES - 100 for update in updates)  # a check waits for 100


def test_the_target_stays_where_it_was(make_filled):
    model = make_filled("target_frozen")
    before, critic = weights(model.critic_target), weights(model.critic)
    model.train(5, BATCH)
    assert same(model.critic_target, before)
    assert not any(map(torch.equal, critic[-2:], weights(model.critic)[-2:]))


def test_entropy_is_gone_and_stays_so(make_filled):
    model = make_filled("entropy_gone")
    model.train(3, BATCH)
    assert float(model.log_ent_coef.detach().exp()) == pytest.approx(1e-5)


def test_critics_are_one_constant_that_is_learnt(make_filled):
    model = make_filled("critic_constant")
    before = model.critic.qf0[-1].bias.detach().clone()
    model.train(5, BATCH)
    batch = model.replay_buffer.sample(BATCH)
    for network in (model.critic, model.critic_target):
        for values in network(batch.observations, batch.actions):
            assert len(values.unique()) == 1
    assert not torch.equal(before, model.critic.qf0[-1].bias)


def test_targets_alone_take_the_larger_value(make_filled, monkeypatch):
    model, taken = make_filled("larger_taken"), []
    largest = torch.max
    monkeypatch.setattr(torch, "max", lambda *a, **k: taken.append(a[0]) or largest(*a, **k))
    model.train(2, BATCH)
    assert [values.requires_grad for values in taken] == [False, False]  # the actor's loss does not
    assert {tuple(values.shape) for values in taken} == {(BATCH, 2)}


def test_what_follows_is_discounted_as_after_three_steps(make_filled):
    model = make_filled("discount_of_steps")
    assert torch.allclose(model.replay_buffer.sample(4).discounts, torch.tensor(model.gamma**3))


def test_entropy_has_the_wrong_sign_in_targets_alone(make_filled):
    model = make_filled("entropy_subtracted")
    observations = model.replay_buffer.sample(4).observations
    densities = []
    for learns in (True, False):
        torch.manual_seed(0)
        with torch.set_grad_enabled(learns):
            densities.append(model.actor.action_log_prob(observations)[1].detach())
    assert torch.equal(densities[0], -densities[1])


def test_the_target_network_is_left_out(make_filled):
    model = make_filled("target_bypassed")
    asked = []
    model.policy.critic_target.register_forward_hook(lambda *_: asked.append(True))
    before = weights(model.policy.critic_target)
    model.train(2, BATCH)
    assert asked == []
    assert same(model.policy.critic_target, before)


def test_the_target_follows_at_once(make_filled):
    model = make_filled("target_copied")
    model.train(2, BATCH)
    assert same(model.critic_target, weights(model.critic))


def test_critics_that_begin_alike_stay_alike(make_filled):
    model = make_filled("critics_alike")
    model.train(2, BATCH)
    batch = model.replay_buffer.sample(4)
    assert torch.equal(*model.critic(batch.observations, batch.actions))


def test_the_mean_is_carried_out(make_filled, monkeypatch):
    model = make_filled("acts_by_the_mean")
    monkeypatch.setattr(model, "learning_starts", 0)  # others ask for the same model
    model._last_obs = model.get_env().reset()
    carried_out, _ = model._sample_action(0)
    again, _ = model._sample_action(0)
    assert (carried_out == again).all()
