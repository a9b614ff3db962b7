"""What the newest episodes show is theirs alone, whatever replay remembers."""

import numpy as np
import pytest
import torch
from helpers.transition_runs import measured, trained
from stable_baselines3 import TD3, HerReplayBuffer
from stable_baselines3.common.buffers import DictReplayBuffer

pytestmark = pytest.mark.usefixtures("all_states")
MORE = 250  # steps, 25 episodes, after the ten of a run before something changes


def changed(change, **settings) -> dict[str, float]:
    """Return what is measured of an agent whose environment was changed in its training."""
    agent = trained(**settings)
    change(agent.get_env().envs[0].unwrapped)
    agent.learn(MORE, reset_num_timesteps=False)
    return measured(agent)


@pytest.mark.parametrize("buffer", [HerReplayBuffer, DictReplayBuffer])
@pytest.mark.parametrize("pixels", [False, True])
def test_a_run_that_goes_on_as_it_began_shows_what_all_of_replay_shows(buffer, pixels):
    found = changed(lambda env: None, buffer=buffer, pixels=pixels)
    assert found["newest.action_effect_r2"] > 0.95
    every = found["replay.action_over_goals"]
    assert found["newest.action_over_goals"] == pytest.approx(every, rel=0.5)
    assert found["replay.goal_shift"] == 0


def test_actions_that_fade_have_no_effect_now():
    found = changed(lambda env: setattr(env, "action_scale", 0.02))
    assert found["newest.action_over_goals"] < 0.01
    assert found["newest.action_effect_r2"] > 0.95  # they are still told, small as they are
    assert found.get("replay.action_over_goals", 1.0) > 0.02


def test_actions_that_are_lost_are_told_from_nothing_now():
    def lose(env) -> None:
        step, rng = env.step, np.random.default_rng(0)
        env.step = lambda action: step(rng.uniform(-1, 1, 2))

    found = changed(lose)
    assert found["newest.action_effect_r2"] < 0.1


def test_goals_that_get_another_frame_have_shifted():
    found = changed(lambda env: setattr(env, "goal_shift", 3.0))
    assert found["replay.goal_shift"] > 2


def test_an_agent_that_sits_against_a_wall_tells_nothing_of_its_actions():
    def wall(env) -> None:
        step, env.taken = env.step, 0

        def stopped(action):
            env.taken += 1
            return step(action * (env.taken % 10 == 0))

        env.step = stopped

    found = changed(wall)  # of ten episodes ten steps, fewer than are needed
    assert not [name for name in found if name.startswith("newest.")]


@pytest.mark.parametrize("episodes", [1, 9, 30])
def test_fewer_steps_than_are_needed_tell_nothing(episodes):
    agent = trained()
    agent.learn(10 * (episodes - 10), reset_num_timesteps=False) if episodes > 10 else None
    agent.replay_buffer.ep_length[10 * episodes :] = 0
    found = measured(agent)
    assert ("newest.action_effect_r2" in found) == (episodes >= 10)


def test_before_an_episode_has_ended_there_is_nothing_newest():
    agent = trained(buffer=DictReplayBuffer)
    agent.replay_buffer.dones[:] = 0.0
    found = measured(agent)
    assert "replay.action_effect_r2" in found
    assert not [name for name in found if "newest" in name]


def test_q_is_held_against_the_newest_episodes_too():
    agent = trained(cls=TD3, gamma=0.5)  # without a bonus for entropy
    agent.learn(MORE, reset_num_timesteps=False)
    agent.replay_buffer.rewards[:250] = 0.0  # of old, every step was at its goal
    agent.replay_buffer.rewards[250:] = -1.0
    with torch.no_grad():
        for critic in agent.critic.q_networks:
            critic[-1].weight.zero_()
            critic[-1].bias.fill_(-2.0)  # what is paid now, and what never ends at a half of it
    found = measured(agent)
    assert found["critic.newest_q_bias"] == 0
    assert found["critic.q_bias"] < -0.2
