"""Numbers of a healthy run, and what makes each check speak."""

from dataclasses import replace

import pandas as pd

from goalscope.diagnostics.record.metrics import (
    ACTION_SWAP,
    AUGMENTATION_NOISE,
    CONTENT_ERROR,
    CONTENT_R2,
    EFFECTIVE_RANK,
    ENCODER_GRADIENT,
    ENCODER_UPDATE_RATIO,
    ENTROPY_COEFFICIENT,
    FEATURE_SPREAD,
    NEXT_GOAL_R2,
    NEXT_GOAL_WITH_R2,
    OBSERVATION_SPREAD,
    Q_SPREAD,
    Q_SWAP,
    RAW_CONTENT_R2,
    REWARD_MISMATCH,
    SATURATED_FRACTION,
    SHIFT,
    SIGNAL,
    UNMOVED_FRACTION,
    UPDATES_PER_STEP,
    ZERO_FRACTION,
)
from goalscope.reports.numbers.runs import Run

UPDATES = (0, 1, 50, 300, 550, 600)


HEALTHY = {
    OBSERVATION_SPREAD.key(block="pixels"): 0.04,
    OBSERVATION_SPREAD.key(block="desired_goal"): 0.1,
    REWARD_MISMATCH.key(): 0.0,
    CONTENT_ERROR.key("critic", "pixels", target="object", unit="cm"): 2.0,
    CONTENT_R2.key("critic", "pixels", target="object"): 0.9,
    RAW_CONTENT_R2.key("critic", "pixels", target="desired_goal"): 0.0,
    NEXT_GOAL_R2.key(): 0.9,
    NEXT_GOAL_WITH_R2.key(extra="previous"): 0.91,
    NEXT_GOAL_WITH_R2.key(extra="proprioception"): 0.91,
    Q_SPREAD.key(): 0.5,
    ACTION_SWAP.key(block="pixels"): 0.1,
    UNMOVED_FRACTION.key(): 0.5,
    SIGNAL.key("critic", "pixels"): 0.1,
}


PLANTED = {
    "constant_images": {OBSERVATION_SPREAD.key(block="pixels"): 0.0},
    "constant_goal": {OBSERVATION_SPREAD.key(block="desired_goal"): 0.0},
    "reward_mismatch": {REWARD_MISMATCH.key(): 0.5},
    "augmentation_far": {
        AUGMENTATION_NOISE.key("critic", "pixels"): 0.5,
        SHIFT.key(unit="cm"): 80.0,
    },
    "augmentation_above_signal": {AUGMENTATION_NOISE.key("critic", "pixels"): 2.0},
    "critic_constant": {Q_SPREAD.key(): 0.0},
    "dead_units": {ZERO_FRACTION.key("critic", "pixels"): 1.0},
    "constant_features": {FEATURE_SPREAD.key("critic", "pixels"): 0.0},
    "saturated": {SATURATED_FRACTION.key("critic", "pixels"): 0.9},
    "encoder_without_gradient": {ENCODER_GRADIENT.key("critic_loss", "pixels"): 0.0},
    "encoder_not_moving": {ENCODER_UPDATE_RATIO.key("actor_loss", "pixels"): 0.0},
    "image_block_loud": {SIGNAL.key("critic", "pixels"): 40.0},
    "goal_path_quiet": {SIGNAL.key("critic", "goal"): 1e-5},
    "content_missing": {CONTENT_ERROR.key("critic", "pixels", target="object", unit="cm"): 9.0},
    "rank_collapsed": {EFFECTIVE_RANK.key("critic", "pixels"): 1.1},
    "object_unmoved": {UNMOVED_FRACTION.key(): 0.99},
    "critic_ignores_pixels": {Q_SWAP.key(block="pixels"): 0.01},
    "actor_ignores_pixels": {ACTION_SWAP.key(block="pixels"): 0.0},
    "velocity_missing": {NEXT_GOAL_R2.key(): 0.5},
    "proprioception_missing": {
        NEXT_GOAL_WITH_R2.key(extra="proprioception"): 1.0,
        NEXT_GOAL_R2.key(): 0.85,
    },
    "goal_in_image": {RAW_CONTENT_R2.key("critic", "pixels", target="desired_goal"): 0.8},
    "entropy_collapsed": {ENTROPY_COEFFICIENT.key(): 1e-5},
    "few_updates": {UPDATES_PER_STEP.key(): 0.125},
}


def with_metrics(run: Run, values: dict[str, float]) -> Run:
    """Return the run with these metrics, each the same at all updates."""
    tables = {
        key: pd.DataFrame({"update": UPDATES, "step": UPDATES, "value": [value] * len(UPDATES)})
        for key, value in values.items()
    }
    return replace(run, metrics={**run.metrics, **tables})
