"""Checks of the vectors that the agent observes: their scales, and what normalises them."""

from goalscope.diagnostics.record.transition_metrics import NORMALISED_OFFSET
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.readings import largest, loudest_vector
from goalscope.reports.checks.replay_readings import normalised_spread
from goalscope.reports.statistics.scales import Scale

VECTOR_CHECKS: tuple[Check, ...] = (
    Check(
        "normalisation_stale",
        "observation",
        "how far most normalised inputs lie from 0, or their spread from 1",
        "standard deviations",
        Scale.LOG,
        largest(NORMALISED_OFFSET),
        "above",
        5.0,  # healthy agents that learn to leave their first states were seen at up to 3.3
        "0.8 to 3",
        "The statistics that normalise the inputs do not fit what is in replay.",
        "Inputs arrive shifted or stretched; tanh and ReLU answer with constants.",
        "Take the statistics from what replay holds now, wherever the inputs are normalised.",
        "Compare the mean and spread they are normalised by with those of a replay batch.",
        spares=True,  # an agent that learns can live with what it is given
        explains=(
            "tolerance_unlike_task",
            "vector_inputs_loud",
            "normalised_unlike_replay",
            "dead_units",
            "saturated",
            "image_block_loud",
        ),
    ),
    Check(
        "vector_inputs_loud",
        "observation",
        "largest signal of a vector over the action's, before training",
        "ratio",
        Scale.LOG,
        loudest_vector,
        "above",
        100.0,  # 60 standardised numbers beside an action of four come to 45
        "0.007 to 8",
        "A vector among the observations reaches the networks far too large.",
        "Its unit drowns the action and every other input in the first layers.",
        "Standardise it: metres and radians, or subtract its mean and divide by its spread.",
        "Print the spread of each vector in a replay batch; look for millimetres or degrees.",
        times=("initialisation",),
        patient=False,
        spares=True,
        explains=(
            "tolerance_unlike_task",
            "actions_shuffled",
            "q_beyond_rewards",
            "saturated",
            "image_block_loud",
            "actor_saturated",
            "goal_unheard",
            "no_gradient",
            "encoder_without_gradient",
            "encoder_not_moving",
            "critic_ignores_pixels",
            "actor_ignores_pixels",
        ),
    ),
    Check(
        "normalised_unlike_replay",
        "observation",
        "how far the spread of what VecNormalize normalises lies from 1 in replay, up or down",
        "ratio",
        Scale.LOG,
        normalised_spread,
        "above",
        2.5,
        "1 to 1.2",
        "What VecNormalize should bring to a spread of 1 has another in replay's batches.",
        "Inputs are cut off or arrive raw: other ones than the networks were made for.",
        "Clip at 5 to 10, and let the replay buffer normalise with the same VecNormalize.",
        "Print the spread of each vector in a sampled batch: it must be near 1.",
        explains=("goal_inputs_tiny", "image_block_loud", "saturated"),
    ),
)
