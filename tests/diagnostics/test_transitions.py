"""The instrument of transitions on real agents: healthy ones, and with a fault planted in each."""

import numpy as np
import pytest
import torch
from helpers.identity import generators
from helpers.point_env import LENGTH
from helpers.transition_runs import (
    FAMILY,
    REPLAYS,
    Changed,
    Shuffled,
    Stuck,
    context_of,
    healthy,
    measured,
    trained,
)
from stable_baselines3 import TD3, HerReplayBuffer

from goalscope.diagnostics.instruments.motion import MOTION_UPDATES
from goalscope.diagnostics.instruments.transitions import TransitionInstrument
from goalscope.diagnostics.instruments.value_state import GatheredEntropy
from goalscope.diagnostics.record.metrics import metric_of
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.watch import Diagnostics

pytestmark = pytest.mark.usefixtures("all_states")  # of fewer, some numbers say nothing


@pytest.mark.parametrize("name", REPLAYS)
def test_a_healthy_run_is_unremarkable(name):
    agent = healthy(name).model
    found = measured(agent)
    assert np.isfinite(list(found.values())).all()
    assert found["replay.unchanged_fraction"] == 0
    assert found["replay.terminated_fraction"] == 0
    assert found["replay.reward_min"] >= -1
    assert found["replay.reward_max"] <= 0
    assert 0.02 < found["replay.step_over_spread"] < 1
    assert found["replay.action_over_goals"] > 0.03
    assert found["replay.goal_offset"] < 2
    assert found["replay.redrawn_fraction"] < 0.2
    assert found["replay.rewards_per_target"] == 1
    assert found["replay.asked_goal_spread"] > 0.3
    assert found["replay.goal_change_fraction"] == 0
    assert found["replay.action_effect_r2"] > 0.3
    assert found["replay.action_spread"] > 0.3
    assert found["critic.q_excess"] < 0.1
    assert abs(found["critic.q_bias"]) < 0.1
    assert found["actor.saturated_fraction"] < 0.9
    hindsight = name != "no hindsight"
    assert found["replay.relabelled_fraction"] == pytest.approx(0.8 if hindsight else 0, abs=0.01)
    assert ("relabelled.success_fraction" in found) == hindsight
    assert ("real.reward_mismatch" in found) == hindsight
    if hindsight:
        assert found["relabelled.success_fraction"] > found["real.success_fraction"]
        assert found["real.reward_mismatch"] == 0
    rewards = agent.replay_buffer.rewards[: agent.replay_buffer.size()]
    paid = sum(float(reward) >= 0 for reward in rewards.flatten()) / rewards.size
    assert found["stored.success_fraction"] == pytest.approx(paid)
    samples = {"actor.density_error", "actor.least_spread"} & {*found}
    assert len(samples) == (0 if name in ("TD3", "DDPG") else 2)
    if samples:
        assert found["actor.density_error"] < 1e-3
        assert 0.1 < found["actor.least_spread"] < 1.2
    assert ("critic.pixels.input_max" in found) == ("pixels" in agent.observation_space.spaces)
    if "pixels" in agent.observation_space.spaces:
        assert 0.3 < found["critic.pixels.input_max"] <= 1
    assert ("actor.desired_goal.normalised_offset" in found) == (name == "normalised")
    if name == "normalised":
        assert found["critic.achieved_goal.normalised_offset"] < 2


@pytest.mark.parametrize("name", REPLAYS)
def test_every_key_is_announced(name):
    agent = healthy(name).model
    announced = TransitionInstrument(Schedule(1)).keys(context_of(agent))
    assert {f"{FAMILY}/{key}" for key in measured(agent)} <= set(announced)
    assert all(metric_of(key) is not None for key in announced)


@pytest.mark.parametrize("name", REPLAYS)
def test_replay_returns_what_the_environment_gave_and_the_actor_saw(name):
    found = healthy(name).found()
    differing = {key: value for key, value in found.items() if key.endswith("differs")}
    assert len(differing) >= 7
    assert set(differing.values()) == {0}
    offsets = [value for key, value in found.items() if key.endswith("input_offset")]
    assert len(offsets) >= 2
    assert max(offsets) < 0.2  # the statistics of VecNormalize move on
    pixels = "pixels" in healthy(name).model.observation_space.spaces
    assert ("environment.pixels.still_fraction" in found) == pixels
    if pixels:
        assert found["environment.pixels.still_fraction"] == 0


class Quiet(Changed):
    def change(self, batch):
        return {"actions": 0.02 * batch.actions}


class Unrelabelled(HerReplayBuffer):
    def _sample_goals(self, batch_indices, env_indices):
        return self.observations["desired_goal"][batch_indices, env_indices]


class Hundredfold(Changed):
    def change(self, batch):
        return {"rewards": 100 * batch.rewards}


class Reseeded(HerReplayBuffer):
    def sample(self, batch_size, env=None):
        np.random.seed(0)  # noqa: NPY002 - what SB3's replay draws from
        return super().sample(batch_size, env)


class FlatRewards(Changed):
    def change(self, batch):
        return {"rewards": batch.rewards.flatten()}


class HalfRelabelled(Changed):
    def change(self, batch):
        goals = batch.next_observations["desired_goal"].roll(1, 0)
        return {"next_observations": {**batch.next_observations, "desired_goal": goals}}


