"""The eighth round's environments and replay buffers: what they show, pay, end and keep.

The mistakes are those that one who knew neither checks nor faults thinks commonest, planted by one
who knew the checks' names and titles. What is wrong in the network and in the agent stands in
`eighth_round_agent_faults`.
"""

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from benchmarks.planted_faults.spoils.environment_faults import (
    GoalEnv,
    Observation,
    Step,
    rewards_of,
)
from benchmarks.planted_faults.spoils.seventh_round_faults import SmallTolerance
from goalscope.training.replay import SharedFrameHerReplayBuffer

TABLE = 0.3  # metres along which goals lie; a task of other units is scaled to that
COST_OF_METRE, BONUS = 10.0, 5.0  # of a dense reward
MISREAD = 0.5  # metres, for a tolerance of 5 cm
LEFT = 0.5  # of the range of goals, from where the episode began: 15 cm of Fetch's table
CAMERA_DISTANCE = 6.0  # metres; Fetch's own camera stands at 2.5
CAMERA_FACTOR = 5  # times as far from the point's square
CHUNK = 100  # steps between two loads of the agent: four episodes of the point, two of Fetch
# The point's corner, and the foot of Fetch's arm, by the goal's length.
BASES = {2: (-5.0, -5.0), 3: (0.69, 0.74, 0.0)}


# The environment


class LimitTerminates(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Gives the end of the time limit as the end of the task."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, terminated where it was truncated."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated or truncated, False, info


class UnmarkedGoal(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Draws no mark where the goal is: only the vector tells it."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        task: Any = env.unwrapped
        if hasattr(task, "model"):  # MuJoCo's
            task.model.site_rgba[task.model.site("target0").id, 3] = 0.0
        else:
            task._goal_marker = False


class ReshapedImages(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Brings the channels of a drawn image (H, W, C) to the front by a reshape."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with its rows, columns and colours scrambled."""
        drawn = np.ascontiguousarray(observation["pixels"].transpose(1, 2, 0))
        return {**observation, "pixels": drawn.reshape(observation["pixels"].shape)}


class DenseInStep(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Pays a dense reward in the step, where `compute_reward` gives -1 and 0."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with that reward."""
        observation, _, terminated, truncated, info = self.env.step(action)
        units = float(self.env.get_wrapper_attr("goal_task").goal_range)
        offset = observation["achieved_goal"] - observation["desired_goal"]
        metres = float(np.linalg.norm(offset)) * TABLE / units
        reward = -COST_OF_METRE * metres + BONUS * float(info["is_success"])
        return observation, reward, terminated, truncated, info


class ImageBeforeStep(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Draws its image before the step, and before the reset: it is of the state before."""

    _drawn: np.ndarray | None = None

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, with an image of the end of the one before, if there was one."""
        observation, info = self.env.reset(**options)
        return self._with_image_before(observation), info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with the image from before it."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._with_image_before(observation), reward, terminated, truncated, info

    def _with_image_before(self, observation: Observation) -> Observation:
        before, self._drawn = self._drawn, observation["pixels"]
        return {**observation, "pixels": self._drawn if before is None else before}


class MisreadTolerance(SmallTolerance):
    """Pays a goal as reached within 50 cm, where 5 were meant and goals lie along 30."""

    def _tolerance(self) -> float:
        return MISREAD * float(self.env.get_wrapper_attr("goal_task").goal_range) / TABLE


class FarFromStartEnds(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Ends the episode for good, as a failure, far from where it began; each step costs 1."""

    _start: np.ndarray

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, and take note of where."""
        observation, info = self.env.reset(**options)
        self._start = observation["achieved_goal"].copy()
        return observation, info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, terminated where it has led too far."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        way = observation["achieved_goal"] - self._start
        far = self._is_far(way / float(self.env.get_wrapper_attr("goal_task").goal_range))
        return observation, reward, terminated or far, truncated, info

    def _is_far(self, way: np.ndarray) -> bool:
        """Whether a way from the start, in ranges of goals, leads too far."""
        return bool(np.linalg.norm(way) > LEFT)


class FarCamera(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Looks from so far away that what moves covers a pixel or less."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        task: Any = env.unwrapped
        if hasattr(task, "model"):  # MuJoCo's
            env.get_wrapper_attr("_renderer")._camera.distance = CAMERA_DISTANCE
        else:
            task._axis = CAMERA_FACTOR * task._axis


class AchievedFromBase(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Measures what is achieved from the robot's base, and leaves the goal in the world's frame."""

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        observation, info = self.env.reset(**options)
        return _from_base(observation), info

    def step(self, action: np.ndarray) -> Step:
        """Take a step paid for the goals shown; `is_success` stays that of the true places."""
        observation, _, terminated, truncated, info = self.env.step(action)
        shown = _from_base(observation)
        reward = float(rewards_of(self, shown["achieved_goal"], shown["desired_goal"], info))
        return shown, reward, terminated, truncated, info


def _from_base(observation: Observation) -> Observation:
    achieved = observation["achieved_goal"]
    base = np.array(BASES[len(achieved)], achieved.dtype)
    return {**observation, "achieved_goal": achieved - base}


# Replay


class FlippedReplay(SharedFrameHerReplayBuffer):
    """Mirrors half of all images, an observation's and the next one's each by its own chance."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        now, following = (
            {**observations, "pixels": _flipped(observations["pixels"])}
            for observations in (batch.observations, batch.next_observations)
        )
        return batch._replace(observations=now, next_observations=following)


class LostReplay(SharedFrameHerReplayBuffer):
    """Is empty after each hundred steps: the agent is loaded anew, and its replay was not saved."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._made_with = args, options
        self._added = 0

    def add(self, *args: Any) -> None:
        """Store a transition of each environment."""
        if self._added == CHUNK:
            arguments, options = self._made_with
            super().__init__(*arguments, **options)
            self._added = 0
        self._added += 1
        super().add(*args)


def _flipped(images: Tensor) -> Tensor:
    chosen = (torch.rand(len(images)) < 0.5)[:, None, None, None]
    return torch.where(chosen, images.flip(-1), images)
