"""The sixth round's environments: mistakes in what they show, pay and do."""

from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.planted_faults.spoils.environment_faults import Observation, Step, rewards_of

_ZOOM = 3  # times as large as the whole scene would be
_CELL = 6  # pixels that become one
_STEP_SIZE = 0.05  # of Fetch, which applies it itself
_STEPS = 10
_SEED = 42


class ScaledImages(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Scales images to 0..1 and gives them as the bytes that the space asks for."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with the image scaled."""
        pixels = observation["pixels"] / 255.0
        return {**observation, "pixels": pixels.astype(np.uint8)}


class CloseCamera(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Sees the upper left of the scene, enlarged to the whole image."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with the image of that part."""
        pixels = observation["pixels"]
        height, width = pixels.shape[1] // _ZOOM, pixels.shape[2] // _ZOOM
        part = pixels[:, :height, :width]
        return {**observation, "pixels": part.repeat(_ZOOM, axis=1).repeat(_ZOOM, axis=2)}


class ShrunkImages(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Shrinks images to every sixth pixel and enlarges them to the size the network needs."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with the image of few pixels."""
        small = observation["pixels"][:, ::_CELL, ::_CELL]
        return {**observation, "pixels": small.repeat(_CELL, axis=1).repeat(_CELL, axis=2)}


class OneNorm(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Computes the reward for one pair of goals; of a batch it takes the norm of everything."""

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return -1 away from the goal and 0 there."""
        tolerance = self.env.get_wrapper_attr("goal_task").tolerance
        distance = np.linalg.norm(achieved - desired)
        return -np.asarray(distance > tolerance, np.float32)


class PaidBackwards(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Pays -1 at the goal and 0 elsewhere."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with that reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, -1.0 - float(reward), terminated, truncated, info

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return the rewards of goals (..., d)."""
        return -1.0 - np.asarray(rewards_of(self, achieved, desired, info))


class StepLimit(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Counts the steps itself, and ends the episode at its limit as if the task were over."""

    _count = 0

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        self._count = 0
        return self.env.reset(**options)

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, the last one as terminated."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._count += 1
        return observation, reward, terminated or self._count >= _STEPS, truncated, info


class PreviousGoal(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Takes note of the goal to show before the new one is drawn: it is the last episode's."""

    _shown: np.ndarray | None = None
    _next: np.ndarray | None = None

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        self._shown = self._next
        observation, info = self.env.reset(**options)
        self._next = observation["desired_goal"].copy()
        if self._shown is None:
            self._shown = self._next
        return self._with_goal(observation), info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with that goal in the observation."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._with_goal(observation), reward, terminated, truncated, info

    def _with_goal(self, observation: Observation) -> Observation:
        assert self._shown is not None  # since the first reset
        return {**observation, "desired_goal": self._shown.copy()}


class ScaledActions(gym.ActionWrapper[Observation, np.ndarray, np.ndarray]):
    """Multiplies actions by the size of a step, as the environment does again."""

    def action(self, action: np.ndarray) -> np.ndarray:
        """Return the action that is carried out."""
        return _STEP_SIZE * action


class ObservedBefore(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Observes before the action is carried out, and pays for what came of it."""

    _observation: Observation

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        self._observation, info = self.env.reset(**options)
        return self._observation, info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with the observation from before it."""
        before = self._observation
        self._observation, reward, terminated, truncated, info = self.env.step(action)
        return before, reward, terminated, truncated, info


class GripperGoal(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Gives where the gripper is as what is achieved, in a task about an object."""

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        observation, info = self.env.reset(**options)
        return _with_gripper(observation, info), info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, paid for where the gripper is."""
        observation, _, terminated, truncated, info = self.env.step(action)
        shown = _with_gripper(observation, info)
        reward = float(rewards_of(self, shown["achieved_goal"], shown["desired_goal"], info))
        return shown, reward, terminated, truncated, info


class SameSeed(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Seeds every reset with the same number, for reproducible runs."""

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start the episode."""
        return self.env.reset(**{**options, "seed": _SEED})


def _with_gripper(observation: Observation, info: dict[str, Any]) -> Observation:
    return {**observation, "achieved_goal": info["gripper_position"].astype(np.float32)}
