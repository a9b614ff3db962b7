"""Checks of what the agent does: whether its actions act, how far, and where they lead."""

from goalscope.diagnostics.record.metrics import OBSERVATION_SPREAD
from goalscope.diagnostics.record.transition_metrics import (
    ACTION_EFFECT_R2,
    ACTION_OVER_GOALS,
    STEP_OVER_SPREAD,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import measured, over
from goalscope.reports.statistics.scales import Scale

ACTION_CHECKS: tuple[Check, ...] = (
    Check(
        "actions_without_effect",
        "actions",
        "how far one step moves what is achieved, over the distance between two goals",
        "ratio",
        Scale.LOG,
        measured(ACTION_OVER_GOALS),
        "below",
        0.02,  # midway, as ratios go, between 0.004 of a fiftieth of each action and 0.1
        "0.1 to 0.2",
        "Actions move next to nothing: they are scaled away or not carried out.",
        "Episodes end before a goal can be reached, however good the policy is.",
        "See that actions in -1..1 reach the simulator at their full size, or act for longer.",
        "Play the largest action for one episode: does it cross the space of goals?",
        needs=(Need.GOALS,),
        explains=(
            "observations_stand_still",
            "actions_shuffled",
            "goals_hardly_reached",
            "object_unmoved",
        ),
    ),
    Check(
        "observations_stand_still",
        "actions",
        "how much one step changes an observation, over the spread of observations",
        "ratio",
        Scale.LOG,
        measured(STEP_OVER_SPREAD),
        "below",
        2e-3,  # hundreds of steps to cross what was seen: more than an episode has
        "0.02 to 1",
        "Observations hardly change from one step to the next.",
        "Episodes end where they began, and no action is better than another.",
        "See that actions in -1..1 reach the simulator at their full size.",
        "Play the largest action for one episode and print what moved.",
        explains=(
            "actions_shuffled",
            "goals_hardly_reached",
            "object_unmoved",
        ),
    ),
    Check(
        "actions_shuffled",
        "actions",
        "R^2 of the action, read from the change of the observation",
        "R^2",
        Scale.PLAIN,
        measured(ACTION_EFFECT_R2),
        "below",
        0.2,  # between 0.08, the most of shuffled actions, and 0.4 of saturated ones at a wall
        "0.6 to 1 from vectors, 0.4 to 0.7 from images alone",
        "Stored actions have nothing to do with what the observation did next.",
        "The critic cannot tell one action from another; the policy learns noise.",
        "Store the action that was executed, in the row of its own step.",
        "Log the actions in env.step and in replay_buffer.add, and compare them.",
        explains=("goals_hardly_reached",),
    ),
    Check(
        "goals_hardly_reached",
        "actions",
        "spread of the achieved goal over that of the desired goal",
        "ratio",
        Scale.LOG,
        over(
            measured(OBSERVATION_SPREAD, "achieved_goal"),
            measured(OBSERVATION_SPREAD, "desired_goal"),
        ),
        "below",
        0.1,  # an agent that reaches a tenth of the way has been nowhere that it is sent to
        "0.7 to 1.1",
        "What is achieved hardly varies, while the goals asked for do.",
        "The agent is held near one place, so hindsight has only that place to teach.",
        "See that actions are carried out at full size, and that goals are in the same unit.",
        "Play random actions for ten episodes and print achieved_goal at their ends.",
        needs=(Need.GOALS,),
        explains=("object_unmoved", "reward_constant"),
    ),
)
