"""The seventh round's environments and replay buffers: what they show, pay, do, keep and give.

By one who knew the checks' names and titles, not how they decide. What is wrong in the network and
in the agent stands in `seventh_round_agent_faults`.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from benchmarks.planted_faults.spoils.environment_faults import (
    GoalEnv,
    Observation,
    Step,
    rewards_of,
)
from benchmarks.planted_faults.spoils.fourth_round_faults import CENTRES
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.replay import SharedFrameHerReplayBuffer

PER_UNIT = 1_000.0  # millimetres in a metre
WORKSPACE = 0.9  # of the range of goals; beyond it an episode ends
KEPT = 0.9  # of the action before, in a filter that smooths
REWARD_SCALE = 0.001
ERASED = 27  # pixels along each side, of an image of 36
_CLIP = 10.0  # standard deviations
_EPSILON = 1e-8


# The environment


class CurrentGoalRewards(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Computes rewards from its own goal, whichever goal it is asked about."""

    _goal: np.ndarray

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, and take note of its goal."""
        observation, info = self.env.reset(**options)
        self._goal = observation["desired_goal"].copy()
        return observation, info

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return the rewards of achieved goals (..., d) for the goal of now."""
        return rewards_of(self, achieved, np.broadcast_to(self._goal, desired.shape), info)


class RewardsFromInfo(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Reads from `info` whether a goal was reached; hindsight gives no `info`."""

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return 0 where `info` tells of a success and -1 elsewhere, float (...)."""
        infos = [info] if isinstance(info, dict) else info
        reached = np.array([float(one.get("is_success", 0.0)) for one in infos])
        return np.broadcast_to(reached - 1, achieved.shape[:-1]).copy()


class SmallTolerance(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Takes a tolerance in millimetres that is given in metres: hardly anything is the goal."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, paid so; `is_success` stays that of the task."""
        observation, _, terminated, truncated, info = self.env.step(action)
        goals = observation["achieved_goal"], observation["desired_goal"]
        return observation, float(self.compute_reward(*goals, info)), terminated, truncated, info

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return the rewards of goals (..., d)."""
        distance = np.linalg.norm(achieved - desired, axis=-1)
        return -np.asarray(distance > self._tolerance(), np.float64)

    def _tolerance(self) -> float:
        return float(self.env.get_wrapper_attr("goal_task").tolerance) / PER_UNIT


class LeavingEnds(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Ends the episode for good outside of the workspace, which costs nothing: it saves steps."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, terminated where it has led out."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        place = observation["achieved_goal"]
        half = WORKSPACE * float(self.env.get_wrapper_attr("goal_task").goal_range) / 2
        left = bool((np.abs(place - np.array(CENTRES[len(place)])) > half).any())
        return observation, reward, terminated or left, truncated, info


class SmoothedActions(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Carries out a running mean of the actions, to spare the robot: each counts a tenth."""

    _mean: np.ndarray

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, at rest."""
        self._mean = np.zeros(self.action_space.shape or (), np.float32)
        return self.env.reset(**options)

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns that carries out the mean."""
        self._mean = (KEPT * self._mean + (1 - KEPT) * action).astype(np.float32)
        return self.env.step(self._mean)


class AchievedOfReset(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Reads what is achieved at a reset, and keeps that to the episode's end."""

    _achieved: np.ndarray

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        observation, info = self.env.reset(**options)
        self._achieved = observation["achieved_goal"].copy()
        return observation, info

    def step(self, action: np.ndarray) -> Step:
        """Take a step whose reward and success are those of the goals shown."""
        observation, _, terminated, truncated, info = self.env.step(action)
        shown = {**observation, "achieved_goal": self._achieved.copy()}
        reward = float(rewards_of(self, shown["achieved_goal"], shown["desired_goal"], info))
        return shown, reward, terminated, truncated, {**info, "is_success": float(reward >= 0)}


class SmallRewards(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Pays a thousandth, of relabelled goals, too."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with that reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, REWARD_SCALE * float(reward), terminated, truncated, info

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return the rewards of goals (..., d)."""
        return REWARD_SCALE * np.asarray(rewards_of(self, achieved, desired, info))


class NormalisedGoals(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Standardises each goal vector by what it has seen: hindsight is paid in other units.

    Achieved and desired goals have statistics of their own; the tolerance stays in metres.
    """

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        parts: Any = env.observation_space
        self._statistics = {key: RunningMeanStd(shape=parts[key].shape) for key in GOAL_KEYS}

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with its goals standardised."""
        shown = dict(observation)
        for key, seen in self._statistics.items():
            seen.update(observation[key][None].astype(np.float64))
            values = (observation[key] - seen.mean) / np.sqrt(seen.var + _EPSILON)
            shown[key] = np.clip(values, -_CLIP, _CLIP).astype(observation[key].dtype)
        return shown


# Replay


class InPlaceReplay(SharedFrameHerReplayBuffer):
    """Writes hindsight's goals and rewards over those that are stored: no copy is made."""

    def _sample_goals(self, batch_indices: np.ndarray, env_indices: np.ndarray) -> np.ndarray:
        goals: np.ndarray = super()._sample_goals(batch_indices, env_indices)
        for side in (self.observations, self.next_observations):
            side["desired_goal"][batch_indices, env_indices] = goals
        return goals

    def _reward(
        self, achieved: np.ndarray, desired: np.ndarray, rows: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        rewards = super()._reward(achieved, desired, rows, columns)
        self.rewards[rows, columns] = rewards
        return rewards


class RewardDoneReplay(SharedFrameHerReplayBuffer):
    """Takes a relabelled reward for the word on whether the goal is reached: -1 is true, 0 not."""

    def _batch(
        self, rows: np.ndarray, columns: np.ndarray, relabelled: int, *others: Any
    ) -> DictReplayBufferSamples:
        batch = super()._batch(rows, columns, relabelled, *others)
        dones, first = batch.dones.clone(), len(rows) - relabelled
        dones[first:] = batch.rewards[first:].bool().to(dones.dtype)
        return batch._replace(dones=dones)


class ErasedReplay(SharedFrameHerReplayBuffer):
    """Erases a square of each image, as large as three quarters of its sides."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        return batch._replace(
            observations=_erased(batch.observations),
            next_observations=_erased(batch.next_observations),
        )


def _erased(observations: Mapping[str, Tensor]) -> dict[str, Tensor]:
    images = observations["pixels"].clone()
    places = torch.randint(0, images.shape[-1] - ERASED + 1, (len(images), 2)).tolist()
    for image, (top, left) in zip(images, places, strict=True):
        image[:, top : top + ERASED, left : left + ERASED] = 0
    return {**observations, "pixels": images}
