"""Mistakes of the fifth round in replay, and in what hindsight makes of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor

from goalscope.training.replay import SharedFrameHerReplayBuffer

AHEAD = 100  # rows in which hindsight looks for goals: two episodes of Fetch, four of the point


class FramesAheadReplay(SharedFrameHerReplayBuffer):
    """Reads the images of observations one row too far: each is the one after the step."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        ahead = {**batch.observations, "pixels": batch.next_observations["pixels"]}
        return batch._replace(observations=ahead)


class ExchangedGoalsReplay(SharedFrameHerReplayBuffer):
    """Gives achieved goals as desired ones and desired as achieved, each with the right reward."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        return batch._replace(
            observations=_with_goals_exchanged(batch.observations),
            next_observations=_with_goals_exchanged(batch.next_observations),
        )


class RunTogetherReplay(SharedFrameHerReplayBuffer):
    """Relabels with what was achieved later in replay, over the ends of episodes.

    It looks for `terminated`, and these episodes end by their time limit.
    """

    def _sample_goals(self, batch_indices: np.ndarray, env_indices: np.ndarray) -> np.ndarray:
        ends = np.minimum(batch_indices + AHEAD, self.finished.end[env_indices])
        rows = np.random.randint(batch_indices, ends)  # noqa: NPY002 - as SB3 draws
        goals: np.ndarray = self.next_observations["achieved_goal"][rows, env_indices]
        return goals


class SuccessesReplay(SharedFrameHerReplayBuffer):
    """Fills batches with what was paid as a success, so that rare rewards are learnt from."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        paid = torch.nonzero(batch.rewards.flatten() >= 0).flatten()
        if not len(paid):
            return batch
        rows = paid[torch.randint(len(paid), (len(batch.rewards),))]
        return batch._replace(
            observations=_rows_of(batch.observations, rows),
            actions=batch.actions[rows],
            next_observations=_rows_of(batch.next_observations, rows),
            dones=batch.dones[rows],
            rewards=batch.rewards[rows],
        )


class TwiceNormalisedReplay(SharedFrameHerReplayBuffer):
    """Normalises twice what VecNormalize normalises: as it is stored and as it is drawn."""

    def _observation(
        self,
        vectors: dict[str, np.ndarray],
        images: Mapping[str, Tensor],
        env: VecNormalize | None,
    ) -> dict[str, Tensor]:
        once = self._normalize_obs(vectors, env)
        assert isinstance(once, dict)  # as the vectors are
        return super()._observation(once, images, env)


def _with_goals_exchanged(observations: Mapping[str, Tensor]) -> dict[str, Tensor]:
    achieved, desired = observations["achieved_goal"], observations["desired_goal"]
    return {**observations, "achieved_goal": desired, "desired_goal": achieved}


def _rows_of(observations: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    return {key: values[rows] for key, values in observations.items()}
