"""What replay holds: a batch of it, and its finished episodes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.buffers import DictReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples

Indices = NDArray[np.int64]


def replay_batch(
    model: OffPolicyAlgorithm, rows: int, *, normalised: bool = True
) -> DictReplayBufferSamples:
    """Return so many transitions of replay; draws from the shared generators.

    Args:
        model: the agent.
        rows: how many.
        normalised: as the networks see them, where a wrapper normalises; else as they are stored.

    Raises:
        TypeError: replay holds no Dict observations.
    """
    buffer = model.replay_buffer
    assert buffer is not None  # there has been an update
    with own_generators(model):
        sample: object = buffer.sample(rows, env=model._vec_normalize_env if normalised else None)
    if not isinstance(sample, DictReplayBufferSamples):
        raise TypeError("a replay buffer of Dict observations is needed")
    return sample


@contextmanager
def own_generators(model: OffPolicyAlgorithm) -> Iterator[None]:
    """Put back the states of generators that replay holds, and the first environment, after.

    A buffer of a user's own may draw from one, and `compute_reward` from `np_random`.
    """
    held = [g for g in vars(model.replay_buffer).values() if isinstance(g, np.random.Generator)]
    states = [generator.bit_generator.state for generator in held]
    env = model.get_env()
    asked = env is not None and env.has_attr("np_random")
    before = env.get_attr("np_random", indices=[0])[0] if env is not None and asked else None
    state = getattr(getattr(before, "bit_generator", None), "state", None)
    try:
        yield
    finally:
        for generator, own in zip(held, states, strict=True):
            generator.bit_generator.state = own
        if env is not None and before is not None and state is not None:
            now = env.get_attr("np_random", indices=[0])[0]
            if now is before:
                before.bit_generator.state = state
            elif now.bit_generator.state != state:  # in a process of its own
                env.set_attr("np_random", before, indices=[0])


def dict_buffer(model: OffPolicyAlgorithm) -> DictReplayBuffer:
    """Return the agent's replay buffer.

    Raises:
        TypeError: it holds no Dict observations.
    """
    if not isinstance(model.replay_buffer, DictReplayBuffer):
        raise TypeError("a replay buffer of Dict observations is needed")
    return model.replay_buffer


def rewards_of_goals(
    model: OffPolicyAlgorithm,
    achieved: NDArray[Any],
    desired: NDArray[Any],
    infos: Sequence[Mapping[str, Any]] | None = None,
    *,
    alone: bool = False,
) -> NDArray[np.float64]:
    """Return the rewards (n,) that an agent's environment computes for goals (n, d).

    Args:
        model: the agent, in training.
        achieved: goals.
        desired: the same of what is asked for.
        infos: n of them, as the environment gave them; None hands it empty ones, as SB3's
            hindsight does that keeps none.
        alone: asked of each pair by itself. Else of all at once, as hindsight asks; one by one
            only where the answer has another length.
    """
    env = model.get_env()
    assert env is not None  # an agent in training has one
    told = [{} for _ in achieved] if infos is None else infos

    def asked(rows: slice) -> NDArray[np.float64]:
        pairs = achieved[rows], desired[rows]
        with own_generators(model):
            answer = env.env_method("compute_reward", *pairs, told[rows], indices=[0])[0]
        return np.asarray(answer, dtype=np.float64).ravel()

    if not alone:
        at_once = asked(slice(None))
        if len(at_once) == len(achieved):
            return at_once
    return np.array([asked(slice(row, row + 1)).item() for row in range(len(achieved))])


def kept_infos(
    buffer: DictReplayBuffer, rows: Indices, columns: Indices
) -> Sequence[Mapping[str, Any]] | None:
    """Return what the environment said beside these transitions, where hindsight asks with it.

    None where it does not: `copy_info_dict` of SB3's `HerReplayBuffer`.
    """
    if not isinstance(buffer, HerReplayBuffer) or not buffer.copy_info_dict:
        return None
    return list(buffer.infos[rows, columns])


def by_block(
    sample: DictReplayBufferSamples, name_of: Callable[[str], str]
) -> DictReplayBufferSamples:
    """Return the same transitions, their observations by the names of the keys' own blocks."""
    now, following = (
        {name_of(key): values for key, values in side.items()}
        for side in (sample.observations, sample.next_observations)
    )
    return sample._replace(observations=now, next_observations=following)


