"""Checks of the policy, of whether anything is learnt, and of whether the end was looked at."""

from goalscope.diagnostics.record.metrics import SATURATED_ACTIONS
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import measured, unmeasured_end
from goalscope.reports.statistics.scales import Scale

ACTOR_CHECKS: tuple[Check, ...] = (
    Check(
        "actor_saturated",
        "actor",
        "action components at the ends of their range",
        "share",
        Scale.LOGIT,
        measured(SATURATED_ACTIONS),
        "above",
        0.95,
        "0 to 90 %",
        "The policy always acts at full throttle: its Tanh is saturated.",
        "Hardly any gradient passes the Tanh, so the policy cannot change its mind.",
        "Scale rewards down, raise the entropy coefficient, or lower the actor's learning rate.",
        "Print the policy's outputs before the Tanh: beyond 3 they are stuck.",
        networks=("actor",),
        explains=(
            "no_gradient",
            "encoder_without_gradient",
            "encoder_not_moving",
            "actions_shuffled",
            "actor_ignores_pixels",
            "actor_ignores_goal",
            "entropy_collapsed",
        ),
    ),
    Check(
        "late_unmeasured",
        "record",
        "part of the run after the last measurement",
        "share",
        Scale.LOGIT,
        unmeasured_end,
        "above",
        0.1,
        "below 5 %",
        "The end of the run was not measured: its cadence is too coarse.",
        "Whatever went wrong late cannot be seen in this record.",
        "Measure at least every twentieth of the run.",
        "Pass a smaller `every` to the callback.",
        needs=(Need.LENGTH,),
        patient=False,
    ),
)
