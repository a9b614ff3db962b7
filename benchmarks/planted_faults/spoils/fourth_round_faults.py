"""Mistakes of the fourth round in the environment, and in what stands between it and the agent.

By one who knew what the checks measure, not how they decide. Replay's stand in
`fourth_round_replay_faults`, the agent's in `fourth_round_agent_faults`.
"""

from collections import deque
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import TimeLimit
from stable_baselines3.common.vec_env import VecNormalize

from benchmarks.planted_faults.grounds import STARTS
from benchmarks.planted_faults.spoils.environment_faults import GoalEnv, Observation, Step

DARK = STARTS + 150  # steps after which nothing is seen
LATE = 5  # steps that images lag behind; an episode of the point has 25
NEW_ACTION = 0.25  # chance that an action is carried out, and not the one before again
CONTROL_COST = 0.5  # of the action's squared length
SECONDS = 2  # of an episode of Fetch: 50 steps of 40 ms
CLIP = 0.1  # standard deviations; VecNormalize's own is 10
CENTRES = {2: (0.0, 0.0), 3: (1.34, 0.75, 0.53)}  # of where goals lie, by their length


class GoalDrawnEachStep(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Draws a goal whenever it observes, not once an episode; rewards are those of the new one."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._generator = np.random.default_rng(0)
        self._half = float(env.get_wrapper_attr("goal_task").goal_range) / 2

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        observation, info = self.env.reset(**options)
        return self._with_goal(observation), info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with another goal and its reward."""
        observation, _, terminated, truncated, info = self.env.step(action)
        shown = self._with_goal(observation)
        goals = shown["achieved_goal"], shown["desired_goal"]
        reward = float(self.env.get_wrapper_attr("compute_reward")(*goals, info))
        return shown, reward, terminated, truncated, info

    def _with_goal(self, observation: Observation) -> Observation:
        goal = observation["desired_goal"]
        offset = self._generator.uniform(-self._half, self._half, goal.shape)
        drawn = (CENTRES[len(goal)] + offset).astype(goal.dtype)
        return {**observation, "desired_goal": drawn}


class StickyActions(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Repeats the last action with the chance that was meant for carrying out a new one."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._generator = np.random.default_rng(0)
        self._last: np.ndarray | None = None

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, whose first action is carried out."""
        self._last = None
        return self.env.reset(**options)

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns that carries out this action or the last one."""
        if self._last is None or self._generator.random() < NEW_ACTION:
            self._last = action
        return self.env.step(self._last)


class PositiveActions(gym.ActionWrapper[Observation, np.ndarray, np.ndarray]):
    """Brings actions to 0..1, as another robot takes them: there is no way back."""

    def action(self, action: np.ndarray) -> np.ndarray:
        """Return the action that is carried out."""
        return (action + 1) / 2


class LateImages(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Gives each image some steps late, as a camera's driver does that queues frames."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._queue: deque[np.ndarray] = deque(maxlen=LATE + 1)

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, whose first image is shown until the next one comes through."""
        observation, info = self.env.reset(**options)
        self._queue.extend([observation["pixels"]] * (LATE + 1))
        return observation, info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with the oldest image."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._queue.append(observation["pixels"])
        late = {**observation, "pixels": self._queue[0]}
        return late, reward, terminated, truncated, info


class FadingExposure(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Shows images that darken step by step, as an exposure does that is set by feedback."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._shown = 0

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with the image as exposed."""
        self._shown += 1
        light = max(0.0, 1 - self._shown / DARK)
        return {**observation, "pixels": (light * observation["pixels"]).astype(np.uint8)}


class CostInStep(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Charges for large actions in the step, which hindsight's `compute_reward` cannot know."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, its reward less the cost of the action."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        cost = CONTROL_COST * float(action @ action)
        return observation, float(reward) - cost, terminated, truncated, info


class FlippedRewards(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Compares the wrong way round: 0 away from the goal and -1 at it, of relabelled goals, too."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with that reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, -1 - float(reward), terminated, truncated, info

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return those rewards of goals (..., d)."""
        own: np.ndarray = self.env.get_wrapper_attr("compute_reward")(achieved, desired, info)
        return -1 - own


def ended_in_seconds(env: GoalEnv) -> GoalEnv:
    """Return the environment whose limit is in seconds, and is taken for steps."""
    return TimeLimit(env, SECONDS)


class HiddenObject(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Draws no object, as a renderer does that leaves its group of shapes out."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        model = env.get_wrapper_attr("model")
        model.geom_rgba[model.geom("object0").id] = 0.0


class GripperForObject(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Reads what is achieved from the wrong numbers: the gripper's place, not the object's."""

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        observation, info = self.env.reset(**options)
        return _at_gripper(observation, info), info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns; its reward stays that of the object."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return _at_gripper(observation, info), reward, terminated, truncated, info


class ClippedNormalize(VecNormalize):
    """Clips what is normalised at a tenth of its standard deviation."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "clip_obs": CLIP})


def _at_gripper(observation: Observation, info: dict[str, Any]) -> Observation:
    place = info["gripper_position"].astype(observation["achieved_goal"].dtype)
    return {**observation, "achieved_goal": place}
