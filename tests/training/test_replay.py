"""Shared-frame replay draws and relabels as SB3's, of made-up episodes."""

import pickle
import warnings
from itertools import islice

import numpy as np
import pytest
import torch
from helpers.replay_streams import (
    ACTIONS,
    Episodes,
    same_batches,
    same_transitions,
    space,
    valid,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3 import HerReplayBuffer

from goalscope.training.replay import SharedFrameHerReplayBuffer
from goalscope.training.replay.frames import GROWTH


def pair(env, rows, n_envs, frame_stack, **options):
    """Return our buffer and SB3's, of the made-up episodes' space."""
    shared = options.pop("shared", {})
    arguments = (rows * n_envs, space(frame_stack), ACTIONS, env, "cpu", n_envs)
    ours = SharedFrameHerReplayBuffer(*arguments, frame_stack=frame_stack, **options, **shared)
    return ours, HerReplayBuffer(*arguments, **options)


def truncate(*buffers: HerReplayBuffer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for buffer in buffers:
            buffer.truncate_last_trajectory()


def drawable(buffer: SharedFrameHerReplayBuffer) -> set[tuple[int, int]]:
    """Return every row and environment that our buffer draws from."""
    first, end = buffer.finished.first, buffer.finished.end
    return {
        (count % buffer.buffer_size, env)
        for env in range(buffer.n_envs)
        for count in range(first[env], end[env])
    }


@given(
    rows=st.integers(1, 12),
    n_envs=st.integers(1, 3),
    frame_stack=st.integers(1, 4),
    longest=st.integers(1, 15),
    seed=st.integers(0, 2**31),
    truncated=st.sets(st.integers(0, 45), max_size=3),
    resets=st.sampled_from([0.0, 0.1]),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_every_transition_is_stock_s_at_every_step(
    point, rows, n_envs, frame_stack, longest, seed, truncated, resets
):
    ours, stock = pair(point, rows, n_envs, frame_stack)
    episodes = Episodes(n_envs, frame_stack, longest, seed, resets)
    for step, transition in enumerate(islice(episodes, 46)):
        ours.add(**transition)
        stock.add(**transition)
        if step in truncated:
            truncate(ours, stock)
        assert drawable(ours) == set(zip(*map(np.ndarray.tolist, valid(stock)), strict=True))
        same_transitions(ours, stock)
        if step % 5 == 0 and drawable(ours):
            same_batches(ours, stock)


@pytest.mark.parametrize("strategy", ["future", "final", "episode"])
@pytest.mark.parametrize("timeouts", [True, False])
def test_every_strategy_relabels_as_stock(point, strategy, timeouts):
    ours, stock = pair(
        point,
        20,
        2,
        1,
        goal_selection_strategy=strategy,
        handle_timeout_termination=timeouts,
        n_sampled_goal=2,
    )
    for transition in islice(Episodes(2, 1, 6), 50):
        ours.add(**transition)
        stock.add(**transition)
    same_transitions(ours, stock)
    same_batches(ours, stock)


def test_drawn_rows_are_uniform_and_goals_those_of_the_rest_of_the_episode(point):
    ours, stock = pair(point, 12, 2, 1)
    for transition in islice(Episodes(2, 1, 5, seed=3), 31):
        ours.add(**transition)
        stock.add(**transition)
    np.random.seed(1)  # noqa: NPY002
    rows, columns = ours.finished.draw(40_000)
    counts = np.zeros((12, 2))
    np.add.at(counts, (rows, columns), 1)
    chosen = counts[valid(stock)]
    assert chosen.sum() == 40_000
    assert_close(chosen, np.full(len(chosen), 40_000 / len(chosen)))

    longest = np.argmax(ours.ep_length[rows, columns])
    row, column = rows[longest], columns[longest]
    start, length = ours.ep_start[row, column], ours.ep_length[row, column]
    assert length > 2
    first, same_column = np.full(9_000, start), np.full(9_000, column)
    goals = ours._sample_goals(first, same_column)
    episode = ours.next_observations["achieved_goal"][(start + np.arange(length)) % 12, column]
    shares = (goals[:, None] == episode).all(axis=2).sum(axis=0)
    assert shares.sum() == 9_000
    assert_close(shares, np.full(length, 9_000 / length))


def assert_close(counts: np.ndarray, expected: np.ndarray) -> None:
    """Fail where a chi-square statistic is four standard deviations above its mean."""
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert statistic < len(counts) + 4 * np.sqrt(2 * len(counts))


class Watched(np.ndarray):
    """An array that may be indexed with a batch of indices and nothing else."""

    def __getitem__(self, index):
        values = self.view(np.ndarray)[index]
        assert values.size <= 64
        return values

    def __array_ufunc__(self, *_, **__):
        raise AssertionError("a computation over the whole ring")

    def __array_function__(self, *_, **__):
        raise AssertionError("a computation over the whole ring")


def test_a_draw_looks_at_no_more_than_its_batch(point):
    ours, _ = pair(point, 1000, 2, 1)
    for transition in islice(Episodes(2, 1, 6), 1500):
        ours.add(**transition)
    for name in ("ep_start", "ep_length", "dones", "timeouts", "rewards"):
        setattr(ours, name, getattr(ours, name).view(Watched))
    assert len(ours.sample(32).rewards) == 32


def test_the_real_transitions_come_first_and_an_early_sample_is_refused(point):
    ours, _ = pair(point, 30, 1, 2)
    with pytest.raises(RuntimeError, match="learning_starts"):
        ours.sample(4)
    episodes = iter(Episodes(1, 2, 9))
    while not ours.ep_length.any():
        ours.add(**next(episodes))
    for transition in islice(episodes, 20):
        ours.add(**transition)
    batch = ours.sample(10)
    stored = {goal.tobytes() for goal in ours.observations["desired_goal"].reshape(-1, 3)}
    real = [goal.numpy().tobytes() in stored for goal in batch.observations["desired_goal"]]
    assert real == [True] * 2 + [False] * 8


def test_stacks_that_begin_with_zeros_come_back(point):
    """As SB3's VecFrameStack begins them."""
    ours, stock = pair(point, 9, 1, 3)
    episodes = Episodes(1, 3, 5)
    reset = episodes._reset
    episodes._reset = lambda: [*[np.zeros((1, 6, 6), np.uint8)] * 2, reset()[0]]
    episodes.stacks = [episodes._reset()]
    for transition in islice(episodes, 40):
        ours.add(**transition)
        stock.add(**transition)
        same_transitions(ours, stock)


def test_shifts_move_an_observation_and_the_next_independently(point):
    ours, _ = pair(point, 60, 1, 2, shared={"random_shift": 2})
    plain, _ = pair(point, 60, 1, 2)
    for transition in islice(Episodes(1, 2, 6), 50):
        ours.add(**transition)
        plain.add(**transition)
    rows, columns = valid(plain)
    torch.manual_seed(0)
    got = ours._get_real_samples(rows, columns)
    want = plain._get_real_samples(rows, columns)
    torch.manual_seed(0)
    moved = []
    for name in ("observations", "next_observations"):
        offsets = torch.randint(0, 5, (len(rows), 2)) - 2
        moved.append(offsets)
        images = getattr(want, name)["pixels"].numpy()
        for image, (dy, dx), result in zip(
            images, offsets.tolist(), getattr(got, name)["pixels"].numpy(), strict=True
        ):
            padded = np.pad(image, ((0, 0), (2, 2), (2, 2)), mode="edge")
            assert np.array_equal(result, padded[:, 2 + dy : 8 + dy, 2 + dx : 8 + dx])
    assert not torch.equal(*moved)


def test_info_dictionaries_reach_the_reward(point):
    seen = []

    def reward(achieved, desired, infos):
        seen.extend(infos)
        return np.zeros(len(infos))

    ours, _ = pair(point, 30, 1, 1, copy_info_dict=True, shared={"compute_reward": reward})
    for transition in islice(Episodes(1, 1, 4), 20):
        ours.add(**transition)
    ours.sample(10)
    assert len(seen) == 8
    assert all("TimeLimit.truncated" in info for info in seen)


def test_a_pickle_of_many_episodes_holds_the_grown_rest(point):
    ours, _ = pair(point, 2 * GROWTH, 1, 1)
    for transition in islice(Episodes(1, 1, 1), 2 * GROWTH):
        ours.add(**transition)
    copy = pickle.loads(pickle.dumps(ours))
    copy.set_env(point)
    same_transitions(copy, ours)
