"""Checks of how loud each input is where they meet, before training."""

from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import IMAGE, signal_over_action
from goalscope.reports.statistics.scales import Scale

FUSION_CHECKS: tuple[Check, ...] = (
    Check(
        "image_block_loud",
        "fusion",
        "signal of {block} over the action's, before training",
        "ratio",
        Scale.LOG,
        signal_over_action(IMAGE),
        "above",
        0.45,  # between 0.26, seen behind LayerNorm, and 0.73 of features fifty times too large
        "0.0003 to 0.26",
        "The features of {block} are far louder than a fresh encoder's before training has begun.",
        "Goal and action are heard that much less beside them.",
        "Bring the image features to the scale of the other inputs.",
        "Look for a gain on the features, or images that are not divided by 255.",
        arms=("layernorm",),
        needs=(Need.ENCODER, Need.FRESH_ENCODER),
        times=("initialisation",),
        patient=False,
        explains=("critic_ignores_goal", "actor_ignores_goal"),
    ),
    Check(
        "goal_inputs_tiny",
        "fusion",
        "signal of the goal over the action's, before training",
        "ratio",
        Scale.LOG,
        signal_over_action("goal"),
        "below",
        7e-3,  # planted: 0.0006 to 0.0033; goals in metres as they come: from 0.0075
        "1.3 to 8 for standardised goals, 0.007 to 0.05 for goals in metres",
        "The goal reaches the networks far too small.",
        "Its weights would have to grow a hundredfold before it is heard.",
        "Standardise the goal vectors: subtract their mean, divide by their spread.",
        "Look for a scale on the goals between the environment and the first layer.",
        arms=("goal-std",),
        needs=(Need.GOALS,),
        times=("initialisation",),
        patient=False,
        explains=("goal_path_quiet", "critic_ignores_goal", "actor_ignores_goal"),
    ),
)
