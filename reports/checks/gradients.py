"""Checks of what reaches the weights: gradients, and the steps that follow them."""

from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.step_readings import (
    SMALLEST_GRADIENT,
    encoder_gradient,
    encoder_step,
    largest_weight_gradient,
)
from goalscope.reports.statistics.scales import Scale

_BOTH = ("critic", "actor")

GRADIENT_CHECKS: tuple[Check, ...] = (
    Check(
        "no_gradient",
        "gradient",
        "largest gradient of the {network}'s first layers over the blocks",
        "loss per weight unit",
        Scale.LOG,
        largest_weight_gradient,
        "below",
        SMALLEST_GRADIENT,
        "0.0001 to 10",
        "No gradient of its own loss reaches the {network}'s first layers.",
        "The {network} learns nothing, and shares of its gradient do not exist.",
        "Look at what follows the first layers: a saturated Tanh, dead ReLUs, a detached output.",
        "Print the {network}'s loss, and the outputs of its last layer before any Tanh.",
        networks=_BOTH,
        explains=("encoder_without_gradient", "encoder_not_moving"),
    ),
    Check(
        "encoder_without_gradient",
        "encoder",
        "gradient that its encoder gets from its own loss",
        "loss per weight",
        Scale.LOG,
        encoder_gradient,
        "below",
        1e-7,
        "0.0005 to 30",
        "No gradient reaches the {network}'s encoder.",
        "Its features stay what chance made them.",
        "Remove the detach or no_grad between the encoder and the {network}'s loss.",
        "Look at the routing table: which losses reach the encoder?",
        networks=_BOTH,
        needs=(Need.ENCODER,),
        explains=("encoder_not_moving", "trained_reads_worse", "content_missing"),
    ),
    Check(
        "encoder_not_moving",
        "encoder",
        "step of its encoder over the encoder's weights",
        "ratio",
        Scale.LOG,
        encoder_step,
        "below",
        1e-7,
        "0.0001 to 0.01 an update",
        "No optimiser moves the {network}'s encoder.",
        "Its features stay what chance made them.",
        "Make the optimiser after the encoder, from the parameters that are really used.",
        "Look at the routing table: which optimiser holds the encoder?",
        networks=_BOTH,
        needs=(Need.ENCODER,),
        explains=("trained_reads_worse", "content_missing"),
    ),
)
