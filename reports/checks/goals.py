"""Checks of the goals: whether they change, and whether they are where things can be."""

from goalscope.diagnostics.record.metrics import OBSERVATION_SPREAD
from goalscope.diagnostics.record.transition_metrics import ASKED_GOAL_SPREAD, TRACKING_NOISE
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import measured, smaller
from goalscope.reports.checks.replay_readings import goal_distance
from goalscope.reports.statistics.scales import Scale

_NO_GOAL = ("goal_unheard", "critic_ignores_goal", "actor_ignores_goal")

GOAL_CHECKS: tuple[Check, ...] = (
    Check(
        "constant_goal",
        "goals",
        "spread of the desired goal between observations, or of those that episodes ask for",
        "goal units",
        Scale.LOG,
        smaller(measured(OBSERVATION_SPREAD, "desired_goal"), measured(ASKED_GOAL_SPREAD)),
        "below",
        1e-3,
        "0.07 to 0.13 in Fetch tasks",
        "The desired goal never changes.",
        "There is nothing to listen to: the agent cannot be told what to do.",
        "Sample a goal at each reset, from a generator that is not seeded anew, and pass it on.",
        "Print desired_goal after ten resets, and of ten rows of the replay buffer.",
        needs=(Need.GOALS,),
        explains=("reward_mismatch", "goal_inputs_tiny", "goal_path_quiet", *_NO_GOAL),
    ),
    # What swings, and what the last three actions move, is no noise: neither dithering policies nor
    # places that are commanded outright. What trembles does so by far less than this.
    Check(
        "achieved_goal_noisy",
        "goals",
        "white noise on what is achieved, over the spread of the goals",
        "spreads of the goals",
        Scale.LOG,
        measured(TRACKING_NOISE),
        "above",
        0.1,  # between 0 of healthy runs, and 0.25 of noise as large as the tolerance
        "0",
        "What is achieved jumps back and forth from step to step: its measurement is noisy.",
        "Rewards, goals of hindsight and what the networks see miss the truth by as much.",
        "Mend or filter what measures it; of an angle give sine and cosine, which do not wrap.",
        "Hold still for ten steps and print achieved_goal: it should not change.",
        spares=True,  # an agent that learns can live with what it is given
        needs=(Need.GOALS,),
        explains=("goals_in_another_frame", "actions_shuffled"),
    ),
    Check(
        "goals_in_another_frame",
        "goals",
        "distance between desired and achieved goals, or its shift, over their spreads",
        "standard deviations",
        Scale.LOG,
        goal_distance,
        "above",
        # Between 1.0, the most that healthy runs kept up, and 1.4, goals moved by half a side. A
        # shift is one that chance does not make.
        1.2,
        "0.1 to 1; 2 while goals are out of reach, as at first in FetchSlide",
        "Desired goals lie beside what is achieved: in another frame or unit, or out of reach.",
        "Success hardly happens, and what hindsight teaches does not carry over to real goals.",
        "Express desired and achieved goals in one frame and one unit.",
        "Print both at a step at which the task is solved: they must be equal. Do goals move on "
        "purpose?",
        spares=True,  # an agent that reaches its goals has them in its own frame
        needs=(Need.GOALS,),
        explains=(
            "normalisation_stale",
            "actions_without_effect",
            "goals_hardly_reached",
            "reward_constant",
            "critic_ignores_goal",
            "actor_ignores_goal",
        ),
    ),
)
