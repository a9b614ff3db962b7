"""Every metric that a record can hold, in one table; formulas and sources: docs/measurements.md."""

from functools import cache

from goalscope.diagnostics.record import transition_metrics
from goalscope.diagnostics.record.keys import (
    ACTOR,
    CRITIC,
    GOAL,
    JOINT_LOSS,
    LOSSES,
    NETWORKS,
    Family,
    Metric,
)
from goalscope.diagnostics.record.metric_kinds import kind_of

# What the fused features are, in the real update's forward passes.

_OWN = "the block is as the heads read it, not as before a normalisation; any block varies"
_feature = kind_of(Family.FEATURES, NETWORKS, None)
FEATURE_NORM = _feature("norm", "feature units", "mean L2 norm")
FEATURE_SPREAD = _feature("spread", "feature units", "standard deviation per unit")
SPREAD_SHARE = _feature("spread_share", "share", "share of the variance", _OWN)
DIMENSION_SHARE = _feature("dimension_share", "share", "share of the dimensions", _OWN)
ZERO_FRACTION = _feature("zero_fraction", "share", "exact zeros")
DEAD_UNITS = _feature("dead_units", "share", "units constant over the batch")
SATURATED_FRACTION = _feature(
    "saturated_fraction", "share", "features at the ends of Tanh", "the encoder ends in Tanh"
)
EFFECTIVE_RANK = _feature("effective_rank", "rank", "effective rank")
MAX_ABS = _feature("max_abs", "feature units", "largest magnitude")
NONFINITE = _feature("nonfinite", "count", "NaN and infinite features")

# What the first linear layers hear of them.

_OBSERVED = "the block is not the action"
_HEARD = f"{_OBSERVED}; any block is heard"
_signal = kind_of(Family.SIGNAL, NETWORKS, None)
SIGNAL = _signal("signal", "squared pre-activation units", "first-layer signal")
SIGNAL_SHARE = _signal("share", "share", "share of the first-layer signal", _HEARD)
SIGNAL_RESIDUAL = kind_of(Family.SIGNAL, NETWORKS)(
    "residual",
    "share",
    "covariance between blocks, over the sum of their signals",
    "any block is heard",
)

# What each loss's backward pass and step do.

_PER_FEATURE = "loss per feature unit"
_PER_WEIGHT = "loss per weight unit"
_PER_UPDATE = "ratio per update"
_DIRECTED = "its window holds two gradients, not both 0"
_SHARED = f"{_OBSERVED}; the gradient is not 0"
_WEIGHED = "the weights are not all 0"
_ALL_LOSSES = (*LOSSES, JOINT_LOSS)
_READ = "a linear layer reads the fused features"
_observed = kind_of(Family.GRADIENT, _ALL_LOSSES, None, _OBSERVED)
_layer = kind_of(Family.GRADIENT, LOSSES, None, _READ)
_encoder = kind_of(
    Family.GRADIENT,
    _ALL_LOSSES,
    None,
    "this loss's optimiser holds parameters of the block's encoder",
)
FUSION_GRADIENT = _observed("fusion_gradient", _PER_FEATURE, "gradient at the fusion")
FUSION_GRADIENT_PER_UNIT = _observed(
    "fusion_gradient_per_unit", _PER_FEATURE, "gradient per feature"
)
FUSION_GRADIENT_SHARE = _observed(
    "fusion_gradient_share", "share", "share of that gradient", _SHARED
)
SIGNAL_GRADIENT = _observed("signal_gradient", "loss units", "signal gradient")
SIGNAL_GRADIENT_SHARE = _observed(
    "signal_gradient_share", "share", "share of the signal gradient", _SHARED
)
WEIGHT_GRADIENT = _layer("weight_gradient", _PER_WEIGHT, "weight gradient")
WEIGHT_GRADIENT_SHARE = _layer(
    "weight_gradient_share", "share", "share of the weight gradient", _SHARED
)
UPDATE_RATIO = _layer("update_ratio", _PER_UPDATE, "step over weights", _WEIGHED)
UPDATE_EFFECT = _layer("update_effect", "pre-activation units", "change of voice")
DIRECTION_CONSISTENCY = _layer(
    "direction_consistency", "share", "steadiness of the weight gradient", _DIRECTED
)
DIRECTION_WINDOW = kind_of(Family.GRADIENT, LOSSES)(
    "direction_window", "updates", "gradients in the window"
)
_direction = kind_of(Family.GRADIENT, LOSSES, (), f"{_READ}; neither is 0")
OWN_GRADIENT = _direction(
    "own_gradient", "cosine", "between what the optimiser is given and what the loss sends"
)
DOWNHILL = _direction("downhill", "cosine", "between the step and the way down")
MOMENTS_KEPT = kind_of(Family.GRADIENT, _ALL_LOSSES)(
    "moments_kept",
    "share",
    "steps that the optimiser remembers, of those it could",
    "the optimiser is Adam or a kin of it, and counts its steps",
)
BFLOAT16_FRACTION = kind_of(Family.GRADIENT, LOSSES, (), _READ)(
    "bfloat16_fraction", "share", "first-layer weights that bfloat16 holds exactly"
)
ENCODER_GRADIENT = _encoder("encoder_gradient", _PER_WEIGHT, "gradient at the encoder")
ENCODER_UPDATE_RATIO = _encoder("encoder_update_ratio", _PER_UPDATE, "step over weights, encoder")
ENCODER_DIRECTION_CONSISTENCY = _encoder(
    "encoder_direction_consistency", "share", "steadiness of the encoder's gradient"
)
ENCODER_COSINE = kind_of(Family.GRADIENT, ("encoder",))(
    "cosine",
    "cosine",
    "between the losses' gradients at the encoder",
    "actor and critic share an encoder that both losses reach",
)

