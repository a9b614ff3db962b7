"""Checks of what the environment makes of its actions: whether 0 is rest, and size counts.

Told from what is achieved, where that moves with the action.
"""

from goalscope.diagnostics.record.transition_metrics import CUT_SHARE, IDLE_MOTION
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import measured
from goalscope.reports.statistics.scales import Scale

ACTION_SPACE_CHECKS: tuple[Check, ...] = (
    # Gravity, momentum and what must be touched first are no line on the action; what a wall stops
    # is left out; and a speed that is kept up shows the mean action's share, which is below 0.4.
    Check(
        "actions_one_sided",
        "actions",
        "what action 0 moves of what is achieved, over what the largest action moves",
        "ratio",
        Scale.LOG,
        measured(IDLE_MOTION),
        "above",
        0.4,  # between 0.17, the most of healthy runs, and 0.5, the least of actions in 0..1
        "0 to 0.15",
        "Action 0 moves what is achieved, and hardly any action leads back: they are shifted.",
        "The agent is driven to one side, whatever it does, and stays there.",
        "See that action 0 leaves the robot where it is: look for (a + 1) / 2 in a wrapper.",
        "Play action 0 for one episode: nothing should move.",
        needs=(Need.GOALS,),
        spares=True,  # a throttle or a muscle whose box was rescaled goes one way by design
        explains=(
            "goals_in_another_frame",
            "normalisation_stale",
            "actions_shuffled",
            "goals_hardly_reached",
        ),
    ),
    # Noise, walls and actions that are saturated anyway bring it to 0.5, and not below.
    Check(
        "actions_cut",
        "actions",
        "what of a step the actions' signs leave untold, over that and what actions leave",
        "share",
        Scale.LOGIT,
        measured(CUT_SHARE),
        "below",
        0.45,  # between 0.52, the least of healthy runs, and 0.41, the most of a cut at a tenth
        "0.55 to 1",
        "Only the sign of an action counts: all but the smallest are cut to one size.",
        "The policy cannot take a small step, and a larger action teaches the critic nothing.",
        "Declare the range of actions that the environment carries out, such as -1..1.",
        "Play a tenth of the largest action, and all of it: do both move the same?",
        needs=(Need.GOALS,),
        spares=True,  # a motor that is on or off does so by design
    ),
)
