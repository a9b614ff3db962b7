"""Checks of the critic: its target, and what its values can be."""

from goalscope.diagnostics.record.metrics import Q_SPREAD
from goalscope.diagnostics.record.transition_metrics import (
    ENTROPY_OVER_REWARDS,
    Q_EXCESS,
    TARGET_MOTION,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.readings import measured
from goalscope.reports.statistics.scales import Scale

CRITIC_CHECKS: tuple[Check, ...] = (
    Check(
        "target_frozen",
        "target network",
        "what the target network moved, over what the critic moved",
        "ratio",
        Scale.LOG,
        measured(TARGET_MOTION),
        "below",
        1e-6,  # not even single precision's last digit
        "0.005 to 1",
        "The target network never moves.",
        "The critic is trained towards random numbers of the first day, plus one reward.",
        "Let the target follow: tau of 0.005 to 0.05 at every update.",
        "Look at tau and target_update_interval, and at who owns the target's parameters.",
        explains=("critic_ignores_goal", "critic_constant"),
    ),
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
            "goal_unheard",
            "no_gradient",
            "critic_ignores_pixels",
            "critic_ignores_goal",
            "actor_ignores_pixels",
            "actor_ignores_goal",
        ),
        times=("late",),
    ),
    Check(
        "entropy_above_rewards",
        "critic",
        "entropy coefficient over the range of rewards",
        "per nat",
        Scale.LOG,
        measured(ENTROPY_OVER_REWARDS),
        "above",
        3.0,  # SAC starts its own at 1, which rewards of -1 and 0 outweigh in the end
        "0.01 to 1",
        "The entropy bonus outweighs the rewards many times over.",
        "Q tells how random the policy will be, and hardly what is achieved.",
        "Lower the entropy coefficient, let SAC learn it, or scale the rewards to about -1..1.",
        "Compare the coefficient times the actions' entropy with the rewards of a batch.",
        networks=("critic",),
        explains=(
            "q_beyond_rewards",
            "critic_overestimates",
            "critic_ignores_goal",
            "actor_ignores_goal",
        ),
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
)
