"""The ninth round's surroundings of the agent: what is shown, paid, ended, stacked and kept.

The mistakes are those that one who knew neither checks nor faults thinks commonest, planted by one
who knew the checks' names and titles. What is wrong in the network and in the agent stands in
`ninth_round_agent_faults`.
"""

from collections import deque
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import TimeLimit
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from benchmarks.planted_faults.spoils.eighth_round_faults import FarFromStartEnds, LimitTerminates
from benchmarks.planted_faults.spoils.environment_faults import (
    GoalEnv,
    Observation,
    Step,
    rewards_of,
)

SCALE, OFFSET = 10.0, 5.0  # of the other reward
STEPS = 15  # of an episode
OFFSET_OF_VIEW = 12.0  # units along each axis; the point stays within 5 of the middle
LOOKED_AT, DISTANCE = (1.3, 0.75, 0.1), 0.6  # the table's side; Fetch's own camera stands at 2.5
BOX = 0.25  # of the range of goals, from where the episode began, along each axis
FRAMES, CHANNELS = 3, 3


# The environment


class OtherScaleInHindsight(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Pays -1 and 0 in the step; `compute_reward` gives 5 away from a goal and -5 at it."""

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return the rewards of goals (..., d)."""
        tolerance = self.env.get_wrapper_attr("goal_task").tolerance
        distance = np.linalg.norm(achieved - desired, axis=-1)
        return SCALE * np.asarray(distance > tolerance, np.float64) - OFFSET


class OwnStateRewards(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Computes rewards from where it is and what it is asked for itself, whatever is given."""

    _now: Observation

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        self._now, info = self.env.reset(**options)
        return self._now, info

    def step(self, action: np.ndarray) -> Step:
        """Take a step."""
        self._now, reward, terminated, truncated, info = self.env.step(action)
        return self._now, reward, terminated, truncated, info

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return the reward of now, once for each of the goals (..., d)."""
        reward = rewards_of(self, self._now["achieved_goal"], self._now["desired_goal"], info)
        return np.full(achieved.shape[:-1], reward, np.float32)


def short_limit_terminates(env: GoalEnv) -> GoalEnv:
    """Return the environment with a short time limit, whose end is given as that of the task."""
    return LimitTerminates(TimeLimit(env, STEPS))


class TurnedCamera(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Looks beside all that moves: at the ground beside the square, or the side of the table."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        task: Any = env.unwrapped
        if hasattr(task, "model"):  # MuJoCo's
            camera = env.get_wrapper_attr("_renderer")._camera
            camera.lookat[:], camera.distance = LOOKED_AT, DISTANCE
        else:
            task._axis = task._axis + OFFSET_OF_VIEW


class BoxEnds(FarFromStartEnds):
    """Ends the episode for good outside of a box around its start; each step costs 1."""

    def _is_far(self, way: np.ndarray) -> bool:
        return bool((np.abs(way) > BOX).any())


class Stacked(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Shows the last three frames, as it should; what is wrong with the stack follows outside."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        parts: dict[str, gym.Space[Any]] = dict(env.observation_space.spaces)  # type: ignore[attr-defined]
        channels, *sides = parts["pixels"].shape or ()
        stack = gym.spaces.Box(0, 255, (FRAMES * channels, *sides), np.uint8)
        self.observation_space = gym.spaces.Dict({**parts, "pixels": stack})  # type: ignore[assignment]
        self._frames: deque[np.ndarray] = deque(maxlen=FRAMES)

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, whose first frame is repeated."""
        observation, info = self.env.reset(**options)
        self._frames.extend([observation["pixels"]] * FRAMES)
        return self._with_stack(observation), info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with a frame more."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._frames.append(observation["pixels"])
        return self._with_stack(observation), reward, terminated, truncated, info

    def _with_stack(self, observation: Observation) -> Observation:
        return {**observation, "pixels": np.concatenate(list(self._frames))}


class AliasedStack(VecEnvWrapper):
    """Stacks the newest frames in an array of its own, writes over it and gives it uncopied.

    Args:
        venv: whose images are as many channels as the stack has; only the newest frame is read.
    """

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        space: Any = venv.observation_space
        self._stack = np.zeros((venv.num_envs, *space["pixels"].shape), np.uint8)

    def reset(self) -> VecEnvObs:
        """Start an episode in each environment."""
        observation: Any = self.venv.reset()
        self._begin(observation["pixels"], np.arange(self.num_envs))
        return {**observation, "pixels": self._stack}

    def step_wait(self) -> VecEnvStepReturn:
        """Return what the step returns, with the stack."""
        observation: Any
        observation, rewards, dones, infos = self.venv.step_wait()
        self._stack[:, :-CHANNELS] = self._stack[:, CHANNELS:].copy()
        self._stack[:, -CHANNELS:] = observation["pixels"][:, -CHANNELS:]
        self._begin(observation["pixels"], np.flatnonzero(dones))
        return {**observation, "pixels": self._stack}, rewards, dones, infos

    def _begin(self, pixels: np.ndarray, envs: np.ndarray) -> None:
        self._stack[envs] = np.tile(pixels[envs, -CHANNELS:], (1, FRAMES, 1, 1))


def stacked_in_place(model: Any) -> None:
    """Stack frames by hand, in one array."""
    model.env = AliasedStack(model.get_env())
