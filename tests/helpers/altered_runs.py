"""Runs of a record with metrics put in their place, for checks that read a few of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from goalscope.reports.numbers.tables import Run

UPDATES = (0, 1, 50, 300, 550, 600)
Values = float | Sequence[tuple[int, float]]  # one for the whole run, or (update, value)

HEALTHY = {
    "observation/replay.pixels.spread": 0.04,
    "observation/replay.desired_goal.spread": 0.1,
    "observation/replay.achieved_goal.spread": 0.09,
    "training/relabelled.reward_mismatch": 0.0,
    "content/critic.pixels.object_cm": 2.0,
    "content/actor.pixels.object_cm": 2.0,
    "content/critic.pixels.object_r2": 0.9,
    "content/actor.pixels.object_r2": 0.9,
    "content/critic.pixels.fresh_object_r2": 0.5,
    "content/actor.pixels.fresh_object_r2": 0.5,
    "content/critic.pixels.raw_desired_goal_r2": 0.0,
    "prediction/critic.features.next_goal_r2": 0.9,
    "prediction/critic.features.next_goal_with_previous_r2": 0.91,
    "prediction/critic.features.next_goal_with_proprioception_r2": 0.91,
    "augmentation/camera.cm_per_pixel": 2.5,
    "training/critic.q_spread": 0.5,
    "sensitivity/actor.pixels.action_swap": 0.1,
    "sensitivity/actor.desired_goal.action_goal_swap": 0.3,
    "sensitivity/critic.desired_goal.q_goal_swap": 1.0,
    "training/relabelled.unmoved_fraction": 0.5,
    "training/updates_per_step": 0.9,
    "signal/critic.pixels.signal": 0.1,
    "signal/critic.goal.signal": 2.0,
    "transitions/replay.unchanged_fraction": 0.0,
    "transitions/replay.terminated_fraction": 0.0,
    "transitions/replay.reward_min": -1.0,
    "transitions/replay.reward_max": 0.0,
    "transitions/replay.reward_spread": 0.4,
    "transitions/replay.goal_offset": 0.5,
    "transitions/replay.relabelled_fraction": 0.8,
    "transitions/replay.action_effect_r2": 0.6,
    "transitions/replay.step_over_spread": 0.1,
    "transitions/critic.q_excess": 0.0,
    "transitions/critic.q_bias": 0.0,
    "transitions/critic_target.motion": 0.5,
    "transitions/actor.saturated_fraction": 0.2,
    "transitions/critic.pixels.input_max": 0.9,
    "transitions/critic.achieved_goal.normalised_offset": 0.5,
}


def with_metrics(run: Run, values: Mapping[str, Values], updates: Sequence[int] = UPDATES) -> Run:
    """Return the run with these metrics beside, or in place of, its own."""
    return replace(
        run, metrics={**run.metrics, **{k: table(v, updates) for k, v in values.items()}}
    )


def table(values: Values, updates: Sequence[int] = UPDATES) -> pd.DataFrame:
    """Return a metric's table."""
    rows = [(u, values) for u in updates] if isinstance(values, int | float) else list(values)
    places, numbers = zip(*rows, strict=True)
    return pd.DataFrame({"update": places, "step": places, "value": list(map(float, numbers))})
