"""Mistakes of the fifth round in the environment, and in what stands between it and the agent.

By one who knew the checks' names and what each measures, not how they decide. Replay's stand in
`fifth_round_replay_faults`, the agent's in `fifth_round_agent_faults`.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from benchmarks.planted_faults.spoils.environment_faults import GoalEnv, Observation, Step
from benchmarks.planted_faults.spoils.fourth_round_faults import CENTRES

CROP = 3  # a third of the height and of the width is kept
NOISE = 0.1  # standard deviation of the tracker, of the range of goals
WIDE = 10.0  # bounds of an action space whose actions are cut at 1
REPEATS = 10  # steps an action lasts; an episode of the point has 25
FAR = 10.0  # of the distance of goals from their centre
HELD = 5  # steps that an observation is shown


class CroppedCorner(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Crops images at their upper left corner, where their middle was meant, and enlarges that."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with a part of its image, as large as the whole was."""
        image = observation["pixels"]
        rows, columns = (length // CROP for length in image.shape[1:])
        corner = image[:, :rows, :columns]
        return {**observation, "pixels": corner.repeat(CROP, axis=1).repeat(CROP, axis=2)}


class RelativeGoals(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Gives the way to the goal as the desired goal; hindsight puts places there."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with what is left of the way; rewards are those of the goal."""
        way = observation["desired_goal"] - observation["achieved_goal"]
        return {**observation, "desired_goal": way}


class NoisyTracker(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Adds the noise of a tracker to achieved goals, as large as what counts as reached."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._generator = np.random.default_rng(0)
        self._spread = NOISE * float(env.get_wrapper_attr("goal_task").goal_range)

    def observation(self, observation: Observation) -> Observation:
        """Return the observation as tracked; rewards stay those of the truth."""
        achieved = observation["achieved_goal"]
        noise = self._generator.normal(0, self._spread, achieved.shape)
        return {**observation, "achieved_goal": (achieved + noise).astype(achieved.dtype)}


class ClippedRewards(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Clips the rewards of steps to 0..1, as of Atari games; hindsight asks what is inside."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, its reward clipped: all are 0."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, min(max(float(reward), 0.0), 1.0), terminated, truncated, info


class WideActionSpace(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Declares actions of -10..10, of which the environment carries out what lies in -1..1."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self.action_space = spaces.Box(-WIDE, WIDE, env.action_space.shape, np.float32)

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns that carries out what is allowed of an action."""
        return self.env.step(np.clip(action, -1, 1))


class RepeatedActions(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Carries each action out ten times: frames are skipped as in a game of sixty a second."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the last of these steps returns."""
        for _ in range(REPEATS):
            result = self.env.step(action)
            if result[2] or result[3]:
                break
        return result


class GoalsBeyondReach(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Draws goals from ten times the range that the agent can reach; rewards are those of them."""

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        observation, info = self.env.reset(**options)
        return self._moved(observation), info

    def step(self, action: np.ndarray) -> Step:
        """Take a step whose reward and success are those of the goal shown."""
        observation, _, terminated, truncated, info = self.env.step(action)
        shown = self._moved(observation)
        goals = shown["achieved_goal"], shown["desired_goal"]
        reward = float(self.env.get_wrapper_attr("compute_reward")(*goals, info))
        return shown, reward, terminated, truncated, {**info, "is_success": float(reward >= 0)}

    def _moved(self, observation: Observation) -> Observation:
        goal = observation["desired_goal"]
        centre = np.array(CENTRES[len(goal)], goal.dtype)
        return {**observation, "desired_goal": centre + FAR * (goal - centre)}


class HeldObservations(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Observes every fifth step and shows that until the next, as sensors do that are slower."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._steps = 0
        self._shown: Observation = {}

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, whose first observation is new."""
        self._steps = 0
        self._shown, info = self.env.reset(**options)
        return dict(self._shown), info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with what was observed last; its reward is of the truth."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        if self._steps % HELD == 0:
            self._shown = observation
        return dict(self._shown), reward, terminated, truncated, info


class NoCollisions(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Switches the robot's collisions off, as in a wrong group: it passes through the object."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        model = env.get_wrapper_attr("model")
        robot = [model.body(body).name.startswith("robot0") for body in model.geom_bodyid]
        model.geom_contype[robot] = model.geom_conaffinity[robot] = 0


class RestartedNormalize(VecNormalize):
    """Starts its statistics anew at each episode: one is made wherever the environment is reset."""

    _ended = False

    def step_async(self, actions: np.ndarray) -> None:
        """Take a step; the first of an episode is where the statistics begin."""
        if self._ended:
            assert isinstance(self.obs_rms, dict)  # a Dict space's
            self.obs_rms = {k: RunningMeanStd(shape=v.mean.shape) for k, v in self.obs_rms.items()}
        super().step_async(actions)

    def step_wait(self) -> VecEnvStepReturn:
        """Return what the step returns, normalised by what this episode has seen."""
        result = super().step_wait()
        self._ended = bool(result[2].any())
        return result
