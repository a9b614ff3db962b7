"""What is measured: functions of networks and batches that return numbers, one per question.

No schedule, no files, no state.
"""

from goalscope.probes.blocks import Block, BlockError, find_blocks
from goalscope.probes.families import UnsupportedPolicy
from goalscope.probes.live.actions import (
    action_effect_r2,
    action_spread,
    cut_off_fraction,
    image_motion,
    moving_steps,
    own_fraction,
    own_motion,
    saturated_fraction,
)
from goalscope.probes.live.agreement import differing_share, input_offset, same_share
from goalscope.probes.live.episodes import (
    asked_goal_spread,
    draw_skew,
    end_fractions,
    goal_gap,
    goal_origins,
    goal_shift,
    newest_count,
    same_rows,
    start_drift,
)
from goalscope.probes.live.features import effective_rank, feature_statistics, forward_signal
from goalscope.probes.live.goal_grid import GoalMap, action_alignment, goal_map, value_front
from goalscope.probes.live.gradients import (
    EncoderUpdate,
    LossUpdate,
    Moments,
    direction_consistency,
    gradient_balance,
    optimiser_state,
    step_directions,
)
from goalscope.probes.live.inputs import (
    TracedFeatures,
    input_statistics,
    levels_kept,
    prepared_inputs,
    roughness_gained,
    traced_features,
)
from goalscope.probes.live.lateness import lateness
from goalscope.probes.live.modes import alone_difference, mode_difference
from goalscope.probes.live.policy import (
    SquashedDraw,
    density_error,
    least_spread,
    squashed_draw,
)
from goalscope.probes.live.readout import place_r2
from goalscope.probes.live.replay import (
    ReplayBatch,
    replay_values,
    split_by_relabelling,
)
from goalscope.probes.live.rewards import farthest_goals, goal_ignored_fraction, paid_distance
from goalscope.probes.live.sensitivity import DISTANCE_BINS, goal_sensitivity
from goalscope.probes.live.targets import (
    cautious_values,
    squashed_log_density,
    taught_targets,
    twin_gap,
    unpaid_fraction,
)
from goalscope.probes.live.tracking import tracking_noise
from goalscope.probes.live.transitions import (
    action_over_goals,
    goal_change_fraction,
    goal_offset,
    reward_statistics,
    rewards_per_target,
    step_over_spread,
    still_fraction,
    success_fractions,
    unchanged_fraction,
)
from goalscope.probes.live.turned import turned_share
from goalscope.probes.live.value_bounds import (
    ValueBounds,
    cut_fraction,
    distance_moved,
    gathered_entropy,
    horizon,
    learnt_share,
    q_bias,
    q_excess,
    value_bounds,
)
from goalscope.probes.networks import Consumer, Network, view_networks
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
    "Moments",
    "Network",
    "Readout",
    "ReplayBatch",
    "SquashedDraw",
    "TracedFeatures",
    "UnsupportedPolicy",
    "ValueBounds",
    "action_alignment",
    "action_effect_r2",
    "action_over_goals",
    "action_spread",
    "alone_difference",
    "asked_goal_spread",
    "augmentation_noise",
    "cautious_values",
    "content_readout",
    "cut_fraction",
    "cut_off_fraction",
    "density_error",
    "derangement",
    "differing_share",
    "direction_consistency",
    "distance_moved",
    "draw_skew",
    "effective_rank",
    "end_fractions",
    "example_goal_batch",
    "farthest_goals",
    "feature_ablation",
    "feature_statistics",
    "find_blocks",
    "forward_signal",
    "fresh_copy",
    "gathered_entropy",
    "goal_change_fraction",
    "goal_gap",
    "goal_ignored_fraction",
    "goal_map",
    "goal_offset",
    "goal_origins",
    "goal_sensitivity",
    "goal_shift",
    "gradient_balance",
    "horizon",
    "image_motion",
    "image_saliency",
    "input_offset",
    "input_statistics",
    "integrated_gradient_values",
    "integrated_gradients",
    "lateness",
    "learnt_share",
    "least_spread",
    "levels_kept",
    "mode_difference",
    "moving_steps",
    "newest_count",
    "next_goal_prediction",
    "optimiser_state",
    "own_fraction",
    "own_motion",
    "paid_distance",
    "place_r2",
    "prepared_inputs",
    "q_bias",
    "q_excess",
    "replay_values",
    "reward_statistics",
    "rewards_per_target",
    "ridge_readout",
    "roughness_gained",
    "same_rows",
    "same_share",
    "saturated_fraction",
    "shapley_shares",
    "shapley_values",
    "split_by_relabelling",
    "squashed_draw",
    "squashed_log_density",
    "start_drift",
    "step_directions",
    "step_over_spread",
    "still_fraction",
    "success_fractions",
    "taught_targets",
    "traced_features",
    "tracking_noise",
    "turned_share",
    "twin_gap",
    "unchanged_fraction",
    "unpaid_fraction",
    "value_bounds",
    "value_front",
    "view_networks",
]
