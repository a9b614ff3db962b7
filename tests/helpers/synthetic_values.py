"""Made-up but realistic numbers of a run, as `Synthetic` describes it."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binomtest

from goalscope.diagnostics.record.keys import Family, before_normalisation
from goalscope.diagnostics.record.metrics import (
    ACTION_GOAL_SWAP,
    ACTION_SWAP,
    DEAD_UNITS,
    DIMENSION_SHARE,
    DIRECTION_CONSISTENCY,
    DIRECTION_WINDOW,
    EFFECTIVE_RANK,
    ENCODER_DIRECTION_CONSISTENCY,
    ENCODER_GRADIENT,
    ENCODER_UPDATE_RATIO,
    ENTROPY_COEFFICIENT,
    EVALUATION_EPISODES,
    FEATURE_NORM,
    FEATURE_SPREAD,
    FINAL_DISTANCE,
    FINAL_DISTANCE_MEAN,
    FUSION_GRADIENT,
    FUSION_GRADIENT_PER_UNIT,
    FUSION_GRADIENT_SHARE,
    LARGEST_DISTANCE,
    LOSS,
    MAX_ABS,
    NONFINITE,
    Q_AT_DISTANCE,
    Q_GOAL_DISTANCE,
    Q_GOAL_GRADIENT,
    Q_GOAL_SWAP,
    Q_REACH_CONTRAST,
    Q_SPREAD,
    Q_SWAP,
    REPLAY_Q,
    REPLAY_REWARD,
    REPLAY_TD_ERROR,
    ROLLOUT_EPISODES,
    ROLLOUT_RETURN,
    ROLLOUT_SUCCESS_RATE,
    SATURATED_FRACTION,
    SIGNAL,
    SIGNAL_GRADIENT,
    SIGNAL_GRADIENT_SHARE,
    SIGNAL_RESIDUAL,
    SIGNAL_SHARE,
    SPREAD_SHARE,
    SUCCESS_HIGH,
    SUCCESS_LOW,
    SUCCESS_RATE,
    TARGET_SPREAD,
    UNMOVED_FRACTION,
    UPDATE_EFFECT,
    UPDATE_RATIO,
    UPDATES_PER_STEP,
    WEIGHT_GRADIENT,
    WEIGHT_GRADIENT_SHARE,
    ZERO_FRACTION,
)

if TYPE_CHECKING:
    from helpers.synthetic_runs import Synthetic


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def values_at(
    kind: "Synthetic", update: int, offset: float, generator: np.random.Generator
) -> list[dict[str, float]]:
    """Return what is measured at an update: the values of one line each."""
    progress = math.log1p(update) / math.log1p(max(kind.updates, 1))

    def share(shift: float = 0.0) -> float:
        middle = (1 - progress) * _logit(kind.goal_share) + progress * _logit(kind.late_share)
        return _expit(middle + offset + shift + generator.normal(0, 0.05))

    lines = [_features(kind, share, progress, generator), _training(kind, update, progress)]
    if update:
        lines.append(_gradients(kind, update, share, generator))
    if update <= 10 or update % 250 == 0 or update in (20, 40, 80, 160, kind.updates):
        for family in kind.sensitivity:
            lines.append(_sensitivity(kind, family, progress, offset, generator))
    return lines


def _features(kind: "Synthetic", share: Any, progress: float, generator: Any) -> dict[str, float]:
    values: dict[str, float] = {}
    dims = {"pixels": kind.cnn_dim, "achieved_goal": 3, "desired_goal": 3, "goal": 6}
    total = kind.cnn_dim + 6
    for network, shift in (("critic", 0.0), ("actor", -0.3), ("critic_target", 0.02)):
        goal = share(shift)
        parts = {"pixels": 1 - goal, "achieved_goal": 0.45 * goal, "desired_goal": 0.55 * goal}
        for block, width in dims.items():
            pixels = block == "pixels"
            norm = (4.9 if kind.normalised else 0.9 + 6 * progress) if pixels else 1.6
            names = {
                FEATURE_NORM: norm * (1 if width < 6 or pixels else 1.41),
                FEATURE_SPREAD: (0.3 if kind.normalised else 0.006 + 0.2 * progress)
                if pixels
                else 0.09,
                ZERO_FRACTION: 0.0 if kind.normalised or not pixels else 0.49,
                DEAD_UNITS: 0.42 * (1 - progress) if pixels and not kind.normalised else 0.0,
                EFFECTIVE_RANK: 21.0 + 9 * progress if pixels else width * 0.9,
                MAX_ABS: 0.98 if kind.normalised and pixels else 1.5,
                NONFINITE: 0.0,
                SPREAD_SHARE: parts.get(block, goal),
                DIMENSION_SHARE: width / total,
            }
            if pixels and kind.normalised:
                names[SATURATED_FRACTION] = 0.02 + 0.05 * progress
            values |= {metric.key(network, block): v for metric, v in names.items()}
            values[SIGNAL.key(network, block)] = parts.get(block, goal) * 0.4
            values[SIGNAL_SHARE.key(network, block)] = parts.get(block, goal)
        if kind.normalised:
            raw = {
                FEATURE_NORM: 0.9 + 2 * progress,
                FEATURE_SPREAD: 0.006 + 0.1 * progress,
                ZERO_FRACTION: 0.62,
                DEAD_UNITS: 0.42 * (1 - progress),
                EFFECTIVE_RANK: 21.0 + 9 * progress,
                MAX_ABS: 1.5,
                NONFINITE: 0.0,
            }
            before = before_normalisation("pixels")
            values |= {metric.key(network, before): v for metric, v in raw.items()}
        if network != "actor":
            values[SIGNAL.key(network, "action")] = 1.1
        values[SIGNAL_RESIDUAL.key(network)] = float(generator.normal(0, 0.02))
    return values


def _gradients(kind: "Synthetic", update: int, share: Any, generator: Any) -> dict[str, float]:
    values: dict[str, float] = {}
    rate = 1.0 if not kind.normalised else 1 / 3
    widths = {"pixels": kind.cnn_dim, "achieved_goal": 3, "desired_goal": 3, "goal": 6, "action": 4}
    for loss, size in (("critic_loss", 1.0), ("actor_loss", 0.1)):
        signal, plain = share(-0.2), share(0.4)
        dimension = 6 / (kind.cnn_dim + 6)
        for block, width in widths.items():
            if block == "action" and loss == "actor_loss":
                continue
            part = {"pixels": 1.0, "achieved_goal": 0.45, "desired_goal": 0.55, "goal": 1.0}
            ratio = part.get(block, 1.0)
            signal_share = (1 - signal) if block == "pixels" else ratio * signal
            plain_share = (1 - plain) if block == "pixels" else ratio * plain
            fusion_share = (1 - dimension) if block == "pixels" else ratio * dimension
            names = {
                WEIGHT_GRADIENT: size * math.sqrt(plain_share),
                UPDATE_RATIO: rate * 0.004 / math.sqrt(1 + update),
                UPDATE_EFFECT: rate * 0.01 * signal_share / math.sqrt(1 + update),
            }
            if update > 1:
                names[DIRECTION_CONSISTENCY] = 0.15 + (0.3 if block != "pixels" else 0.0)
            if block != "action":
                names |= {
                    FUSION_GRADIENT: size * math.sqrt(width) * 0.08,
                    FUSION_GRADIENT_PER_UNIT: size * 0.08 * float(np.exp(generator.normal(0, 0.1))),
                    FUSION_GRADIENT_SHARE: fusion_share,
                    SIGNAL_GRADIENT: size * 0.02 * signal_share,
                    SIGNAL_GRADIENT_SHARE: signal_share,
                    WEIGHT_GRADIENT_SHARE: plain_share,
                }
            values |= {metric.key(loss, block): v for metric, v in names.items()}
        values[ENCODER_GRADIENT.key(loss, "pixels")] = size * 0.6
        values[ENCODER_UPDATE_RATIO.key(loss, "pixels")] = rate * 0.002 / math.sqrt(1 + update)
        if update > 1:
            values[ENCODER_DIRECTION_CONSISTENCY.key(loss, "pixels")] = 0.2
        values[DIRECTION_WINDOW.key(loss)] = float(min(update, 10))
    return values


def _sensitivity(
    kind: "Synthetic", family: Family, progress: float, offset: float, generator: Any
) -> dict[str, float]:
    swap = kind.q_goal_swap * math.exp(0.5 * (1 - progress) + offset + generator.normal(0, 0.05))
    slope = 0.05 + 0.5 * kind.q_goal_swap * progress
    values = {
        Q_GOAL_SWAP.within(family).key(): swap,
        Q_GOAL_GRADIENT.within(family).key(): 0.8 * swap,
        Q_SWAP.within(family).key(block="goal"): 1.2 * swap,
        Q_SWAP.within(family).key(block="pixels"): 0.6,
        Q_SWAP.within(family).key(block="achieved_goal"): 0.7 * swap,
        Q_SWAP.within(family).key(block="action"): 0.5,
        Q_GOAL_DISTANCE.within(family).key(): slope + 0.2 * offset + generator.normal(0, 0.02),
        Q_REACH_CONTRAST.within(family).key(): 0.5 * slope,
        LARGEST_DISTANCE.within(family).key(): 0.42,
        ACTION_GOAL_SWAP.within(family).key(): 0.01 + 0.1 * progress * swap,
        ACTION_SWAP.within(family).key(block="pixels"): 0.02,
        ACTION_SWAP.within(family).key(block="achieved_goal"): 0.02,
        ACTION_SWAP.within(family).key(block="goal"): 0.03,
    }
    for number in range(1, 9):
        values[Q_AT_DISTANCE.within(family).key(bin=number)] = -progress * (1 + slope * number / 4)
    if family is Family.SENSITIVITY_REPLAY:
        for kind_of, reward in (("real", -0.97), ("relabelled", -0.7)):
            values[REPLAY_Q.key(block=kind_of)] = -2.0 * progress
            values[REPLAY_TD_ERROR.key(block=kind_of)] = 0.5 + 0.2 * progress
            values[REPLAY_REWARD.key(block=kind_of)] = reward
    return values


def _training(kind: "Synthetic", update: int, progress: float) -> dict[str, float]:
    values = {ENTROPY_COEFFICIENT.key(): 1 - 0.1 * progress, ROLLOUT_EPISODES.key(): 1.0}
    if update:
        values |= {
            LOSS.key("critic"): 1.5 * (1 - 0.8 * progress),
            LOSS.key("actor"): -2 + progress,
            UPDATES_PER_STEP.key(): update / (kind.start + update * kind.steps_per_update),
            TARGET_SPREAD.key(): 0.3 + 0.2 * progress,
            Q_SPREAD.key(): 0.02 + 0.3 * progress,
            UNMOVED_FRACTION.key(): 0.8,
        }
        if update >= 50:
            values |= {ROLLOUT_SUCCESS_RATE.key(): 0.05, ROLLOUT_RETURN.key(): -48.0}
    return values


def evaluation_updates(kind: "Synthetic") -> list[int]:
    """Return the updates of the evaluations; the first is at step 0."""
    return [round(u) for u in np.linspace(0, kind.updates, len(kind.success))]


def evaluations(kind: "Synthetic", generator: Any) -> list[dict[str, float]]:
    """Return what each evaluation found."""
    found = []
    for rate in kind.success:
        successes = int(generator.binomial(kind.episodes, rate))
        interval = binomtest(successes, kind.episodes).proportion_ci(0.95, method="wilson")
        values = {
            SUCCESS_RATE.key(): successes / kind.episodes,
            SUCCESS_LOW.key(): interval.low,
            SUCCESS_HIGH.key(): interval.high,
            EVALUATION_EPISODES.key(): kind.episodes,
            FINAL_DISTANCE.key(unit="cm"): 16 * (1 - rate) + generator.normal(0, 0.5),
            FINAL_DISTANCE_MEAN.key(unit="cm"): 17 * (1 - rate),
        }
        found.append({key: float(value) for key, value in values.items()})
    return found
