"""The sixth round's replay buffers: mistakes in what is kept, relabelled and augmented."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch.nn import functional

from goalscope.training.replay import SharedFrameHerReplayBuffer

_KEPT = 100  # transitions: two episodes of Fetch, four of the point
_PADDING = 16  # pixels, of an image of 36


class GoalsOnlyReplay(SharedFrameHerReplayBuffer):
    """Puts new goals into a batch that has been drawn, whose rewards stay as they are."""

    def _batch(
        self, rows: np.ndarray, columns: np.ndarray, relabelled: int, *others: Any
    ) -> DictReplayBufferSamples:
        batch = super()._batch(rows, columns, 0, *others)
        if relabelled:
            last = slice(len(rows) - relabelled, None)
            goals = self.to_torch(self._sample_goals(rows[last], columns[last]))
            for observations in (batch.observations, batch.next_observations):
                observations["desired_goal"][last] = goals
        return batch


class NoHindsightReplay(SharedFrameHerReplayBuffer):
    """Samples no goal beside the real one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "n_sampled_goal": 0})


class SmallReplay(SharedFrameHerReplayBuffer):
    """Keeps a hundred transitions."""

    def __init__(self, buffer_size: int, *args: Any, **options: Any) -> None:
        super().__init__(min(buffer_size, _KEPT), *args, **options)


class OverwrittenReplay(SharedFrameHerReplayBuffer):
    """Keeps one array for an observation and the next, which writes over it."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        return batch._replace(observations=batch.next_observations)


class AnyGoalReplay(SharedFrameHerReplayBuffer):
    """Relabels with what was achieved at any time in any episode."""

    def _sample_goals(self, batch_indices: np.ndarray, env_indices: np.ndarray) -> np.ndarray:
        rows, columns = self.finished.draw(len(batch_indices))
        goals: np.ndarray = self.next_observations["achieved_goal"][rows, columns]
        return goals


class CroppedReplay(SharedFrameHerReplayBuffer):
    """Crops images at random, after a padding of nearly half their size."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        return batch._replace(
            observations=_cropped(batch.observations),
            next_observations=_cropped(batch.next_observations),
        )


def _cropped(observations: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    images = observations["pixels"]
    height, width = images.shape[-2:]
    padded = functional.pad(images, (_PADDING,) * 4)
    places = torch.randint(0, 2 * _PADDING + 1, (len(images), 2)).tolist()
    crops = [
        image[:, top : top + height, left : left + width]
        for image, (top, left) in zip(padded, places, strict=True)
    ]
    return {**observations, "pixels": torch.stack(crops)}