@contextmanager
def unaugmented(buffer: DictReplayBuffer) -> Iterator[None]:
    """Draw images inside as they are stored: without the random shift that a buffer may add."""
    shift = getattr(buffer, "random_shift", None)
    if shift is None:
        yield
        return
    buffer.random_shift = None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        buffer.random_shift = shift  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Episodes:
    """Whole episodes in a ring of rows, one column for each environment.

    Attributes:
        starts: int64 (E,), the row each begins in.
        columns: int64 (E,), its environment.
        lengths: int64 (E,), its transitions.
        rows_in_ring: after the last row comes the first.
    """

    starts: Indices
    columns: Indices
    lengths: Indices
    rows_in_ring: int

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lasts(self) -> Indices:
        """The row each ends in, int64 (E,)."""
        return (self.starts + self.lengths - 1) % self.rows_in_ring

    def rows(self, episode: int) -> Indices:
        """Return the rows of one episode in their order, int64 (T,)."""
        start, length = self.starts[episode], self.lengths[episode]
        return np.arange(start, start + length) % self.rows_in_ring

    def transitions(self) -> tuple[Indices, Indices, Indices]:
        """Return row, column and number of the episode of every transition, int64 (N,) each."""
        numbers = np.repeat(np.arange(len(self)), self.lengths)
        within = np.arange(len(numbers)) - np.repeat(
            np.cumsum(self.lengths) - self.lengths, self.lengths
        )
        rows = (self.starts[numbers] + within) % self.rows_in_ring
        return rows, self.columns[numbers], numbers


def finished_episodes(buffer: DictReplayBuffer) -> Episodes:
    """Return the episodes that have ended and of which no transition has been overwritten.

    Those that began first come first.
    """
    if isinstance(buffer, HerReplayBuffer):
        begins = buffer.ep_start == np.arange(buffer.buffer_size)[:, None]
        starts, columns = np.nonzero(begins & (buffer.ep_length > 0))
        order = np.argsort((starts - buffer.pos) % buffer.buffer_size, kind="stable")
        starts, columns = starts[order], columns[order]
        return Episodes(starts, columns, buffer.ep_length[starts, columns], buffer.buffer_size)
    size = buffer.size()
    oldest = buffer.pos if buffer.full else 0
    parts = []
    for column in range(buffer.n_envs):
        edges = np.flatnonzero(np.roll(buffer.dones[:size, column], -oldest)) + 1
        if not buffer.full:  # else the oldest episode may have lost its start
            edges = np.concatenate([[0], edges])
        begins, lengths = edges[:-1], np.diff(edges)
        parts.append(np.stack([begins, np.full_like(begins, column), lengths]))
    starts, columns, lengths = np.concatenate(parts, axis=1)
    order = np.argsort(starts, kind="stable")
    starts, columns, lengths = starts[order], columns[order], lengths[order]
    return Episodes((starts + oldest) % size, columns, lengths, size)


def stored_transitions(
    model: OffPolicyAlgorithm, rows: Indices, columns: Indices, *, normalised: bool = True
) -> DictReplayBufferSamples:
    """Return the transitions at these places with their own goals, as replay returns them.

    Args:
        model: the agent.
        rows: of the ring, int64 (n,).
        columns: environments, int64 (n,).
        normalised: as in `replay_batch`.
    """
    buffer = dict_buffer(model)
    env = model._vec_normalize_env if normalised else None
    if isinstance(buffer, HerReplayBuffer):
        with own_generators(model):
            return buffer._get_real_samples(rows, columns, env)
    sides = []
    for side in (buffer.observations, buffer.next_observations):
        values = buffer._normalize_obs({k: v[rows, columns] for k, v in side.items()}, env)
        assert isinstance(values, dict)
        sides.append({key: buffer.to_torch(value) for key, value in values.items()})
    ends = buffer.dones[rows, columns] * (1 - buffer.timeouts[rows, columns])
    rewards = buffer._normalize_reward(buffer.rewards[rows, columns, None], env)
    return DictReplayBufferSamples(
        observations=sides[0],
        actions=buffer.to_torch(buffer.actions[rows, columns]),
        next_observations=sides[1],
        dones=buffer.to_torch(ends[:, None]),
        rewards=buffer.to_torch(rewards),
    )
