"""A fault that develops is not there at first, and then is: in environment, replay and agent."""

import numpy as np
import pytest
import torch
from helpers.faulty import pixels_of, planting, same, weights
from stable_baselines3 import SAC
from stable_baselines3.common.preprocessing import preprocess_obs
from torch import nn

from benchmarks.planted_faults.agent import make_agent, make_wrapped
from benchmarks.planted_faults.grounds import BATCH, GROUNDS, STARTS
from benchmarks.planted_faults.kinds.developing import DEVELOPING
from benchmarks.planted_faults.sets import DEVELOPING_UPDATES, planned_runs
from benchmarks.planted_faults.spoils import developing_faults
from benchmarks.planted_faults.spoils.developing_faults import BEGINS, LaterEnv
from benchmarks.planted_faults.spoils.environment_faults import AlwaysTerminated, LargeRewards
from goalscope.reports.checks.table import CHECKS


def test_each_has_time_before_and_behind_and_a_check_that_exists(tmp_path):
    runs = planned_runs("developing", tmp_path)
    assert len(runs) == len(DEVELOPING) == len({fault.name for fault in DEVELOPING})
    assert all(run.updates >= DEVELOPING_UPDATES for run in runs)
    assert all(100 < run.planted.begins < run.updates - 300 for run in runs)
    names = {check.name for check in CHECKS}
    assert all(set(fault.checks) <= names for fault in DEVELOPING)


def test_an_environment_breaks_at_the_start_of_an_episode():
    env = LaterEnv(make_wrapped(GROUNDS["point"], ()), LargeRewards)
    still = np.zeros(env.action_space.shape, np.float32)
    goals = [np.zeros((1, 2)), np.ones((1, 2))]
    rewards, asked = [], []
    for _ in range(STARTS + BEGINS + 30):
        if not len(rewards) % 25:
            env.reset(seed=0)
        _, reward, *_ = env.step(still)
        rewards.append(reward)
        asked.append(float(env.compute_reward(*goals, {})[0]))
    assert set(rewards[: STARTS + BEGINS]) == set(asked[: STARTS + BEGINS]) == {-1.0}
    assert set(rewards[STARTS + BEGINS :]) == set(asked[STARTS + BEGINS :]) == {-100.0}
    env.close()


def test_an_episode_under_way_is_not_broken():
    env = LaterEnv(make_wrapped(GROUNDS["point"], ()), AlwaysTerminated)
    env.reset(seed=0)
    still = np.zeros(env.action_space.shape, np.float32)
    assert not any(env.step(still)[2] for _ in range(STARTS + BEGINS + 5))
    env.reset(seed=0)
    assert env.step(still)[2]
    env.close()


def test_replay_is_drawn_as_it_should_be_until_it_is_not(make_filled, monkeypatch):
    for begins, swapped in ((BEGINS, False), (1 - STARTS, True)):
        monkeypatch.setattr(developing_faults, "BEGINS", begins)
        batches = []
        for name in ("channels_get_swapped", "healthy_point"):
            model = make_filled(name)
            np.random.seed(0)  # noqa: NPY002 - what SB3's replay draws from
            batches.append(model.replay_buffer.sample(BATCH).observations["pixels"])
        assert torch.equal(*batches) is not swapped
        assert torch.equal(batches[0].flip(1), batches[1]) is swapped


@pytest.mark.parametrize(
    ("name", "spoilt"),
    [("actor_encoder_dies", ["actor"]), ("critic_encoder_dies", ["critic", "critic_target"])],
)
def test_one_encoder_dies_and_the_other_lives(make_filled, name, spoilt, monkeypatch):
    monkeypatch.setattr(developing_faults, "BEGINS", 2)
    model = make_filled(name)
    batch = preprocess_obs(model.replay_buffer.sample(BATCH).observations, model.observation_space)
    shares = []
    for _ in range(4):
        model.train(1, BATCH)
        dead = []
        for network in ("actor", "critic", "critic_target"):
            with torch.no_grad():
                features = pixels_of(getattr(model, network).features_extractor(batch))
            if not features.any():
                dead.append(network)
        shares.append(dead)
    assert shares == [[], [], spoilt, spoilt]  # two updates are healthy


def healthy() -> SAC:
    """Return an agent that no other test has."""
    return make_agent(planting("healthy_point"), seed=0, total_steps=STARTS).learn(STARTS)


def test_answers_are_pulled_in_the_loss_of_the_critics_alone():
    model = healthy()
    batch = model.replay_buffer.sample(BATCH)
    actions = batch.actions

    def gradients(of_the_actor: bool) -> list[torch.Tensor]:
        chosen = actions.clone().requires_grad_(of_the_actor)
        model.critic.zero_grad()
        sum(answer.mean() for answer in model.critic(batch.observations, chosen)).backward()
        return [critic[-1].bias.grad.clone() for critic in model.critic.q_networks]

    assert gradients(False) == gradients(True) == [torch.ones(1)] * 2
    developing_faults.critic_pulled_down(model)
    assert gradients(True) == [torch.ones(1)] * 2
    pulled = gradients(False)
    torch.testing.assert_close(pulled, [torch.full((1,), 1 + developing_faults.PULL)] * 2)


def test_filters_become_alike_and_nothing_else():
    model = healthy()
    heads = weights(model.actor.mu)
    with torch.no_grad():
        developing_faults.encoder_forgets(model)
    for layer in model.actor.features_extractor.modules():
        if isinstance(layer, nn.Conv2d):
            assert torch.equal(layer.weight, layer.weight[:1].expand_as(layer.weight))
    assert same(model.actor.mu, heads)
