"""Replay's own reading of what it holds: whole episodes, in whatever ring they lie."""

import numpy as np
import pytest
from helpers.point_env import LENGTH
from helpers.transition_runs import REPLAYS, measured, trained
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.buffers import DictReplayBuffer

from goalscope.diagnostics.material.replay import finished_episodes, unaugmented


def test_a_random_shift_is_put_back():
    agent = trained(**REPLAYS["random shift"])
    with unaugmented(agent.replay_buffer):
        assert agent.replay_buffer.random_shift is None
    assert agent.replay_buffer.random_shift == 4


@pytest.mark.parametrize("buffer", [HerReplayBuffer, DictReplayBuffer])
def test_finished_episodes_are_whole(buffer):
    agent = trained(buffer=buffer)
    replay = agent.replay_buffer
    replay_size = 37  # a ring that ends amid an episode
    env = agent.get_env()
    kwargs = {"env": env} if buffer is HerReplayBuffer else {}
    ring = buffer(replay_size, replay.observation_space, replay.action_space, **kwargs)
    for step in range(95):
        row = {key: values[step] for key, values in replay.observations.items()}
        following = {key: values[step] for key, values in replay.next_observations.items()}
        done = replay.dones[step].astype(bool)
        infos = [{"TimeLimit.truncated": bool(done[0])}]
        ring.add(row, following, replay.actions[step], replay.rewards[step], done, infos)
        episodes = finished_episodes(ring)
        starts, columns, numbers = episodes.transitions()
        assert len(starts) == episodes.lengths.sum()
        for number in range(len(episodes)):
            rows = episodes.rows(number)
            assert np.array_equal(rows, starts[numbers == number])
            assert rows[-1] == episodes.lasts[number]
            assert len(rows) == LENGTH
            assert ring.dones[rows[-1], columns[0]]
            assert not ring.dones[rows[:-1], columns[0]].any()
            kept = ring.next_observations["achieved_goal"][rows[:-1], 0]
            assert np.array_equal(kept, ring.observations["achieved_goal"][rows[1:], 0])
        assert len(episodes) >= min((step + 1) // LENGTH, 2)
        ages = (ring.pos - 1 - episodes.lasts) % replay_size
        assert (np.diff(ages) < 0).all()  # the newest last, also once the ring has gone round


def test_episodes_that_were_overwritten_are_counted():
    agent = trained()
    found = measured(agent)
    ended = agent._episode_num
    assert found["replay.episodes_held"] == ended == len(finished_episodes(agent.replay_buffer))
    assert found["replay.episodes_forgotten"] == 0
    agent.replay_buffer.full = True
    agent._episode_num = ended + 5
    assert measured(agent)["replay.episodes_forgotten"] == 5
