"""What can be wrong with the environment: with what it shows, pays and does."""

from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecNormalize
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from goalscope.probes.blocks import GOAL_KEYS

Observation = dict[str, np.ndarray]
GoalEnv = gym.Env[Any, np.ndarray]
Step = tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]
SHOWN_GOAL = 0.5  # metres or units, along each axis; the agent can be there
# The corner of the point's square, and where FetchReach's gripper starts, by the goal's length.
_ORIGINS = {2: (-5.0, -5.0), 3: (1.34, 0.75, 0.53)}
_ACTION_SCALE = 0.02
_REWARD_SCALE = 100.0
_PER_UNIT = 1_000.0
_STEPS_BEFORE_STALE = 20


class FixedGoal(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Shows one goal whatever is asked for; the rewards stay those of the true goal."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with that goal."""
        return {
            **observation,
            "desired_goal": np.full_like(observation["desired_goal"], SHOWN_GOAL),
        }


class BlankImages(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Shows a black image, as a camera does that has lost its scene."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with a black image."""
        return {**observation, "pixels": np.zeros_like(observation["pixels"])}


class FloatImages(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Shows images as floats of 0..1, which Stable-Baselines3 takes for vectors and flattens."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        parts: dict[str, gym.Space[Any]] = dict(env.observation_space.spaces)  # type: ignore[attr-defined]
        shape = parts["pixels"].shape
        self.observation_space = gym.spaces.Dict(
            {**parts, "pixels": gym.spaces.Box(0, 1, shape, np.float32)}
        )

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with its image divided by 255."""
        return {**observation, "pixels": observation["pixels"].astype(np.float32) / 255}


class GoalsInMillimetres(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Measures both goals in thousandths of their unit; rewards stay those of the true goals."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        parts: dict[str, gym.Space[Any]] = dict(env.observation_space.spaces)  # type: ignore[attr-defined]
        goals = {key: gym.spaces.Box(-np.inf, np.inf, parts[key].shape) for key in GOAL_KEYS}
        self.observation_space = gym.spaces.Dict({**parts, **goals})

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        observation, info = self.env.reset(**options)
        return _times(observation, _PER_UNIT), info

    def step(self, action: np.ndarray) -> Step:
        """Take a step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return _times(observation, _PER_UNIT), reward, terminated, truncated, info

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return the rewards of goals (..., d), in thousandths."""
        return rewards_of(self, achieved / _PER_UNIT, desired / _PER_UNIT, info)


class LargeRewards(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Pays a hundred times as much, of relabelled goals, too."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, its reward times 100."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, _REWARD_SCALE * float(reward), terminated, truncated, info

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return the rewards of goals (..., d), times 100."""
        return _REWARD_SCALE * np.asarray(rewards_of(self, achieved, desired, info))


class AlwaysTerminated(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Says at every step that the episode has ended for good."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, as the last of its episode."""
        observation, reward, _, truncated, info = self.env.step(action)
        return observation, reward, True, truncated, info


class SmallActions(gym.ActionWrapper[Observation, np.ndarray, np.ndarray]):
    """Carries out a fiftieth of each action."""

    def action(self, action: np.ndarray) -> np.ndarray:
        """Return the action that is carried out."""
        return _ACTION_SCALE * action


class OtherFrame(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Gives desired goals relative to another origin than achieved ones; rewards compare both."""

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        observation, info = self.env.reset(**options)
        return self._moved(observation), info

    def step(self, action: np.ndarray) -> Step:
        """Take a step whose reward and success are those of the goals shown."""
        observation, _, terminated, truncated, info = self.env.step(action)
        shown = self._moved(observation)
        reward = float(rewards_of(self, shown["achieved_goal"], shown["desired_goal"], info))
        return shown, reward, terminated, truncated, {**info, "is_success": float(reward >= 0)}

    def _moved(self, observation: Observation) -> Observation:
        goal = observation["desired_goal"]
        return {**observation, "desired_goal": goal - np.array(_ORIGINS[len(goal)], goal.dtype)}


class StaleNormalize(VecNormalize):
    """Stops following the observations before the first episode has ended."""

    _steps = 0

    def step_wait(self) -> VecEnvStepReturn:
        """Return what the step returns, normalised by what was seen first."""
        self._steps += 1
        self.training = self._steps < _STEPS_BEFORE_STALE
        return super().step_wait()


def _times(observation: Observation, factor: float) -> Observation:
    scaled = {key: (factor * observation[key]).astype(np.float32) for key in GOAL_KEYS}
    return {**observation, **scaled}


def rewards_of(env: GoalEnv, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
    """Return the rewards of goals (..., d) that the environment inside all wrappers computes."""
    rewards: np.ndarray = env.unwrapped.compute_reward(achieved, desired, info)  # type: ignore[attr-defined]
    return rewards