FAULTS = {
    "the same draw": ({"buffer": Reseeded}, lambda found: found["replay.redrawn_fraction"] == 1),
    "a row of rewards": (
        {"buffer": FlatRewards},
        lambda found: found["replay.rewards_per_target"] > 100,
    ),
    "goals relabelled by half": (
        {"buffer": HalfRelabelled},
        lambda found: found["replay.goal_change_fraction"] > 0.5,
    ),
    "steps paid otherwise than hindsight pays": (
        {"reward_scale": 0.5},
        lambda found: found["real.reward_mismatch"] > 0.5,
    ),
    "one goal in every episode": (
        {"goal_seed": 0},
        lambda found: found["replay.asked_goal_spread"] == 0,
    ),
    "next observation equal to observation": (
        {"buffer": Stuck},
        lambda found: found["replay.unchanged_fraction"] == 1,
    ),
    "actions shuffled": (
        {"buffer": Shuffled},
        lambda found: found["replay.action_effect_r2"] < 0.1,
    ),
    "stored actions at 2 %": (
        {"buffer": Quiet},
        lambda found: found["replay.action_spread"] < 0.02,
    ),
    "actions that act at 2 %": (
        {"action_scale": 0.02},
        lambda found: found["replay.action_over_goals"] < 0.01,
    ),
    "goals shifted": ({"goal_shift": 3.0}, lambda found: found["replay.goal_offset"] > 2),
    "never relabelled": (
        {"buffer": Unrelabelled},
        lambda found: found["replay.relabelled_fraction"] == 0,
    ),
    "always terminated": (
        {"terminates": True},
        lambda found: found["replay.terminated_fraction"] == 1,
    ),
    "rewards a hundredfold": (
        {"buffer": Hundredfold},
        lambda found: found["replay.reward_min"] == -100,
    ),
    "real rewards a hundredfold": (
        {"reward_scale": 100.0},
        lambda found: found["replay.reward_min"] == -100,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_replay_is_seen(fault):
    settings, seen = FAULTS[fault]
    assert seen(measured(trained(**settings)))
    assert not seen(measured(healthy("SB3's hindsight").model))


def last_bias(agent, network: str, layer: str, value: float) -> None:
    module = getattr(agent, network).get_submodule(layer)
    with torch.no_grad():
        module.bias.fill_(value)


def test_q_beyond_its_bounds_is_seen():
    agent = trained(TD3)
    assert measured(agent)["critic.q_excess"] < 0.01
    for net in ("qf0.2", "qf1.2"):
        last_bias(agent, "critic", net, 200.0)
    found = measured(agent)
    assert found["critic.q_excess"] == pytest.approx(2, abs=0.2)  # rewards allow 100
    assert found["critic.q_bias"] == pytest.approx(2, abs=0.2)


def test_a_discount_of_one_lets_q_run_away():
    agent = trained(TD3, gamma=1.0)
    for net in ("qf0.2", "qf1.2"):
        last_bias(agent, "critic", net, -50.0)
    assert measured(agent)["critic.q_excess"] == pytest.approx(40 / LENGTH, abs=0.5)


def test_a_saturated_actor_is_seen():
    agent = trained(TD3)
    last_bias(agent, "actor", "mu.2", 20.0)
    found = measured(agent)
    assert found["actor.saturated_fraction"] == 1
    assert found["actor.action_spread"] < 1e-3


def test_statistics_that_went_stale_are_seen():
    agent = trained(**REPLAYS["normalised"])
    before = measured(agent)
    agent.get_vec_normalize_env().obs_rms["achieved_goal"].mean += 5
    found = measured(agent)
    assert found["critic.achieved_goal.normalised_offset"] > 2
    key = "critic.desired_goal.normalised_offset"
    assert found[key] == before[key]
    assert found["replay.goal_offset"] == before["replay.goal_offset"]  # of what is stored


def test_an_image_scaled_twice_is_seen():
    agent = trained(pixels=True)
    agent.replay_buffer.observations["pixels"] //= 255
    assert measured(agent)["critic.pixels.input_max"] <= 1 / 255


@pytest.mark.parametrize("tau", [0.005, 0.0])
def test_a_target_that_never_moves_is_seen(tau):
    agent = trained(tau=tau)
    instrument = TransitionInstrument(Schedule(1))
    assert "critic_target.motion" not in measured(agent, instrument)
    agent.train(gradient_steps=MOTION_UPDATES - 1, batch_size=16)
    assert "critic_target.motion" not in measured(agent, instrument)
    agent.train(gradient_steps=1, batch_size=16)
    assert (measured(agent, instrument)["critic_target.motion"] > 0) == (tau > 0)


@pytest.mark.parametrize("part", ["features_extractor", "qf1"])
def test_a_part_of_the_target_that_stays_behind_is_seen(part):
    agent = trained(pixels=True)
    instrument = TransitionInstrument(Schedule(1))
    measured(agent, instrument)
    module = agent.critic_target.get_submodule(part)
    first = {key: values.clone() for key, values in module.state_dict().items()}
    agent.train(gradient_steps=MOTION_UPDATES, batch_size=16)
    module.load_state_dict(first)
    assert measured(agent, instrument)["critic_target.motion"] == 0


def test_a_callback_of_its_own_changes_nothing_and_records():
    plain, left = trained(pixels=True), generators()
    callback = Diagnostics(None, [TransitionInstrument(Schedule(1))])
    watched = trained(pixels=True, callback=callback)
    assert callback.failures == {}
    assert generators() == left
    for one, other in zip(
        plain.policy.state_dict().values(), watched.policy.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


def test_entropy_is_remembered_by_a_resumed_run():
    agent = trained()
    context, whole = context_of(agent), GatheredEntropy()
    assert whole.at(context, 100.0) > 0
    resumed = GatheredEntropy(**whole.state_dict())
    assert resumed == whole
    assert resumed.at(context, 100.0) == whole.gathered
