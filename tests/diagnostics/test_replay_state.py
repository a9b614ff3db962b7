"""What replay shows: spread of what is observed, and rewards that belong to their goals."""

import numpy as np
import pytest
import torch
from stable_baselines3.common.type_aliases import DictReplayBufferSamples

from goalscope.diagnostics.instruments.replay_state import replay_keys, replay_state
from goalscope.probes import view_networks


@pytest.fixture
def filled(make_agent):
    agent = make_agent(learning_starts=130)
    agent.learn(120)
    return agent


def measure(agent, change=None):
    sample = agent.replay_buffer.sample(64)
    if change is not None:
        sample = DictReplayBufferSamples(**(sample._asdict() | change(sample)))
    return replay_state(agent, view_networks(agent.policy), sample, 0), sample


def test_spread_between_observations_equals_a_loop(filled):
    found, sample = measure(filled)
    for key, values in sample.observations.items():
        rows = values.flatten(1).double().numpy() / (255 if key == "pixels" else 1)
        variances = [np.var(rows[:, unit]) for unit in range(rows.shape[1])]
        assert found[f"observation/replay.{key}.spread"] == pytest.approx(
            np.sqrt(np.mean(variances)), rel=1e-5
        )


def test_a_constant_goal_has_no_spread(filled):
    def constant(sample):
        goals = torch.ones_like(sample.observations["desired_goal"])
        return {"observations": sample.observations | {"desired_goal": goals}}

    found, _ = measure(filled, constant)
    assert found["observation/replay.desired_goal.spread"] == 0


def test_rewards_of_hindsight_match_their_goals(filled):
    found, _ = measure(filled)
    assert found["training/relabelled.reward_mismatch"] == 0


def test_rewards_of_other_goals_are_found(filled):
    def half_flipped(sample):
        rewards = sample.rewards.clone()
        rewards[-20:] = -1 - rewards[-20:]
        return {"rewards": rewards}

    found, _ = measure(filled, half_flipped)
    assert found["training/relabelled.reward_mismatch"] == pytest.approx(20 / int(0.8 * 64))


@pytest.mark.parametrize("as_one", [True, False])
def test_rewards_that_are_right_one_by_one_and_wrong_for_a_batch_are_found(
    filled, monkeypatch, as_one
):
    env = filled.get_env().envs[0].unwrapped
    right = env.compute_reward

    def of_all(achieved, desired, info):
        if len(achieved) == 1:
            return right(achieved, desired, info)
        return np.float64(-1) if as_one else np.full(len(achieved), -1.0)

    def never_paid(sample):
        return {"rewards": torch.full_like(sample.rewards, -1)}

    sample = filled.replay_buffer.sample(64)
    monkeypatch.setattr(env, "compute_reward", of_all)
    sample = DictReplayBufferSamples(**(sample._asdict() | never_paid(sample)))
    found = replay_state(filled, view_networks(filled.policy), sample, 0)
    first = 64 - int(0.8 * 64)
    goals = (sample.next_observations["achieved_goal"], sample.observations["desired_goal"])
    true = right(*(goal[first:].numpy() for goal in goals), [{}] * (64 - first))
    assert 0 < found["training/relabelled.reward_mismatch"] == pytest.approx((true != -1).mean())


def test_its_keys_are_announced(filled):
    found, sample = measure(filled)
    assert set(found) <= set(replay_keys(sample.observations))