# What Q and the action make of the goal: on the probe set, and on a replay batch.

_UNMIXED = "no extractor mixes the desired goal with another key"
_RANGES = "action ranges"
_DESIRED = ("desired_goal",)
_q_block = kind_of(Family.SENSITIVITY, (CRITIC,), None, "Q varies")
_q_desired = kind_of(Family.SENSITIVITY, (CRITIC,), _DESIRED, f"{_UNMIXED}; Q varies")
_q_goal = kind_of(Family.SENSITIVITY, (CRITIC,), (GOAL,), _UNMIXED)
Q_GOAL_GRADIENT = _q_desired(
    "q_goal_gradient", "std of Q per std of goal", "slope of Q in the goal", "Q depends on the goal"
)
Q_GOAL_SWAP = _q_desired("q_goal_swap", "std of Q", "change of Q when the goal is exchanged")
Q_SWAP = _q_block("q_swap", "std of Q", "change of Q when the block is exchanged")
ACTION_GOAL_SWAP = kind_of(Family.SENSITIVITY, (ACTOR,), _DESIRED, _UNMIXED)(
    "action_goal_swap", _RANGES, "change of the action when the goal is exchanged"
)
ACTION_SWAP = kind_of(Family.SENSITIVITY, (ACTOR,), None)(
    "action_swap", _RANGES, "change of the action when the block is exchanged"
)
Q_GOAL_DISTANCE = _q_goal(
    "q_goal_distance",
    "correlation",
    "rank correlation with closeness",
    f"{_UNMIXED}; Q varies over goals",
)
Q_AT_DISTANCE = _q_goal(
    "q_at_distance_{bin}", "return", "mean Q in a bin of distances", f"{_UNMIXED}; not empty"
)
LARGEST_DISTANCE = _q_goal("largest_distance", "goal units", "largest distance on the grid")
Q_REACH_CONTRAST = _q_goal("q_reach_contrast", "return", "Q at the goal minus at the farthest")

_replay = kind_of(
    Family.SENSITIVITY_REPLAY,
    (CRITIC,),
    ("real", "relabelled"),
    "there is a target critic, and the batch holds that kind of transition",
)
REPLAY_Q = _replay("q", "return", "mean Q")
REPLAY_TD_ERROR = _replay("td_error", "return", "RMS TD error")
REPLAY_REWARD = _replay("reward", "reward", "mean reward")

# What replay shows, and how training stands.

OBSERVATION_SPREAD = kind_of(Family.OBSERVATION, ("replay",), None)(
    "spread", "observation units", "spread between observations; images in 0..1"
)

