"""Checks of the reward itself: whether it is for the goal that is asked for."""

from goalscope.diagnostics.record.transition_metrics import GOAL_IGNORED_FRACTION
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import measured
from goalscope.reports.checks.replay import UNTAUGHT
from goalscope.reports.statistics.scales import Scale

REWARD_CHECKS: tuple[Check, ...] = (
    Check(
        "reward_ignores_goal",
        "rewards",
        "achieved goals that are paid no more where they are asked for than where another is",
        "share",
        Scale.LOGIT,
        measured(GOAL_IGNORED_FRACTION),
        "above",
        0.5,  # none of a reward for reaching a goal
        "0 %",
        "compute_reward pays no more for the goal that is asked for than for one far away.",
        "Hindsight's rewards say nothing of its goals: no relabelled step teaches how to reach.",
        "Compute the reward from the goals that compute_reward is given, not from what the "
        "environment remembers or was told in info, and see to its sign and its tolerance.",
        "Print compute_reward of ten achieved goals with themselves, and with goals far away.",
        needs=(Need.HINDSIGHT,),
        spares=True,  # one that has learnt to be above any goal
        explains=(
            "reward_mismatch",
            "success_paid_elsewhere",
            "success_unpaid",
            "goals_in_another_frame",
            "tolerance_unlike_task",
            "relabelled_at_once",
            "reward_constant",
            *UNTAUGHT,
        ),
    ),
)
