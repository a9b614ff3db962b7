"""Half of each batch from episodes that moved, in both replays."""

from itertools import islice
from typing import Any

import numpy as np
import pytest
from conftest import POINT
from helpers.replay_streams import ACTIONS, Episodes, space
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from goalscope.diagnostics.instruments.replay_state import _unmoved
from goalscope.diagnostics.material.replay import finished_episodes
from goalscope.training.envs.making import make_environment
from goalscope.training.replay import SharedFrameHerReplayBuffer
from goalscope.training.replay.moved import HalfMovedHerReplayBuffer

ROWS, N_ENVS, BATCH = 60, 2, 64
NEGLIGIBLE = 0.1  # of the point


@pytest.fixture(scope="module")
def env():
    env = make_vec_env(lambda: make_environment(POINT), n_envs=1, seed=0)
    yield env
    env.close()


def still_or_moving(moving: float, seed: int = 0) -> Any:
    """Return transitions of which a fraction of the episodes moves, and the others stand still."""
    draw = np.random.default_rng(seed)
    moves = draw.random(N_ENVS) < moving
    for transition in Episodes(N_ENVS, 1, longest=9, seed=seed):
        for part in ("obs", "next_obs"):
            goals = transition[part]["achieved_goal"]
            goals[:] = np.where(moves[:, None], 10 * goals, 0.01 * goals)
        yield transition
        moves = np.where(transition["done"], draw.random(N_ENVS) < moving, moves)


def buffers(env, moving: float, steps: int = 150) -> list[HerReplayBuffer]:
    arguments = (ROWS * N_ENVS, space(1), ACTIONS, env, "cpu", N_ENVS)
    made = [
        SharedFrameHerReplayBuffer(*arguments, moved_half=True),
        HalfMovedHerReplayBuffer(*arguments),
    ]
    for transition in islice(still_or_moving(moving), steps):
        for buffer in made:
            buffer.add(**transition)
    return made


def moved_of(buffer: HerReplayBuffer) -> set[tuple[int, int]]:
    """Return row and environment of every transition of an episode that moved, one by one."""
    episodes = finished_episodes(buffer)
    found = set()
    for number in range(len(episodes)):
        rows, env = episodes.rows(number), int(episodes.columns[number])
        goals = buffer.next_observations["achieved_goal"][rows, env]
        start = buffer.observations["achieved_goal"][rows[0], env]
        if max(np.linalg.norm(goal - start) for goal in goals) > NEGLIGIBLE:
            found |= {(int(row), env) for row in rows}
    return found


def test_every_second_place_is_of_an_episode_that_moved_at_every_step(env):
    made = buffers(env, 0.3, steps=10)
    for transition in islice(still_or_moving(0.3, seed=1), 200):
        for buffer in made:
            buffer.add(**transition)
            moved = moved_of(buffer)
            rows, columns = np.nonzero(buffer.ep_length > 0)
            if not len(rows):
                continue
            drawn = np.resize(rows, BATCH), np.resize(columns, BATCH)
            mixed = buffer.moved.mix_in(*drawn)
            places = list(zip(*(part.tolist() for part in mixed), strict=True))
            kept = list(zip(*(part.tolist() for part in drawn), strict=True))
            assert places[::2] == kept[::2]
            assert set(places[1::2]) <= moved if moved else places == kept


def test_all_transitions_that_moved_are_drawn_and_shared_between_real_and_relabelled(env):
    for buffer in buffers(env, 0.3):
        moved = moved_of(buffer)
        assert 0 < len(moved) < 0.6 * (buffer.ep_length > 0).sum()
        rows, columns = np.nonzero(buffer.ep_length > 0)
        drawn: set[tuple[int, int]] = set()
        for _ in range(100):
            places = np.random.default_rng(0).integers(len(rows), size=BATCH)
            mixed = buffer.moved.mix_in(rows[places], columns[places])
            drawn |= set(zip(*(part[1::2].tolist() for part in mixed), strict=True))
        assert drawn == moved
        goals = {
            tuple(buffer.observations["achieved_goal"][place].round(4).tolist()) for place in moved
        }
        batch = buffer.sample(400)
        own = [
            tuple(goal.round(4).tolist()) in goals
            for goal in batch.observations["achieved_goal"].numpy()
        ]
        real = 400 - int(buffer.her_ratio * 400)
        assert np.mean(own[:real]) >= 0.5
        assert np.mean(own[real:]) >= 0.5
        assert np.mean(own) < 0.9


def test_both_replays_draw_the_same_batches_up_to_their_order(env):
    batches = []
    for buffer in buffers(env, 0.3):
        np.random.seed(0)  # noqa: NPY002
        batches.append(buffer.sample(BATCH))
    ours, stock = batches
    for key, values in ours.observations.items():
        assert values.dtype == stock.observations[key].dtype
        assert (values == stock.observations[key]).all(), key
    assert (ours.rewards == stock.rewards).all()
    assert (ours.actions == stock.actions).all()


def test_the_record_counts_what_a_batch_holds(env):
    for moving, halves in ((0.3, 2), (0.0, 1)):
        shared, _ = buffers(env, moving)
        seen = []
        for moved in (shared.moved, None):
            shared.moved = moved
            (share,) = _unmoved(shared, NEGLIGIBLE, np.random.default_rng(0)).values()
            seen.append(float(share))
        assert 0 < seen[0] == seen[1] / halves


def test_where_nothing_has_moved_it_draws_as_without(env):
    for buffer in buffers(env, 0.0):
        rows, columns = np.nonzero(buffer.ep_length > 0)
        mixed = buffer.moved.mix_in(rows, columns)
        np.testing.assert_array_equal(mixed, (rows, columns))
        assert len(buffer.sample(BATCH).actions) == BATCH


def test_a_task_that_does_not_say_what_has_not_moved_is_refused():
    arguments: Any = (100, space(1), ACTIONS, None)
    with pytest.raises(ValueError, match="no task that says what has not moved"):
        HalfMovedHerReplayBuffer(*arguments)