_EPISODE = "an episode has ended since the last line"
_HINDSIGHT = "the replay buffer relabels, as SB3's HerReplayBuffer"
_critic = kind_of(Family.TRAINING, (CRITIC,), (), "there is a target critic")
_entropy = kind_of(Family.TRAINING, ("entropy",))
_rollout = kind_of(Family.TRAINING, ("rollout",), (), _EPISODE)
_relabelled = kind_of(Family.TRAINING, ("relabelled",), (), _HINDSIGHT)
LOSS = kind_of(Family.TRAINING, (CRITIC, ACTOR, "entropy"))(
    "loss", "loss units", "loss", "SB3 has logged it: of the entropy only where alpha is learnt"
)
ENTROPY_COEFFICIENT = _entropy(
    "coefficient", "return per nat", "entropy coefficient", "values hold a bonus for entropy"
)
UPDATES_PER_STEP = kind_of(Family.TRAINING, ("",))(
    "updates_per_step", "updates per step", "updates over environment transitions"
)
ROLLOUT_EPISODES = _rollout("episodes", "count", "training episodes ended", "")
ROLLOUT_SUCCESS_RATE = _rollout(
    "success_rate", "share", "success in training", f"{_EPISODE} and tells of success"
)
ROLLOUT_RETURN = _rollout("return", "reward", "return in training")
TARGET_SPREAD = _critic("target_spread", "return", "spread of the TD targets")
Q_SPREAD = _critic("q_spread", "return", "spread of Q")
UNMOVED_FRACTION = _relabelled("unmoved_fraction", "share", "relabelled in episodes without moves")
REWARD_MISMATCH = _relabelled(
    "reward_mismatch",
    "share",
    "rewards of other goals",
    f"{_HINDSIGHT}; rewards are not normalised",
)

_evaluation = kind_of(
    Family.EVALUATION,
    ("policy",),
    (),
    "the run is evaluated: by goalscope train, or SB3's EvalCallback",
)
SUCCESS_RATE = _evaluation("success_rate", "share", "success")
SUCCESS_LOW = _evaluation("success_low", "share", "lower end of its 95 % interval")
SUCCESS_HIGH = _evaluation("success_high", "share", "upper end of its 95 % interval")
EVALUATION_EPISODES = _evaluation("episodes", "count", "episodes of an evaluation")
FINAL_DISTANCE = _evaluation("final_distance_{unit}", "{unit}", "median final distance")
FINAL_DISTANCE_MEAN = _evaluation("final_distance_mean_{unit}", "{unit}", "mean final distance")
EVALUATION_RETURN = _evaluation("return", "reward", "mean return of an evaluation")

# What probes find of a saved agent.

_q_held = kind_of(Family.ATTRIBUTION, (CRITIC,), None)
SHAPLEY_SHARE = kind_of(Family.ATTRIBUTION, (CRITIC, ACTOR), None)(
    "shapley_share", "share", "Shapley share", "the network has at most eight blocks"
)
INTEGRATED_GRADIENT_SHARE = _q_held(
    "integrated_gradient_share", "share", "integrated-gradient share", _OBSERVED
)
Q_ABLATION = _q_held("q_ablation", "std of Q", "change of Q when the block is held")
ACTION_ABLATION = kind_of(Family.ATTRIBUTION, (ACTOR,), None)(
    "action_ablation", _RANGES, "change of the action when the block is held"
)

_q_map = kind_of(Family.GOAL_MAP, (CRITIC,), (GOAL,), _UNMIXED)
FRONT = _q_map("front", "goal units", "front of the value")
FRONT_CONTRAST = _q_map("front_contrast", "return", "fall of Q over distance")
FRONT_FIT = _q_map("front_fit", "share", "share of Q's variance that distance explains")
ACTION_ALIGNMENT = kind_of(Family.GOAL_MAP, (ACTOR,), (GOAL,), _UNMIXED)(
    "action_alignment", "cosine", "alignment of actions with the goal"
)

