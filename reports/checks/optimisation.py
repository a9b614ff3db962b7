"""Checks of the optimisers: whether numbers break, how large steps are, and where they lead."""

from goalscope.diagnostics.record.metrics import OWN_GRADIENT
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.readings import measured
from goalscope.reports.checks.step_readings import (
    broken_numbers,
    largest_step,
    least_travel,
    steepest_climb,
)
from goalscope.reports.statistics.scales import Scale

_BOTH = ("critic", "actor")

# What follows from steps that lead nowhere.
_RUINED = (
    "actions_shuffled",
    "observations_stand_still",
    "goals_in_another_frame",
    "goals_hardly_reached",
    "normalisation_stale",
    "critic_constant",
    "entropy_above_rewards",
    "q_beyond_rewards",
    "dead_units",
    "constant_features",
    "saturated",
    "goal_unheard",
    "actor_saturated",
    "no_gradient",
    "encoder_without_gradient",
    "encoder_not_moving",
)

OPTIMISATION_CHECKS: tuple[Check, ...] = (
    Check(
        "gradients_left_over",
        "training",
        "cosine between the gradient that the {network}'s optimiser is given and its loss's own",
        "cosine",
        Scale.PLAIN,
        measured(OWN_GRADIENT),
        "below",
        0.5,  # scaled or clipped as a whole it is 1; a term that weighs as much leaves 0.7
        "1",
        "The {network}'s optimiser is given other gradients than its loss sends.",
        "Steps follow other losses, or updates long ago, and lead away from what is to be learnt.",
        "Set gradients to zero before each backward pass, and add nothing to them after it.",
        "Print the gradient's norm before each backward pass: it must be 0.",
        networks=_BOTH,
        explains=("steps_uphill", "steps_too_large", "nan", *_RUINED),
    ),
    Check(
        "steps_uphill",
        "training",
        "cosine between the {network}'s steps and the way down, the least kept up so far",
        "cosine",
        Scale.PLAIN,
        steepest_climb,
        "below",
        -0.1,  # midway between -0.2, of an optimiser that maximises, and 0.01, the least of others
        "0.1 to 0.6",
        "The {network}'s steps lead up its loss.",
        "It learns to do as badly as it can, and whatever learns from it follows.",
        "Give the loss its sign once: minimise minus Q; leave the optimiser's maximize off.",
        "Print the loss of one batch before and after a step on it.",
        networks=_BOTH,
        explains=("steps_too_large", "nan", *_RUINED),
    ),
    Check(
        "steps_too_large",
        "training",
        "largest step so far of the {network}'s first layers over their weights",
        "ratio",
        Scale.LOG,
        largest_step,
        "above",
        0.06,  # midway, as ratios go, between 0.014 of a rate of 0.001 and 0.28 of one of 0.03
        "0.005 to 0.014 an update, at first",
        "Steps are far too large for the weights: the {network} jumps, and does not learn.",
        "Tanh and ReLU are driven to their ends, and what was learnt is overwritten at once.",
        "Lower the learning rate to 0.0003.",
        "Train the same with a tenth of the learning rate.",
        networks=_BOTH,
        explains=("nan", *_RUINED),
    ),
    Check(
        "nan",
        "numbers",
        "gradients, features and losses that hold NaN or infinity",
        "metrics",
        Scale.PLAIN,
        broken_numbers,
        "above",
        0.5,
        "none",
        "Numbers broke: NaN or infinity in gradients, features or losses.",
        "Every weight that such a gradient reaches is lost; nothing can be learnt from then on.",
        "Go back to the last checkpoint before it; lower the learning rate or clip gradients.",
        "torch.autograd.set_detect_anomaly(True) names the operation that made the first NaN.",
        patient=False,
        explains=("critic_constant", "q_beyond_rewards", "encoder_without_gradient"),
    ),
    Check(
        "weights_overwritten",
        "training",
        "how far its weights came in ten updates or more, in steps of the last size",
        "steps",
        Scale.LOG,
        least_travel,
        "below",
        2.0,  # weights that are put back are one step, or two, from where they were
        "10 to 40",
        "Steps are taken and lead nowhere: weights of the {network} are put back.",
        "What it learns is lost with each update.",
        "Load pretrained weights once, before training; look for a reset or a copy in a callback.",
        "Print the norm of weights minus first weights after 100 updates: it must grow.",
        networks=_BOTH,
        explains=("trained_reads_worse", "content_missing", "rank_collapsed"),
    ),
)
