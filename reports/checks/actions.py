"""Checks of what the agent does: whether its actions act, how far, and where they lead.

How far is told in episodes and in what Q can see, too: both must hold the way to a goal.
"""

from goalscope.diagnostics.record.metrics import OBSERVATION_SPREAD
from goalscope.diagnostics.record.transition_metrics import (
    ACTION_EFFECT_R2,
    NEWEST_EFFECT_R2,
    STEP_OVER_SPREAD,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import measured, over, smaller
from goalscope.reports.checks.replay_readings import (
    goals_crossed,
    newest_over_goals,
    step_over_goals,
    worth_of_a_goal,
)
from goalscope.reports.statistics.scales import Scale

ACTION_CHECKS: tuple[Check, ...] = (
    Check(
        "actions_without_effect",
        "actions",
        "how far one step moves what is achieved, now or ever, over the distance between two goals",
        "ratio",
        Scale.LOG,
        smaller(step_over_goals, newest_over_goals),
        "below",
        0.02,  # midway, as ratios go, between 0.004 of a fiftieth of each action and 0.1
        "0.1 to 0.2",
        "Actions move next to nothing of the way to a goal: they are scaled away, or goals are "
        "drawn from far beyond what can be reached.",
        "Episodes end before a goal can be reached, however good the policy is.",
        "See that actions in -1..1 reach the simulator at their full size, and draw goals from "
        "where the agent can go.",
        "Play the largest action for one episode: does it cross the space where the agent can be, "
        "and that of goals?",
        needs=(Need.GOALS,),
        explains=(
            "observations_stand_still",
            "actions_shuffled",
            "goals_hardly_reached",
            "episodes_too_short",
            "discount_too_low",
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
            "episodes_too_short",
            "discount_too_low",
            "object_unmoved",
        ),
    ),
    Check(
        "actions_shuffled",
        "actions",
        "R^2 of the action, read from the change of the observation, now or ever",
        "R^2",
        Scale.PLAIN,
        smaller(measured(ACTION_EFFECT_R2), measured(NEWEST_EFFECT_R2)),
        "below",
        0.2,  # between 0.08, the most of shuffled actions, and 0.4 of saturated ones at a wall
        "0.6 to 1 from vectors, 0.4 to 0.7 from images alone",
        "What is observed next has nothing to do with the action.",
        "The critic cannot tell one action from another; the policy learns noise.",
        "Let the observation show what the agent moves, and env.step carry out the action that it "
        "is given, at once.",
        "Play one large action after a reset, and compare the observation with the one before.",
        explains=("goals_hardly_reached",),
    ),
    Check(
        "episodes_too_short",
        "actions",
        "how many times the longest episode could cross the distance between two goals",
        "times",
        Scale.LOG,
        goals_crossed,
        "below",
        0.5,  # half of the way, at the pace that was seen, with every step in one direction
        "4 to 10",
        "Episodes end long before a goal can be reached.",
        "Success is chance, and what hindsight teaches ends after a few steps.",
        "Give an episode the steps that its goals need; count its limit in the agent's steps.",
        "Print the length of ten episodes, and how far a goal lies in steps.",
        needs=(Need.GOALS,),
        spares=True,
        explains=("relabelled_at_once", "goals_hardly_reached"),
    ),
    Check(
        "discount_too_low",
        "actions",
        "what a reward is worth as many steps away as two goals lie apart",
        "share",
        Scale.LOGIT,
        worth_of_a_goal,
        "below",
        0.01,  # a hundredth of a reward is less than what Q errs by
        "20 to 90 %",
        "The discount is so low that Q cannot see a goal from where episodes begin.",
        "Beyond a few steps all actions are worth the same.",
        "Set gamma to 1 - 1/T or above, T the steps that a goal needs: 0.95 for 20.",
        "Compute gamma to the power of the steps that an episode's goal needs.",
        needs=(Need.GOALS,),
        spares=True,
        explains=("actor_ignores_goal", "critic_ignores_goal"),
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
