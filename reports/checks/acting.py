"""Checks of acting: whether the policy that learns is what acts, and on what it learns from."""

from goalscope.diagnostics.record.transition_metrics import (
    INPUT_OFFSET,
    OWN_FRACTION,
    UNASKED_FRACTION,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.readings import largest, measured
from goalscope.reports.checks.reward_readings import success_in_training_alone
from goalscope.reports.checks.step_readings import lasting
from goalscope.reports.statistics.scales import Scale

ACTING_CHECKS: tuple[Check, ...] = (
    Check(
        "inputs_differ_at_acting",
        "acting",
        "how far what the actor acts on lies from what it learns from, of the same steps",
        "spreads in replay",
        Scale.LOG,
        largest(INPUT_OFFSET),
        "above",
        0.5,
        "0 to 0.1",
        "The actor acts on other inputs than those it learns from.",
        "What it learns does not show in what it does; its data come from another policy.",
        "Give the policy the same observation, normalised and ordered alike, in both places.",
        "Print the input of the features extractor where it acts, and for that row of replay.",
        explains=("actor_ignores_goal", "actor_ignores_pixels", "goals_hardly_reached"),
    ),
    Check(
        "acts_by_another",
        "acting",
        "steps since the warm-up that the policy which learns was not asked for",
        "share",
        Scale.LOGIT,
        measured(UNASKED_FRACTION),
        "above",
        0.999,  # not one; scripted steps leave some that were asked for
        "0 %",
        "The policy that learns is not asked for actions: a copy of it acts, or something else.",
        "Unless the copy follows each update, replay never shows what was learnt, nor its faults.",
        "Act with the model that learns, or hand its weights to what acts after each update.",
        "Change a weight of model.actor: do the actions of training change?",
        spares=True,  # a copy that follows
        explains=("goals_hardly_reached", "object_unmoved"),
    ),
    Check(
        "acts_without_exploration",
        "acting",
        "steps that carry out the policy's own action, with nothing beside it",
        "share",
        Scale.LOGIT,
        lasting(measured(OWN_FRACTION)),  # of an actor that saturates it cannot be told any more
        "above",
        0.95,  # all or none; where one step in twenty is random, there is some exploration
        "0 %",
        "Training carries out the policy's own actions alone: nothing is explored.",
        "New steps show what the policy does already; better actions are never tried.",
        "Act with deterministic=False; give TD3 or DDPG an action_noise of 0.1 to 0.3.",
        "Compare the action that env.step gets with the policy's deterministic one.",
        explains=("actor_saturated", "actions_shuffled", "goals_hardly_reached", "object_unmoved"),
    ),
    Check(
        "evaluated_elsewhere",
        "acting",
        "success of training's own episodes where evaluations after them hardly have any",
        "share",
        Scale.LOGIT,
        success_in_training_alone,
        "above",
        0.5,  # exploring costs success; an agent that has it without exploring has more
        "0 %",
        "The agent succeeds in training, and next to never where it is evaluated.",
        "Evaluations say nothing of what was learnt: they show or ask something else.",
        "Wrap, normalise and set up both environments alike; copy VecNormalize's statistics over.",
        "Evaluate in the training environment; print one observation of each.",
    ),
)