_ERROR, _SPEED_ERROR = "RMS error of the position", "RMS error of the velocity"
_content = kind_of(
    Family.CONTENT,
    (CRITIC, ACTOR),
    None,
    "the block depends on images alone, and the environment tells the target",
)
FRESH_CONTENT_R2 = _content("fresh_{target}_r2", "R^2", "R^2, from a fresh encoder")
FRESH_CONTENT_ERROR = _content("fresh_{target}_{unit}", "{unit}", _ERROR)
FRESH_CONTENT_SPEED_ERROR = _content("fresh_{target}_{unit}_per_s", "{unit}/s", _SPEED_ERROR)
RAW_CONTENT_R2 = _content("raw_{target}_r2", "R^2", "R^2, from raw pixels")
RAW_CONTENT_ERROR = _content("raw_{target}_{unit}", "{unit}", _ERROR)
RAW_CONTENT_SPEED_ERROR = _content("raw_{target}_{unit}_per_s", "{unit}/s", _SPEED_ERROR)
CONTENT_R2 = _content("{target}_r2", "R^2", "R^2, from the image features")
CONTENT_ERROR = _content("{target}_{unit}", "{unit}", _ERROR)
CONTENT_SPEED_ERROR = _content("{target}_{unit}_per_s", "{unit}/s", _SPEED_ERROR)

_prediction = kind_of(Family.PREDICTION, (CRITIC,), ("features",))
NEXT_GOAL_R2 = _prediction("next_goal_r2", "R^2", "R^2 of the next achieved goal")
NEXT_GOAL_WITH_R2 = _prediction(
    "next_goal_with_{extra}_r2",
    "R^2",
    "the same with something beside features and action",
    "the previous features, or what the environment tells but does not show",
)

_AUGMENTED = "the block depends on images alone; under the augmentation trained with"
_noise = kind_of(Family.AUGMENTATION, (CRITIC, ACTOR), None)
_camera = kind_of(Family.AUGMENTATION, ("camera",), (), "where the camera stands is known")
AUGMENTATION_NOISE = _noise(
    "augmentation_over_signal", "ratio", "spread by augmentation over that of images", _AUGMENTED
)
WOULD_BE_AUGMENTATION_NOISE = _noise(
    "would_be_augmentation_over_signal",
    "ratio",
    "the same of an augmentation that is not trained with",
    "the block depends on images alone; trained without augmentation",
)
PIXEL_SPAN = _camera("{unit}_per_pixel", "{unit}", "what a pixel spans")
SHIFT = _camera("shift_{unit}", "{unit}", "how far augmentation shifts the scene")

# What episodes of a saved agent come to with an input withheld, and what its value expects of them.

WITHHELD = ("shuffled", "blanked", "delayed")  # ways in which an input is
_TOLD = "every episode tells of success"
_untouched = kind_of(Family.ABLATION, ("policy",))
_withheld = kind_of(Family.ABLATION, ("policy",), None)
_expected = kind_of(
    Family.ABLATION, (CRITIC,), (), "episodes end by themselves or by TimeLimit; a discount below 1"
)
UNTOUCHED_EPISODES = _untouched("episodes", "count", "episodes of each kind")
UNTOUCHED_RETURN = _untouched("return", "reward", "mean return, nothing withheld")
UNTOUCHED_SUCCESS = _untouched("success_{end}", "share", "success, nothing withheld", _TOLD)
ABLATED_SUCCESS = _withheld("{way}_success_{end}", "share", "success, the input withheld", _TOLD)
ABLATED_RETURN_LOSS = _withheld(
    "{way}_return_loss_{end}", "reward", "loss of return, the input withheld"
)
VALUE_BIAS = _expected("bias_{end}", "return", "Q minus the discounted return that followed")
FOLLOWING_RETURN = _expected("discounted_return", "return", "discounted return that followed")

_NAMED = (*globals().values(), *vars(transition_metrics).values())
_TABLE = [value for value in _NAMED if isinstance(value, Metric)]
METRICS: tuple[Metric, ...] = (
    *_TABLE,
    *(m.within(Family.SENSITIVITY_REPLAY) for m in _TABLE if m.family is Family.SENSITIVITY),
)


@cache
def metric_of(key: str) -> Metric | None:
    """Return the metric that a record key belongs to; None for what goalscope does not write."""
    return next((metric for metric in METRICS if metric.match(key) is not None), None)
