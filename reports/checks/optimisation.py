"""Checks of the optimisers: whether numbers break, how large steps are, and where they lead."""

from goalscope.reports.checks.check import Check
from goalscope.reports.checks.readings import broken_numbers, largest_step, least_travel
from goalscope.reports.statistics.scales import Scale

_BOTH = ("critic", "actor")

OPTIMISATION_CHECKS: tuple[Check, ...] = (
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
        explains=(
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
        ),
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
