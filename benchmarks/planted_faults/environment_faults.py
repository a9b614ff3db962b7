"""What can be wrong with what the environment shows."""

from typing import Any

import gymnasium as gym
import numpy as np

Observation = dict[str, np.ndarray]
GoalEnv = gym.Env[Any, np.ndarray]
SHOWN_GOAL = (1.34, 0.75, 0.53)  # metres; the middle of FetchReach's goals


class FixedGoal(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Shows one goal whatever is asked for; the rewards stay those of the true goal."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with that goal."""
        return {**observation, "desired_goal": np.array(SHOWN_GOAL, dtype=np.float32)}


class BlankImages(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Shows a black image, as a camera does that has lost its scene."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with a black image."""
        return {**observation, "pixels": np.zeros_like(observation["pixels"])}
