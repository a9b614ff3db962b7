"""What is measured: functions of networks and batches that return numbers, one per question.

No schedule, no files, no state.
"""

from goalscope.probes.blocks import Block, BlockError, find_blocks
from goalscope.probes.features import effective_rank, feature_statistics, forward_signal
from goalscope.probes.gradients import (
    EncoderUpdate,
    LossUpdate,
    direction_consistency,
    gradient_balance,
)
from goalscope.probes.networks import Consumer, Network, UnsupportedPolicy, view_networks
from goalscope.probes.replay import REPLAY_METRICS, ReplayBatch, replay_values, split_by_relabelling
from goalscope.probes.sensitivity import (
    DISTANCE_BINS,
    GoalBatch,
    derangement,
    example_goal_batch,
    goal_sensitivity,
)

__all__ = [
    "DISTANCE_BINS",
    "REPLAY_METRICS",
    "Block",
    "BlockError",
    "Consumer",
    "EncoderUpdate",
    "GoalBatch",
    "LossUpdate",
    "Network",
    "ReplayBatch",
    "UnsupportedPolicy",
    "derangement",
    "direction_consistency",
    "effective_rank",
    "example_goal_batch",
    "feature_statistics",
    "find_blocks",
    "forward_signal",
    "goal_sensitivity",
    "gradient_balance",
    "replay_values",
    "split_by_relabelling",
    "view_networks",
]
