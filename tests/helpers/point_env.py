"""A goal task without a simulator: a point on a plane that goes where the action says."""

from typing import Any

import gymnasium as gym
import numpy as np

from helpers.transitions import STEP, TOLERANCE, spots

LENGTH = 10


class PointEnv(gym.Env[dict[str, np.ndarray], np.ndarray]):
    """Starts anywhere in [-1, 1]^2, is asked to go anywhere, and is cut off after ten steps.

    Args:
        pixels: whether the point is also seen.
        dtype: of the goals.
        action_scale: what the world makes of an action.
        goal_shift: added to the goals that are asked for.
        reward_scale: of the rewards of real transitions.
        terminates: whether each step is called an end.
        goal_seed: of every goal; None for one of its own each episode.
    """

    def __init__(
        self,
        pixels: bool = False,
        dtype: type[np.floating] = np.float32,
        action_scale: float = 1.0,
        goal_shift: float = 0.0,
        reward_scale: float = 1.0,
        terminates: bool = False,
        goal_seed: int | None = None,
    ) -> None:
        self.shown, self.dtype = pixels, dtype
        self.action_scale, self.goal_shift = action_scale, goal_shift
        self.reward_scale, self.terminates = reward_scale, terminates
        self.goal_seed = goal_seed
        vector = gym.spaces.Box(-np.inf, np.inf, (2,), dtype)
        parts: dict[str, gym.Space[Any]] = {"achieved_goal": vector, "desired_goal": vector}
        if pixels:
            parts["pixels"] = gym.spaces.Box(0, 255, (1, 36, 36), np.uint8)
        self.observation_space = gym.spaces.Dict(parts)
        self.action_space = gym.spaces.Box(-1, 1, (2,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        super().reset(seed=seed)
        self.point, goal = self.np_random.uniform(-1, 1, (2, 2))
        if self.goal_seed is not None:
            goal = np.random.default_rng(self.goal_seed).uniform(-1, 1, 2)
        self.goal = goal + self.goal_shift
        self.steps = 0
        return self._observation(), {}

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        self.point = self.point + STEP * self.action_scale * action
        self.steps += 1
        observation = self._observation()
        reward = self.compute_reward(self.point[None], self.goal[None], [{}])
        cut = self.steps == LENGTH
        return observation, self.reward_scale * float(reward[0]), self.terminates, cut, {}

    def compute_reward(
        self, achieved: np.ndarray, desired: np.ndarray, infos: list[dict[str, Any]]
    ) -> np.ndarray:
        return (np.linalg.norm(achieved - desired, axis=-1) < TOLERANCE).astype(np.float32) - 1

    def _observation(self) -> dict[str, np.ndarray]:
        goals = {"achieved_goal": self.point, "desired_goal": self.goal}
        observation = {key: value.astype(self.dtype) for key, value in goals.items()}
        if self.shown:
            observation["pixels"] = spots(self.point[None], side=36)[0].numpy()
        return observation
