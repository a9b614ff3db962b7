"""Checks of replay and of acting: whether the agent learns from what happened, and acts on it."""

from goalscope.diagnostics.record.transition_metrics import (
    ACTION_DIFFERS,
    END_DIFFERS,
    INPUT_OFFSET,
    KEY_DIFFERS,
    NEXT_DIFFERS,
    REWARD_DIFFERS,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.readings import (
    IMAGE,
    Reading,
    largest,
    measured,
    of_vectors,
    unchanged_in_replay,
)
from goalscope.reports.statistics.scales import Scale

_UNTRUE = (
    "observations_stand_still",
    "actions_without_effect",
    "actions_shuffled",
    "goals_in_another_frame",
    "goals_hardly_reached",
    "normalisation_stale",
    "inputs_differ_at_acting",
)
_UNSEEN = (
    "constant_images",
    "images_scaled_twice",
    "images_not_scaled",
    "dead_units",
    "constant_features",
    "encoder_without_gradient",
    "encoder_not_moving",
    "actor_ignores_pixels",
    "critic_ignores_pixels",
    "trained_reads_worse",
)
_LABEL = "steps that come back from replay with other {} than the environment gave"
# Nothing differs in a healthy run, not once; what differs in one step in twenty is no accident.
_ANY = 0.05


def _differ(
    name: str,
    of: str,
    read: Reading,
    says: str,
    causes: str,
    change: str,
    test: str,
    explains: tuple[str, ...],
) -> Check:
    return Check(
        name,
        "replay",
        _LABEL.format(of),
        "share",
        Scale.LOGIT,
        read,
        "above",
        _ANY,
        "0 %",
        says,
        causes,
        change,
        test,
        explains=explains,
    )


STORED_CHECKS: tuple[Check, ...] = (
    _differ(
        "images_differ_in_replay",
        "images",
        measured(KEY_DIFFERS, IMAGE),
        "Replay returns other images than the environment gave.",
        "What the agent learns to see does not hold where it acts.",
        "Order and scale pixels, channels and frames alike in the environment and in replay.",
        "Save one image as the policy gets it and as replay returns it, and compare.",
        ("next_observations_differ", *_UNTRUE, *_UNSEEN),
    ),
    _differ(
        "vectors_differ_in_replay",
        "goals or other vectors",
        of_vectors(KEY_DIFFERS),
        "Replay returns other vectors (goals, states) than the environment gave.",
        "What the agent learns of a state does not hold where it acts.",
        "Store observations as they come, and change them alike for acting and for learning.",
        "Compare obs in replay_buffer.add with what the buffer returns of that row.",
        ("next_observations_differ", "constant_goal", "reward_mismatch", *_UNTRUE),
    ),
    Check(
        "next_observation_same",
        "replay",
        "stored transitions whose next observation equals the observation",
        "share",
        Scale.LOGIT,
        unchanged_in_replay,
        "above",
        0.5,  # no world with anything in motion stands still, to the last bit, in every other step
        "0 %",
        "Stored next observations equal the observations.",
        "The critic learns that no action ever changes anything.",
        "Copy observations before they are stored: environments often reuse their arrays.",
        "Compare obs and next_obs of one step in the call of replay_buffer.add.",
        explains=("next_observations_differ", "reward_mismatch", *_UNTRUE),
    ),
    _differ(
        "next_observations_differ",
        "next observations",
        largest(NEXT_DIFFERS),
        "Replay returns other next observations than came after the action.",
        "The critic bootstraps from states that the action did not lead to.",
        "Store the observation that the same step returned, of the same episode.",
        "Compare next_obs in replay_buffer.add with what env.step returned.",
        ("reward_mismatch", *_UNTRUE),
    ),
    _differ(
        "actions_differ_in_replay",
        "actions",
        measured(ACTION_DIFFERS),
        "Replay returns other actions than were carried out.",
        "The critic values actions that were never taken; the policy learns noise.",
        "Store the action that was executed, component by component, in the row of its own step.",
        "Log the actions in env.step and in replay_buffer.add, and compare them.",
        _UNTRUE,
    ),
    _differ(
        "rewards_differ_in_replay",
        "rewards",
        measured(REWARD_DIFFERS),
        "Replay returns other rewards than the environment gave.",
        "Real transitions are valued by another task than relabelled ones.",
        "Store the reward of the same step, unchanged.",
        "Compare the reward of env.step with what the buffer returns of that row.",
        ("rewards_out_of_range", "reward_constant", "q_beyond_rewards", "goals_in_another_frame"),
    ),
    _differ(
        "ends_differ_in_replay",
        "ends of episodes",
        measured(END_DIFFERS),
        "Replay returns other ends of episodes than there were.",
        "The critic stops bootstrapping where the task goes on, or goes on past an end.",
        "Store terminated of the same step; a time limit is no end.",
        "Compare dones and timeouts of the buffer with one episode of the environment.",
        ("always_terminated", "time_limit_terminates", "discount_without_end"),
    ),
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
)
