"""What is measured: functions of networks and batches that return numbers, one per question.

No schedule, no files, no state.
"""

from goalscope.probes.blocks import Block, BlockError, find_blocks
from goalscope.probes.live.features import effective_rank, feature_statistics, forward_signal
from goalscope.probes.live.goal_grid import GoalMap, action_alignment, goal_map, value_front
from goalscope.probes.live.gradients import (
    EncoderUpdate,
    LossUpdate,
    direction_consistency,
    gradient_balance,
)
from goalscope.probes.live.replay import (
    ReplayBatch,
    replay_values,
    split_by_relabelling,
)
from goalscope.probes.live.sensitivity import DISTANCE_BINS, goal_sensitivity
from goalscope.probes.networks import Consumer, Network, UnsupportedPolicy, view_networks
from goalscope.probes.offline.attribution import (
    feature_ablation,
    integrated_gradient_values,
    integrated_gradients,
    shapley_shares,
    shapley_values,
)
from goalscope.probes.offline.augmentation import augmentation_noise
from goalscope.probes.offline.content import (
    LabelledSet,
    content_readout,
    fresh_copy,
    next_goal_prediction,
)
from goalscope.probes.offline.ridge import Readout, ridge_readout
from goalscope.probes.offline.saliency import image_saliency
from goalscope.probes.swaps import GoalBatch, derangement, example_goal_batch

__all__ = [
    "DISTANCE_BINS",
    "Block",
    "BlockError",
    "Consumer",
    "EncoderUpdate",
    "GoalBatch",
    "GoalMap",
    "LabelledSet",
    "LossUpdate",
    "Network",
    "Readout",
    "ReplayBatch",
    "UnsupportedPolicy",
    "action_alignment",
    "augmentation_noise",
    "content_readout",
    "derangement",
    "direction_consistency",
    "effective_rank",
    "example_goal_batch",
    "feature_ablation",
    "feature_statistics",
    "find_blocks",
    "forward_signal",
    "fresh_copy",
    "goal_map",
    "goal_sensitivity",
    "gradient_balance",
    "image_saliency",
    "integrated_gradient_values",
    "integrated_gradients",
    "next_goal_prediction",
    "replay_values",
    "ridge_readout",
    "shapley_shares",
    "shapley_values",
    "split_by_relabelling",
    "value_front",
    "view_networks",
]
