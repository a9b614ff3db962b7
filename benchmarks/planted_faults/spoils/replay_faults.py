"""What can be wrong with replay, and with what hindsight makes of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.type_aliases import DictReplayBufferSamples

from benchmarks.planted_faults.spoils.environment_faults import SHOWN_GOAL
from goalscope.training.replay import SharedFrameHerReplayBuffer

TINY = 60  # transitions; an episode of the point has 25
Replay = type[SharedFrameHerReplayBuffer]


def replay_class(parts: Sequence[Replay]) -> Replay:
    """Return one class with all these faults, under one name whatever they are."""
    return type("PixelReplay", tuple(parts) or (SharedFrameHerReplayBuffer,), {})


class FixedGoalReplay(SharedFrameHerReplayBuffer):
    """Shows what `FixedGoal` shows: of relabelled transitions, too, the agent sees one goal."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        return batch._replace(
            observations=_with_shown_goal(batch.observations),
            next_observations=_with_shown_goal(batch.next_observations),
        )


class FirstRewardReplay(SharedFrameHerReplayBuffer):
    """Relabels goals and forgets their rewards: each stays that of the episode's own goal."""

    def _reward(
        self, achieved: np.ndarray, desired: np.ndarray, rows: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        rewards: np.ndarray = self.rewards[rows, columns]
        return rewards


class SameNextReplay(SharedFrameHerReplayBuffer):
    """Gives each observation as its own next one, as an array does that is written over."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        return batch._replace(next_observations=batch.observations)


class ShuffledActionReplay(SharedFrameHerReplayBuffer):
    """Gives each observation the action of another transition: its neighbour's in the batch."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        return batch._replace(actions=batch.actions.roll(1, 0))


class SwappedChannelReplay(SharedFrameHerReplayBuffer):
    """Gives blue, green and red to learn from, where red, green and blue are acted on."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        return batch._replace(
            observations=_with_swapped_channels(batch.observations),
            next_observations=_with_swapped_channels(batch.next_observations),
        )


class TinyReplay(SharedFrameHerReplayBuffer):
    """Keeps so few rows that each episode overwrites all but one or two."""

    def __init__(self, buffer_size: int, *args: Any, **options: Any) -> None:
        super().__init__(min(buffer_size, TINY), *args, **options)


class RealGoalReplay(SharedFrameHerReplayBuffer):
    """Relabels nothing, whatever it is asked for."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.her_ratio = 0.0


class OnlyHindsightReplay(SharedFrameHerReplayBuffer):
    """Relabels every transition, whatever it is asked for."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.her_ratio = 1.0


def _with_shown_goal(observations: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    goals = observations["desired_goal"]
    return {**observations, "desired_goal": torch.full_like(goals, SHOWN_GOAL)}


def _with_swapped_channels(observations: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {**observations, "pixels": observations["pixels"].flip(1)}
