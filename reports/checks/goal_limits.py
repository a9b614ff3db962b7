"""Limits of how the goal is heard: told where a long run stays at the floor."""

from goalscope.diagnostics.record.metrics import (
    ACTION_GOAL_SWAP,
    Q_GOAL_SWAP,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import (
    measured,
    signal_over_action,
)
from goalscope.reports.statistics.scales import Scale

GOAL_LIMITS: tuple[Check, ...] = (
    Check(
        "goal_path_quiet",
        "fusion",
        "signal of the goal over the action's, before training",
        "ratio",
        Scale.LOG,
        signal_over_action("goal"),
        "below",
        0.25,  # between 0.05, the most that was seen to fail, and 1.3, the least that learnt
        "1.3 to 8 where the agent learns",
        "The goal is quiet in itself, whatever the images do: its vectors vary too little.",
        "The networks learn to do without it long before its weights have grown.",
        "Standardise the goal vectors: subtract their mean, divide by their spread.",
        "Train the same with standardised goals, and change nothing else.",
        arms=("goal-std",),
        kind="limit",
        needs=(Need.GOALS,),
        times=("initialisation",),
        patient=False,
        explains=("critic_ignores_goal", "actor_ignores_goal"),
    ),
    Check(
        "critic_ignores_goal",
        "critic",
        "change of Q when the goal is exchanged",
        "std of Q",
        Scale.LOG,
        measured(Q_GOAL_SWAP),
        "below",
        0.1,
        "1.1 where the agent learns",
        "Q hardly depends on the goal.",
        "The policy cannot learn to go where it is told.",
        "Standardise the goal vectors.",
        "Exchange the goals of a batch and compare Q.",
        arms=("goal-std",),
        networks=("critic",),
        kind="limit",
        needs=(Need.GOALS,),
        explains=("actor_ignores_goal",),
    ),
    Check(
        "actor_ignores_goal",
        "actor",
        "change of the action when the goal is exchanged",
        "of the action range",
        Scale.LOG,
        measured(ACTION_GOAL_SWAP),
        "below",
        0.02,
        "0.3 to 0.5 where the agent learns",
        "The policy does the same whatever the goal.",
        "It can only succeed by chance.",
        "Standardise the goal vectors, and see whether Q depends on the goal.",
        "Ask the policy for its action at one state and two goals.",
        arms=("goal-std",),
        networks=("actor",),
        kind="limit",
        needs=(Need.GOALS,),
    ),
)
