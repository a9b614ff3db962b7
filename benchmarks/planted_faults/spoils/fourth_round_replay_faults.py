"""Mistakes of the fourth round in replay, and in what hindsight makes of it."""

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

from benchmarks.planted_faults.grounds import BATCH
from goalscope.training.replay import SharedFrameHerReplayBuffer

STEPS = 3  # of which rewards are added up
_DISCOUNT = 0.9  # the agent's


class RawReplay(SharedFrameHerReplayBuffer):
    """Forgets to normalise what it returns, where the agent acts on what is normalised."""

    def sample(  # type: ignore[override]
        self, batch_size: int, env: VecNormalize | None = None
    ) -> DictReplayBufferSamples:
        """Return a batch as it was stored."""
        return super().sample(batch_size, None)


class OverwrittenPositionReplay(SharedFrameHerReplayBuffer):
    """Has stored a view of the position, which the simulator has moved on meanwhile."""

    def add(  # type: ignore[override]
        self, obs: dict[str, np.ndarray], next_obs: dict[str, np.ndarray], *rest: Any
    ) -> None:
        """Store a transition of each environment."""
        super().add({**obs, "achieved_goal": next_obs["achieved_goal"]}, next_obs, *rest)


class RewardOfBeforeReplay(SharedFrameHerReplayBuffer):
    """Rewards relabelled goals by what was achieved before the step, not after it."""

    def _reward(
        self, achieved: np.ndarray, desired: np.ndarray, rows: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        before = self.observations["achieved_goal"][rows, columns]
        return super()._reward(before, desired, rows, columns)


class RewardsOfThreeStepsReplay(SharedFrameHerReplayBuffer):
    """Adds up the rewards of three steps, and gives what follows the first of them.

    Half of a return of n steps: neither the next observation nor its discount was changed.
    """

    def _batch(self, rows: np.ndarray, columns: np.ndarray, *rest: Any) -> DictReplayBufferSamples:
        batch = super()._batch(rows, columns, *rest)
        goals = batch.next_observations["desired_goal"].numpy()
        ends = self.ep_start[rows, columns] + self.ep_length[rows, columns]
        rewards = batch.rewards.clone()
        for ahead in range(1, STEPS):
            later = np.minimum(rows + ahead, ends - 1)
            achieved = self.next_observations["achieved_goal"][later, columns]
            reward = self._reward(achieved, goals, later, columns) * (rows + ahead < ends)
            rewards += _DISCOUNT**ahead * self.to_torch(reward.reshape(-1, 1)).to(rewards.dtype)
        return batch._replace(rewards=rewards)


class PastGoalsReplay(SharedFrameHerReplayBuffer):
    """Relabels with what was achieved earlier in the episode, not later: a range from the start."""

    def _sample_goals(self, batch_indices: np.ndarray, env_indices: np.ndarray) -> np.ndarray:
        starts = self.ep_start[batch_indices, env_indices]
        steps = np.random.randint(batch_indices - starts + 1)  # noqa: NPY002 - as SB3 draws
        goals: np.ndarray = self.observations["achieved_goal"][starts + steps, env_indices]
        return goals


class NextGoalReplay(SharedFrameHerReplayBuffer):
    """Relabels each transition with what it achieved itself: each is a success."""

    def _sample_goals(self, batch_indices: np.ndarray, env_indices: np.ndarray) -> np.ndarray:
        goals: np.ndarray = self.next_observations["achieved_goal"][batch_indices, env_indices]
        return goals


class TimeoutsEndReplay(SharedFrameHerReplayBuffer):
    """Takes the time limit for an end: what says that it is none is not stored."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.handle_timeout_termination = False


class ExchangedReplay(SharedFrameHerReplayBuffer):
    """Stores the next observation as the observation, and the other way round: time runs back."""

    def add(  # type: ignore[override]
        self, obs: dict[str, np.ndarray], next_obs: dict[str, np.ndarray], *rest: Any
    ) -> None:
        """Store a transition of each environment."""
        super().add(next_obs, obs, *rest)


class FirstRowsReplay(SharedFrameHerReplayBuffer):
    """Draws rows below the size of the agent's batch, where that of the buffer was meant."""

    def sample(  # type: ignore[override]
        self, batch_size: int, env: VecNormalize | None = None
    ) -> DictReplayBufferSamples:
        """Return a batch of the first rows, whatever came after them."""
        rows = np.random.randint(BATCH, size=batch_size)  # noqa: NPY002 - as SB3 draws
        return self._batch(rows, np.zeros_like(rows), int(self.her_ratio * batch_size), env)


class FlippedImagesReplay(SharedFrameHerReplayBuffer):
    """Mirrors half of the images, as one augments photographs: neither goals nor actions turn."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        mirrored = (torch.rand(len(batch.rewards)) < 0.5)[:, None, None, None]
        now, following = (
            {**values, "pixels": torch.where(mirrored, values["pixels"].flip(-1), values["pixels"])}
            for values in (batch.observations, batch.next_observations)
        )
        return batch._replace(observations=now, next_observations=following)
