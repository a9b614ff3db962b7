"""What a batch of replay looks like, and whether hindsight relabelled it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.instruments.replay_state import relabelled_rows
from goalscope.diagnostics.material.replay import Episodes, dict_buffer, replay_batch
from goalscope.diagnostics.record.keys import Family, prefixed
from goalscope.diagnostics.record.metrics import (
    ACTION_EFFECT_R2,
    ACTION_OVER_GOALS,
    ACTION_SPREAD,
    GOAL_OFFSET,
    RELABELLED_FRACTION,
    STEP_OVER_SPREAD,
    TERMINATED_FRACTION,
    UNCHANGED_FRACTION,
)
from goalscope.probes import (
    ReplayBatch,
    action_effect_r2,
    action_over_goals,
    action_spread,
    goal_offset,
    relabelled_fraction,
    reward_statistics,
    step_over_spread,
    success_fractions,
    unchanged_fraction,
)
from goalscope.probes.blocks import ACHIEVED_GOAL, GOAL_KEYS, key_name
from goalscope.probes.isolation import isolated_generators


def stored_and_seen(
    model: OffPolicyAlgorithm, rows: int, seed: int, name_of: Callable[[str], str] = key_name
) -> tuple[ReplayBatch, DictReplayBufferSamples]:
    """Return the same transitions as they are stored, and as the networks see them.

    As stored, observations go by the names of their blocks.

    Args:
        model: the agent.
        rows: how many.
        seed: decides which.
        name_of: observation key -> the name of its block.
    """
    samples = []
    for normalised in (False, True) if model._vec_normalize_env is not None else (False,):
        with isolated_generators(seed):
            samples.append(replay_batch(model, rows, normalised=normalised))
    stored, seen = samples[0], samples[-1]
    relabelled = relabelled_rows(dict_buffer(model), len(stored.actions))
    observed, following = (
        {name_of(key): value for key, value in observations.items()}
        for observations in (stored.observations, stored.next_observations)
    )
    batch = ReplayBatch(
        observed,
        following,
        stored.actions,
        stored.rewards.flatten(),
        stored.dones.flatten(),
        relabelled.to(stored.actions.device),
    )
    return batch, seen


def transition_state(
    model: OffPolicyAlgorithm,
    stored: ReplayBatch,
    seen: DictReplayBufferSamples,
    episodes: Episodes,
    achieved_key: str = ACHIEVED_GOAL,
) -> dict[str, Tensor]:
    """Return record key -> scalar of what `stored_and_seen` returned.

    Args:
        model: the agent.
        stored: the batch as it is stored.
        seen: as the networks see it.
        episodes: those that replay holds.
        achieved_key: what the achieved goal is called in replay.
    """
    results = {
        UNCHANGED_FRACTION.key(): unchanged_fraction(stored),
        TERMINATED_FRACTION.key(): stored.dones.mean(),
        **prefixed(Family.TRANSITIONS, reward_statistics(seen.rewards), "replay"),
    }
    optional = {
        STEP_OVER_SPREAD.key(): step_over_spread(stored),
        GOAL_OFFSET.key(): goal_offset(stored),
    }
    if isinstance(
        model.action_space, spaces.Box
    ):  # the number of a discrete action measures nothing
        optional[ACTION_SPREAD.key("replay")] = action_spread(stored.actions)
        optional[ACTION_OVER_GOALS.key()] = action_over_goals(stored)
        optional[ACTION_EFFECT_R2.key()] = action_effect_r2(stored)
    results |= {key: value for key, value in optional.items() if value is not None}
    success_reward = _success_reward(model, stored)
    if success_reward is not None:
        results |= prefixed(Family.TRANSITIONS, success_fractions(stored, success_reward))
    return results | _relabelled(model, stored, episodes, achieved_key)


def _success_reward(model: OffPolicyAlgorithm, stored: ReplayBatch) -> float | None:
    """Return the reward of a goal that is achieved exactly; None where no environment tells."""
    env = model.get_env()
    if env is None or "achieved_goal" not in stored.observations:
        return None
    if not env.has_attr("compute_reward"):
        return None
    goals = stored.next_observations["achieved_goal"][:1].cpu().numpy()
    infos: list[dict[str, Any]] = [{}]
    rewards = env.env_method("compute_reward", goals, goals, infos, indices=[0])[0]
    return float(np.max(rewards))


def _relabelled(
    model: OffPolicyAlgorithm, stored: ReplayBatch, episodes: Episodes, achieved_key: str
) -> dict[str, Tensor]:
    if not set(GOAL_KEYS) <= set(stored.observations) or not len(episodes):
        return {}
    rows, columns, numbers = episodes.transitions()
    achieved = dict_buffer(model).next_observations[achieved_key][rows, columns]
    fraction = relabelled_fraction(
        stored.next_observations["achieved_goal"].flatten(1).cpu().numpy(),
        stored.observations["desired_goal"].flatten(1).cpu().numpy(),
        achieved.reshape(len(achieved), -1),
        numbers,
    )
    return {RELABELLED_FRACTION.key(): torch.tensor(fraction)}
