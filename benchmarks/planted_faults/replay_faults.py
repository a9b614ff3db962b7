"""What can be wrong with hindsight replay."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

from benchmarks.planted_faults.environment_faults import SHOWN_GOAL
from goalscope.training.replay import SharedFrameHerReplayBuffer

Replay = type[SharedFrameHerReplayBuffer]


def replay_class(parts: Sequence[Replay]) -> Replay:
    """Return one class with all these faults, under one name whatever they are."""
    return type("PixelReplay", tuple(parts) or (SharedFrameHerReplayBuffer,), {})


class FixedGoalReplay(SharedFrameHerReplayBuffer):
    """Shows what `FixedGoal` shows: of relabelled transitions, too, the agent sees one goal."""

    def sample(  # type: ignore[override]
        self, batch_size: int, env: VecNormalize | None = None
    ) -> DictReplayBufferSamples:
        """Return a batch with that goal."""
        batch = super().sample(batch_size, env)
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


def _with_shown_goal(observations: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    goals = observations["desired_goal"]
    return {**observations, "desired_goal": goals.new_tensor(SHOWN_GOAL).expand_as(goals)}
