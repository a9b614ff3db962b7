"""Checks of what the critic and the policy make of it all."""

from goalscope.diagnostics.record.metrics import Q_SPREAD
from goalscope.reports.findings.check import Check
from goalscope.reports.findings.needs import Need
from goalscope.reports.findings.readings import measured, unmeasured_end
from goalscope.reports.findings.transition_metrics import ACTION_SATURATED, Q_EXCESS
from goalscope.reports.statistics.intervals import Scale

LEARNER_CHECKS: tuple[Check, ...] = (
    Check(
        "critic_constant",
        "critic",
        "spread of Q over a replay batch",
        "units of return",
        Scale.LOG,
        measured(Q_SPREAD),
        "below",
        1e-3,
        "0.01 before training, 0.3 to 8 later",
        "Q is the same for every observation and action.",
        "The policy gets no direction from it, and the critic's encoder no gradient.",
        "Look at rewards and terminations first; then at the critic's last layer.",
        "Print Q of ten rows of replay, and the rewards beside them.",
        networks=("critic",),
        explains=(
            "encoder_without_gradient",
            "encoder_not_moving",
            "critic_ignores_pixels",
            "critic_ignores_goal",
            "actor_ignores_pixels",
            "actor_ignores_goal",
        ),
        times=("late",),
    ),
    Check(
        "q_beyond_rewards",
        "critic",
        "mean distance of Q outside what rewards allow, over the width of that range",
        "ratio",
        Scale.LOG,
        measured(Q_EXCESS),
        "above",
        0.1,  # a few hundredths pass while a critic settles; a tenth of the whole range does not
        "0 to 0.05",
        "Q lies beyond anything that the rewards could add up to.",
        "The critic chases its own overestimates, and the policy follows them.",
        "Use the smaller of two critics, lower the learning rate, or slow the target down.",
        "Clip the targets to the possible range: does the run change?",
        networks=("critic",),
        explains=("critic_overestimates", "actor_saturated"),
    ),
    Check(
        "actor_saturated",
        "actor",
        "action components at the ends of their range",
        "share",
        Scale.LOGIT,
        measured(ACTION_SATURATED),
        "above",
        0.95,
        "0 to 90 %",
        "The policy always acts at full throttle: its Tanh is saturated.",
        "Hardly any gradient passes the Tanh, so the policy cannot change its mind.",
        "Scale rewards down, raise the entropy coefficient, or lower the actor's learning rate.",
        "Print the policy's outputs before the Tanh: beyond 3 they are stuck.",
        networks=("actor",),
        explains=("actor_ignores_pixels", "actor_ignores_goal", "entropy_collapsed"),
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
