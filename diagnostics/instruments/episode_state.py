"""What replay's finished episodes show: goals, successes and ends."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.her.goal_selection_strategy import GoalSelectionStrategy
from torch import Tensor

from goalscope.diagnostics.material.replay import (
    Episodes,
    dict_buffer,
    kept_infos,
    rewards_of_goals,
)
from goalscope.diagnostics.record.keys import Family, prefixed
from goalscope.diagnostics.record.transition_metrics import (
    EPISODES_FORGOTTEN,
    EPISODES_HELD,
    FEW_REWARDS,
    GOAL_GAP,
    REAL_REWARD_MISMATCH,
    SUCCESS_FRACTION,
)
from goalscope.probes import (
    ReplayBatch,
    asked_goal_spread,
    end_fractions,
    goal_gap,
    goal_origins,
    goal_shift,
    start_drift,
    success_fractions,
    tracking_noise,
)
from goalscope.probes.blocks import ACHIEVED_GOAL, DESIRED_GOAL, GOAL_KEYS, GoalKeys
from goalscope.probes.live.rewards import SAME_REWARD

LATEST = 2_000  # transitions, at most, that goals are compared in


def episode_state(
    model: OffPolicyAlgorithm, stored: ReplayBatch, episodes: Episodes, goal_keys: GoalKeys
) -> dict[str, Tensor]:
    """Return record key -> scalar.

    Args:
        model: the agent.
        stored: a batch as it is stored, by the names of blocks.
        episodes: those that replay holds.
        goal_keys: what the achieved and the desired goal are called in replay.
    """
    reward = _success_reward(model, stored)
    found = _kept(model, episodes)
    if reward is not None:
        found |= prefixed(Family.TRANSITIONS, success_fractions(stored, reward))
        found[SUCCESS_FRACTION.key("stored")] = _paid_as_success(model, reward)
    if not len(episodes):
        return found
    numbers = {**_ends(model, episodes, reward), "episode_length": float(episodes.lengths.max())}
    achieved, desired = goal_keys
    if achieved and desired and set(GOAL_KEYS) <= set(stored.observations):
        numbers |= _over_episodes(model, episodes, (achieved, desired))
        numbers |= _origins(model, stored, episodes, achieved)
        if reward is not None:
            found |= _of_rewards(model, _latest(model, episodes, (achieved, desired)), reward)
    results = {key: torch.tensor(value) for key, value in numbers.items()}
    return found | prefixed(Family.TRANSITIONS, results, "replay")


def _kept(model: OffPolicyAlgorithm, episodes: Episodes) -> dict[str, Tensor]:
    """Return how many finished episodes replay holds, and how many it has overwritten."""
    forgotten = model._episode_num - len(episodes) if dict_buffer(model).full else 0
    return {
        EPISODES_HELD.key(): torch.tensor(float(len(episodes))),
        EPISODES_FORGOTTEN.key(): torch.tensor(float(max(0, forgotten))),
    }


def _paid_as_success(model: OffPolicyAlgorithm, success: float) -> Tensor:
    """Return the share of all that replay holds whose own reward is that of a goal reached."""
    buffer = dict_buffer(model)
    reached = buffer.rewards[: buffer.size()] >= success - SAME_REWARD
    return torch.tensor(reached.mean(dtype=np.float64))


def _success_reward(model: OffPolicyAlgorithm, stored: ReplayBatch) -> float | None:
    """Return the reward of a goal that is achieved exactly; None where no environment tells.

    Nor where it does not without what it says of a step, and replay does not keep that.
    """
    env = model.get_env()
    if env is None or ACHIEVED_GOAL not in stored.observations:
        return None
    if not env.has_attr("compute_reward"):
        return None
    goals = stored.next_observations[ACHIEVED_GOAL][:1].cpu().numpy()
    first = np.zeros(1, np.int64)
    infos = kept_infos(dict_buffer(model), first, first)
    try:
        return float(rewards_of_goals(model, goals, goals, infos)[0])
    except Exception:  # whatever a user's environment raises
        if isinstance(model.replay_buffer, HerReplayBuffer):  # hindsight asks the same
            raise
        return None


def _origins(
    model: OffPolicyAlgorithm, stored: ReplayBatch, episodes: Episodes, achieved_key: str
) -> dict[str, float]:
    buffer = dict_buffer(model)
    rows, columns, numbers = episodes.transitions()
    achieved = buffer.next_observations[achieved_key][rows, columns]
    strategy = buffer.goal_selection_strategy if isinstance(buffer, HerReplayBuffer) else None
    return goal_origins(
        stored.next_observations[ACHIEVED_GOAL].flatten(1).cpu().numpy(),
        stored.observations[DESIRED_GOAL].flatten(1).cpu().numpy(),
        achieved.reshape(len(achieved), -1),
        numbers,
        np.arange(len(rows)),  # a later step of an episode has a larger number
        any_time=strategy is GoalSelectionStrategy.EPISODE,
    )


def _over_episodes(
    model: OffPolicyAlgorithm, episodes: Episodes, keys: tuple[str, str]
) -> dict[str, float]:
    """Return what episodes start from, are asked for, and show of the way between."""
    buffer = dict_buffer(model)
    starts, goals = (
        buffer.observations[key][episodes.starts, episodes.columns].reshape(len(episodes), -1)
        for key in keys
    )
    numbers = {
        "asked_goal_spread": asked_goal_spread(goals),
        "start_drift": start_drift(starts, goals),
        "goal_shift": goal_shift(starts, goals),
    }
    if isinstance(model.action_space, spaces.Box):
        rows, columns, number = (part[-LATEST:] for part in episodes.transitions())
        achieved = buffer.next_observations[keys[0]][rows, columns].reshape(len(rows), -1)
        actions = buffer.actions[rows, columns]
        numbers["tracking_noise"] = tracking_noise(achieved, actions, number, goals)
    return {name: number for name, number in numbers.items() if number is not None}


class _Latest(NamedTuple):
    """What steps achieved and were asked for (n, d), were paid (n,), and what was said of each."""

    achieved: np.ndarray
    desired: np.ndarray
    paid: np.ndarray
    infos: Sequence[Mapping[str, Any]] | None


def _latest(model: OffPolicyAlgorithm, episodes: Episodes, keys: tuple[str, str]) -> "_Latest":
    """Return the latest steps of finished episodes."""
    buffer = dict_buffer(model)
    rows, columns, _ = episodes.transitions()
    places = rows[-LATEST:], columns[-LATEST:]
    achieved, desired = (
        buffer.next_observations[key][places].reshape(len(places[0]), -1) for key in keys
    )
    return _Latest(achieved, desired, buffer.rewards[places], kept_infos(buffer, *places))


def _of_rewards(model: OffPolicyAlgorithm, latest: "_Latest", success: float) -> dict[str, Tensor]:
    """Return whether goals are one where steps are paid so, and whether hindsight pays the same."""
    achieved, desired, paid, infos = latest
    reached = paid >= success - SAME_REWARD
    gap = goal_gap(achieved.astype(np.float64), desired.astype(np.float64), reached)
    found = {} if gap is None else {GOAL_GAP.key(): torch.tensor(gap)}
    if isinstance(model.replay_buffer, HerReplayBuffer):
        computed = rewards_of_goals(model, achieved, desired, infos)
        wrong = np.abs(computed - paid) > SAME_REWARD
        found[REAL_REWARD_MISMATCH.key()] = torch.tensor(wrong.mean())
    return found


def _ends(model: OffPolicyAlgorithm, episodes: Episodes, success: float | None) -> dict[str, float]:
    buffer = dict_buffer(model)
    places = episodes.lasts, episodes.columns
    ended = (buffer.dones[places] * (1 - buffer.timeouts[places])).astype(bool)
    last = buffer.rewards[places]
    if success is None:
        return end_fractions(episodes.lengths, ended, np.zeros(len(episodes), bool))
    rows, columns, _ = (part[-LATEST:] for part in episodes.transitions())
    rewards = buffer.rewards[rows, columns]
    few = len(np.unique(rewards)) <= FEW_REWARDS  # else near a goal is paid less than at it
    charged = last < np.median(rewards) - SAME_REWARD if few else None
    return end_fractions(episodes.lengths, ended, last >= success - SAME_REWARD, charged)
