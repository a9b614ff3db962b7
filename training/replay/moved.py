"""Half of each batch from episodes in which what is achieved moved."""

import numpy as np
import torch
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.diagnostics.material.replay import finished_episodes


class MovedEpisodes:
    """The finished episodes of a buffer in which what is achieved moved.

    Found anew from what the buffer holds after each episode's end, so that there is no state to
    save.

    Args:
        buffer: whose episodes; its environment's task says what has not moved.

    Raises:
        ValueError: the task does not say so.
    """

    def __init__(self, buffer: HerReplayBuffer) -> None:
        negligible = declared_task(buffer.env).negligible
        if negligible is None:
            raise ValueError(
                "the environment declares no task that says what has not moved, so that half of a "
                "batch cannot be of episodes that moved"
            )
        self._buffer = buffer
        self._negligible = negligible
        self.forget()

    def forget(self) -> None:
        """An episode has ended, or another content was loaded."""
        self._found: tuple[np.ndarray, np.ndarray] | None = None

    def mix_in(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return drawn places, every second one replaced by one of an episode that moved.

        An episode is drawn uniformly, and then one of its transitions; from numpy's global
        generator, as SB3's buffers draw. Where nothing has moved yet nothing is replaced.

        Args:
            rows: int64 (B,), of the ring.
            columns: int64 (B,), environments.
        """
        starts, envs = self._find()
        lengths = self._buffer.ep_length[starts, envs]
        starts, envs, lengths = (part[lengths > 0] for part in (starts, envs, lengths))
        if not len(starts):
            return rows, columns
        rows, columns = rows.copy(), columns.copy()
        chosen = np.random.randint(len(starts), size=len(rows) // 2)  # noqa: NPY002
        within = np.random.randint(lengths[chosen])  # noqa: NPY002
        rows[1::2] = (starts[chosen] + within) % self._buffer.buffer_size
        columns[1::2] = envs[chosen]
        return rows, columns

    def _find(self) -> tuple[np.ndarray, np.ndarray]:
        if self._found is None:
            episodes = finished_episodes(self._buffer)
            rows, columns, numbers = episodes.transitions()
            goals = self._buffer.next_observations["achieved_goal"][rows, columns]
            first = self._buffer.observations["achieved_goal"][episodes.starts, episodes.columns]
            away = np.linalg.norm(goals - first[numbers], axis=1) > self._negligible
            moved = np.bincount(numbers, weights=away, minlength=len(episodes)) > 0
            places = episodes.starts[moved], episodes.columns[moved]
            order = np.argsort(places[0], kind="stable")  # of rows: a draw is of a place in it
            self._found = places[0][order], places[1][order]
        return self._found


class HalfMovedHerReplayBuffer(HerReplayBuffer):
    """SB3's `HerReplayBuffer` with half of each batch from episodes that moved.

    Args:
        *args: HerReplayBuffer's.
        **kwargs: HerReplayBuffer's.

    Raises:
        ValueError: the environment declares no task that says what has not moved.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.moved = MovedEpisodes(self)

    def _compute_episode_length(self, env_idx: int) -> None:
        super()._compute_episode_length(env_idx)
        self.moved.forget()

    def sample(  # type: ignore[override]
        self, batch_size: int, env: VecNormalize | None = None
    ) -> DictReplayBufferSamples:
        """Return a batch: real transitions, then `int(her_ratio * batch_size)` relabelled ones.

        Raises:
            ValueError: no episode has ended yet.
        """
        finished = np.flatnonzero(self.ep_length > 0)
        chosen = np.random.choice(finished, size=batch_size)  # noqa: NPY002
        rows, columns = self.moved.mix_in(*np.unravel_index(chosen, self.ep_length.shape))
        end = int(self.her_ratio * batch_size)  # relabelled first and put last, as SB3 does
        real = self._get_real_samples(rows[end:], columns[end:], env)
        relabelled = self._get_virtual_samples(rows[:end], columns[:end], env)
        return DictReplayBufferSamples(
            *(_joined(*parts) for parts in zip(real, relabelled, strict=True))  # type: ignore[arg-type]
        )


def _joined(left: object, right: object) -> object:
    if isinstance(left, dict) and isinstance(right, dict):
        return {key: torch.cat([left[key], right[key]]) for key in left}
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return torch.cat([left, right])
    return None  # n-step discounts, which hindsight has not
