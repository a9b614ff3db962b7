"""What the environment's reward says when it is asked about goals that replay holds."""

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import Tensor

from goalscope.diagnostics.material.replay import rewards_of_goals
from goalscope.diagnostics.record.transition_metrics import GOAL_IGNORED_FRACTION, PAID_DISTANCE
from goalscope.probes import (
    ReplayBatch,
    farthest_goals,
    goal_ignored_fraction,
    paid_distance,
)
from goalscope.probes.blocks import ACHIEVED_GOAL, DESIRED_GOAL, GOAL_KEYS

ASKED = 32  # achieved goals
MEASURED = 8  # of them, whose distances are bisected


def reward_state(model: OffPolicyAlgorithm, stored: ReplayBatch) -> dict[str, Tensor]:
    """Return record key -> scalar of `compute_reward`, asked as hindsight asks it.

    {} without hindsight, where hindsight asks with what the environment said of each step, and of
    goals that are no vectors.

    Args:
        model: the agent.
        stored: a batch as it is stored, by the names of blocks.
    """
    buffer = model.replay_buffer
    if not isinstance(buffer, HerReplayBuffer) or buffer.copy_info_dict:
        return {}
    if model.get_env() is None or not _vectors(model):
        return {}
    achieved = stored.next_observations[ACHIEVED_GOAL].cpu().numpy()
    desired = stored.observations[DESIRED_GOAL].cpu().numpy()
    known = np.concatenate([achieved, desired]).astype(achieved.dtype)
    asked = achieved[:ASKED]
    far = known[farthest_goals(asked, known)]

    def rewards(reached: NDArray[np.floating], goals: NDArray[np.floating]) -> NDArray[np.float64]:
        return rewards_of_goals(model, reached, goals)

    found = {
        GOAL_IGNORED_FRACTION.key(): goal_ignored_fraction(
            rewards, asked, far, np.roll(asked, 1, axis=0)
        ),
        PAID_DISTANCE.key(): paid_distance(rewards, asked[:MEASURED], far[:MEASURED]),
    }
    return {key: torch.tensor(value) for key, value in found.items() if value is not None}


def _vectors(model: OffPolicyAlgorithm) -> bool:
    space = model.observation_space
    assert isinstance(space, spaces.Dict)  # replay holds Dict observations
    return all(key in space.spaces and len(space[key].shape or ()) == 1 for key in GOAL_KEYS)
