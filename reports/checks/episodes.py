"""Checks of episodes: where they begin, and how they end."""

from goalscope.diagnostics.record.transition_metrics import (
    CUT_AS_END_FRACTION,
    START_DRIFT,
    UNREACHED_END_FRACTION,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import measured
from goalscope.reports.checks.replay_readings import (
    discount_without_end,
    ends_where_steps_cost,
)
from goalscope.reports.statistics.scales import Scale

EPISODE_CHECKS: tuple[Check, ...] = (
    Check(
        "always_terminated",
        "episodes",
        "steps that end their episode for good although its goal is not reached",
        "share",
        Scale.LOGIT,
        measured(UNREACHED_END_FRACTION),
        "above",
        0.2,  # what falls or crashes does so after five steps or more
        "0 %, or one in an episode where a task can fail",
        "Steps are stored as terminal that end nothing.",
        "The critic hardly looks beyond the next reward.",
        "Return terminated only where the task itself ends; a time limit is truncated.",
        "Print terminated and truncated of one episode, and dones of a replay batch.",
        explains=(
            "time_limit_terminates",
            "ends_save_costs",
            "episodes_too_short",
            "goals_in_another_frame",
            "goals_hardly_reached",
            "relabelled_at_once",
            "reward_constant",
            "critic_constant",
        ),
    ),
    Check(
        "time_limit_terminates",
        "episodes",
        "episodes that end for good at the usual length, their goal not reached",
        "share",
        Scale.LOGIT,
        measured(CUT_AS_END_FRACTION),
        "above",
        0.5,  # failures come at any length
        "0 %",
        "A time limit is passed on as an end.",
        "The last steps of an episode are valued as if nothing came after them.",
        "Return truncated where time is over, and terminated where the task is.",
        "Print terminated and truncated at the last step of three episodes, and handle_timeout_"
        "termination of the replay buffer, which must be True.",
        needs=(Need.GOALS,),
    ),
    Check(
        "ends_save_costs",
        "episodes",
        "episodes that end for good early, short of their goal, where every step costs",
        "share",
        Scale.LOGIT,
        ends_where_steps_cost,
        "above",
        0.1,  # one episode in ten; an end that is paid less than a step is none of these
        "0 %",
        "Episodes end for good short of their goal, and every step costs: ending is what pays.",
        "The policy learns to end its episodes, not to reach their goals.",
        "Do not terminate there, or pay for such an end what the steps that are left would cost.",
        "Compare the return of an episode that ends so with one that goes on to its time limit.",
        needs=(Need.GOALS,),
        spares=True,
        explains=("episodes_too_short", "goals_hardly_reached", "critic_ignores_goal"),
    ),
    # That nothing ever terminates is no fault by itself: tasks that go on until their time limit,
    # Fetch's among them, never do, and a discount below 1 bounds what they are worth.
    Check(
        "discount_without_end",
        "episodes",
        "discount of a task without terminal transitions",
        "discount",
        Scale.PLAIN,
        discount_without_end,
        "above",
        1 - 1e-9,
        "0.8 to 0.99",
        "Episodes never terminate and the discount is 1: the value of anything is unbounded.",
        "Q falls or climbs with every update and never settles.",
        "Set gamma to 0.95 for episodes of 50 steps, or end episodes for good.",
        "Watch the mean of Q: with a discount below 1 it levels off.",
        explains=("q_beyond_rewards", "critic_overestimates", "critic_underestimates"),
    ),
    Check(
        "starts_drift",
        "episodes",
        "how far what episodes start from has drifted, over the spread of their goals",
        "ratio",
        Scale.LOG,
        measured(START_DRIFT),
        "above",
        0.5,  # half a spread, and a line that chance makes in one of 10,000 runs
        "0",
        "What is achieved at the start of episodes drifts in the course of training.",
        "A place goes by other numbers later than before: what was learnt of it is wrong by then.",
        "Set what measures it right at each reset; a task may move its starts on purpose.",
        "Print achieved_goal after the first, the middle and the last reset.",
        needs=(Need.GOALS,),
        explains=(
            "reward_mismatch",
            "goals_in_another_frame",
            "normalisation_stale",
            "success_paid_elsewhere",
            "success_unpaid",
        ),
    ),
)
