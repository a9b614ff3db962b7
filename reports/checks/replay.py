"""Checks of rewards, ends of episodes and hindsight."""

import numpy as np

from goalscope.diagnostics.record.metrics import (
    RELABELLED_FRACTION,
    REWARD_MAX,
    REWARD_MIN,
    REWARD_MISMATCH,
    REWARD_SPREAD,
    TERMINATED_FRACTION,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import combined, discount_without_end, measured
from goalscope.reports.statistics.scales import Scale

_UNTAUGHT = ("critic_constant", "critic_ignores_goal", "actor_ignores_goal")

REPLAY_CHECKS: tuple[Check, ...] = (
    Check(
        "goals_not_relabelled",
        "hindsight",
        "transitions whose goal was achieved later in their own episode",
        "share",
        Scale.LOGIT,
        measured(RELABELLED_FRACTION),
        "below",
        0.05,  # any hindsight worth its name relabels more than one in twenty
        "80 % with four goals a transition",
        "Hindsight relabels nothing: only the environment's own goals are trained on.",
        "With sparse rewards the agent never sees a success, so it has nothing to learn from.",
        "Set n_sampled_goal to 4, and leave the replay buffer's sampling as it is.",
        "Compare desired_goal of a sampled batch with the environment's goals.",
        needs=(Need.HINDSIGHT,),
        explains=("reward_constant", *_UNTAUGHT),
    ),
    Check(
        "reward_mismatch",
        "hindsight",
        "relabelled transitions whose reward is not that of their goal",
        "share",
        Scale.LOGIT,
        measured(REWARD_MISMATCH),
        "above",
        0.01,
        "0 %",
        "Relabelled transitions carry rewards of other goals.",
        "The critic is taught that reaching a goal pays as little as missing it.",
        "Compute the reward again whenever a goal is replaced.",
        "Compare compute_reward with the stored reward of a sampled batch.",
        needs=(Need.HINDSIGHT,),
        explains=_UNTAUGHT,
    ),
    Check(
        "rewards_out_of_range",
        "rewards",
        "largest reward, whatever its sign",
        "reward units",
        Scale.LOG,
        combined(
            lambda values: np.maximum(np.abs(values[0]), np.abs(values[1])),
            measured(REWARD_MIN),
            measured(REWARD_MAX),
        ),
        "above",
        10.0,  # goal tasks pay 0 or -1, or a distance; beyond it returns are hundreds and more
        "0 to 1",
        "Rewards are far larger than a goal task's.",
        "Q must climb to hundreds; its error drowns the entropy bonus and makes steps erratic.",
        "Scale rewards to about -1..1.",
        "Look for a reward scale in a wrapper, in compute_reward or in the buffer.",
        needs=(Need.GOALS,),
        explains=("q_beyond_rewards", "critic_overestimates", "actor_saturated"),
    ),
    Check(
        "reward_constant",
        "rewards",
        "spread of the rewards in a replay batch",
        "reward units",
        Scale.LOG,
        measured(REWARD_SPREAD),
        "below",
        1e-6,
        "0.2 to 0.5 for rewards of 0 and -1",
        "Every reward is the same.",
        "All behaviour pays alike, so there is nothing to learn.",
        "Turn hindsight on, widen the tolerance of success, or shape the reward.",
        "Print the rewards of a batch; call compute_reward on an achieved goal as the goal.",
        explains=(*_UNTAUGHT, "critic_ignores_pixels", "actor_ignores_pixels"),
    ),
    Check(
        "always_terminated",
        "episodes",
        "stored transitions that end their episode for good",
        "share",
        Scale.LOGIT,
        measured(TERMINATED_FRACTION),
        "above",
        0.5,  # an episode of more than two steps terminates in fewer
        "0 %, or one in an episode",
        "Most transitions are stored as terminal.",
        "The critic never looks beyond the next reward.",
        "Return terminated only where the task itself ends; a time limit is truncated.",
        "Print terminated and truncated of one episode, and dones of a replay batch.",
        explains=("critic_constant",),
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
        explains=("q_beyond_rewards", "critic_overestimates"),
    ),
)
