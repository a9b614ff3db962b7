"""Metrics of family `transitions`."""

from goalscope.diagnostics.record.keys import Metric


def _make(owner: str, name: str, unit: str, label: str, blocks=()) -> Metric:  # type: ignore[no-untyped-def]
    return Metric("transitions", name, unit, label, (owner,), blocks)  # type: ignore[arg-type]


UNCHANGED_FRACTION = _make("replay", "unchanged_fraction", "share", "")
TERMINATED_FRACTION = _make("replay", "terminated_fraction", "share", "")
REWARD_MIN = _make("replay", "reward_min", "reward", "")
REWARD_MAX = _make("replay", "reward_max", "reward", "")
REWARD_SPREAD = _make("replay", "reward_spread", "reward", "")
GOAL_OFFSET = _make("replay", "goal_offset", "ratio", "")
RELABELLED_FRACTION = _make("replay", "relabelled_fraction", "share", "")
ACTION_EFFECT_R2 = _make("replay", "action_effect_r2", "R^2", "")
STEP_OVER_SPREAD = _make("replay", "step_over_spread", "ratio", "")
Q_EXCESS = _make("critic", "q_excess", "ratio", "")
Q_BIAS = _make("critic", "q_bias", "ratio", "")
TARGET_MOTION = _make("critic_target", "motion", "ratio", "")
ACTION_SATURATED = _make("actor", "saturated_fraction", "share", "")
ACTION_SPREAD = _make("actor", "action_spread", "", "")
INPUT_MAX = Metric("transitions", "input_max", "", "", ("replay",), None)
NORMALISED_OFFSET = Metric("transitions", "normalised_offset", "", "", ("replay",), None)
