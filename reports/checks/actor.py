"""Checks of what the networks answer, and of whether the end was looked at."""

import numpy as np

from goalscope.diagnostics.record.transition_metrics import (
    CUT_OFF_FRACTION,
    LEAST_SPREAD,
    Q_WEIGHT,
    SATURATED_ACTIONS,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import combined, goal_swap, measured, unmeasured_end
from goalscope.reports.checks.replay_readings import ever
from goalscope.reports.checks.step_readings import lasting_least
from goalscope.reports.statistics.scales import Scale

# It drives the agent where no statistics were taken, and into what stops it.
FULL_THROTTLE = ("normalisation_stale", "normalised_unlike_replay", "actions_shuffled")

_q_weight_size = combined(lambda values: np.abs(values[0]), measured(Q_WEIGHT))

ACTOR_LOSS_CHECKS: tuple[Check, ...] = (
    Check(
        "actor_lowers_q",
        "actor",
        "fall of the actor's loss where the critics' answers to its actions rise by 1",
        "ratio",
        Scale.PLAIN,
        lasting_least(measured(Q_WEIGHT)),
        "below",
        -1e-6,  # rounding: the loss's factor is the number's, and nothing but the sign counts
        "1",
        "The actor is taught to lower Q: towards the actions that the critics think worst.",
        "The policy does what pays least, and replay and the critics see little else.",
        "Minimise minus Q: (alpha log pi - Q).mean() in SAC, -Q.mean() in TD3 and DDPG.",
        "Make a few steps of the actor's optimiser on one batch: mean Q of its actions must rise.",
        networks=("actor",),
        spares=True,  # a critic of costs is to be lowered, and such an agent learns
        explains=(
            "actions_shuffled",
            "observations_stand_still",
            "actions_without_effect",
            "goals_in_another_frame",
            "goals_hardly_reached",
            "critic_constant",
            "entropy_above_rewards",
            "q_beyond_rewards",
            "actor_saturated",
            "goal_unheard",
            "no_gradient",
            "encoder_without_gradient",
            "encoder_not_moving",
            "critic_ignores_goal",
            "actor_ignores_goal",
            "actor_ignores_pixels",
            "entropy_collapsed",
        ),
    ),
    Check(
        "actor_asks_no_critic",
        "actor",
        "change of the actor's loss where the critics' answers to its actions rise by 1",
        "ratio",
        Scale.PLAIN,
        lasting_least(_q_weight_size),
        "below",
        1e-6,
        "1",
        "The actor's loss says nothing of what the actor's own actions are worth.",
        "Nothing leads the policy to better actions; entropy, or what was stored, is all it hears.",
        "Ask the critics about the actions that the actor gives, and let the gradient through.",
        "Print the gradient of the actor's loss at its actions: is it the critic's?",
        networks=("actor",),
        spares=True,  # imitation, and weights by advantages, ask in other ways
        explains=(
            "goal_unheard",
            "no_gradient",
            "encoder_without_gradient",
            "encoder_not_moving",
            "actor_ignores_goal",
            "actor_ignores_pixels",
            "entropy_collapsed",
        ),
    ),
)

ACTOR_CHECKS: tuple[Check, ...] = (
    Check(
        "policy_spread_wide",
        "actor",
        "least spread of what Tanh makes actions of, before training",
        "Tanh inputs",
        Scale.LOG,
        measured(LEAST_SPREAD),
        "above",
        # Untrained 0.93 to 1 in SB3, and actions are the most random at 0.9; of the exponential of
        # that 2.6. Loud inputs widen some components and narrow others: their least is small.
        2.0,
        "0.9 to 1",
        "The policy starts by throwing its actions to either end, in all states alike.",
        "Hardly an action between the ends is tried, and none can ever be taken with care.",
        "Take the exponential of log_std once, clamped to -20..2.",
        "Print the standard deviation before Tanh: an untrained policy has about 1.",
        networks=("actor",),
        times=("initialisation",),
        patient=False,
        explains=("actor_saturated",),
    ),
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
            "goal_unheard",
            "actor_ignores_pixels",
            "actor_ignores_goal",
            "entropy_collapsed",
        ),
        leads_to=(*FULL_THROTTLE, "q_beyond_rewards", "critic_underestimates"),
    ),
    Check(
        "actor_cut_off",
        "actor",
        "observations in which a component of the policy's action is exactly its least or largest",
        "share",
        Scale.LOGIT,
        ever(measured(CUT_OFF_FRACTION)),  # a component that is never below 0 is not cut off
        "above",
        0.1,  # between 0.01 of healthy runs, and 0.5 of a ReLU
        "1 %: one observation has the least",
        "The policy's mean action is cut off short of its range: for many observations it is one "
        "and the same value, its least or its largest.",
        "One side of the range is out of reach, and no gradient leads back from where it is cut.",
        "End the actor in a linear layer, with no ReLU between it and the Tanh.",
        "Print the policy's actions on a batch: is one value there again and again?",
        networks=("actor",),
        spares=True,
        explains=("goal_unheard", "actor_ignores_goal", "actor_ignores_pixels"),
    ),
    Check(
        "goal_unheard",
        "goals",
        "change of the {network}'s answer when the goal is exchanged",
        "of its usual range",
        Scale.LOG,
        goal_swap,
        "below",
        1e-6,  # not even rounding: whatever hears a goal at all is far above
        "0.01 to 1",
        "The {network} gives one answer, whatever the goal is.",
        "It can only learn what is good for all goals alike.",
        "See that the features extractor reads desired_goal, and that nothing multiplies it by 0.",
        "Ask the {network} about one state and two goals: the answers must differ.",
        networks=("critic", "actor"),
        needs=(Need.GOAL_SHOWN,),
        explains=("critic_ignores_goal", "actor_ignores_goal"),
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
        "Give the callback a smaller features_every, gradients_every or sensitivity_every; "
        "goalscope train takes --every.features and so on.",
        needs=(Need.LENGTH,),
        patient=False,
    ),
)
