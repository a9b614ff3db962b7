"""What the newest episodes show is theirs alone, whatever replay remembers."""

import numpy as np
import pytest
from helpers.transition_runs import measured, trained
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.buffers import DictReplayBuffer

from goalscope.diagnostics.instruments.newest_state import newest_rows
from goalscope.diagnostics.material.replay import Episodes
from goalscope.probes import newest_count

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


def test_rows_are_those_of_the_episodes_that_began_last():
    lengths = np.full(60, 5)
    episodes = Episodes(5 * np.arange(60), np.zeros(60, np.int64), lengths, 400)
    rows, columns = newest_rows(episodes, 30)
    assert len(rows) == len(columns) == 30
    first = 5 * (60 - newest_count(60))
    assert rows.min() == first
    assert rows.max() == 299
    assert (np.diff(rows) > 0).all()
    few, _ = newest_rows(episodes, 1_000)
    assert np.array_equal(few, np.arange(first, 300))  # no more than there are
    none, _ = newest_rows(Episodes(*(np.zeros(0, np.int64),) * 3, 400), 30)
    assert not len(none)
