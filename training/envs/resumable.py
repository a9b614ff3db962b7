"""Environments whose state can be saved and restored, so that a run can be gone on with exactly."""

from collections import deque
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import OrderEnforcing, TimeLimit
from stable_baselines3.common.monitor import Monitor

from goalscope.training.envs.pixel_goal_env import PixelGoalEnv, ShuffledPixels

# Of these mujoco's data holds as many as there are contacts now; a step makes them all anew.
_MADE_ANEW = ("efc_", "iefc_", "efm_", "island_", "map_", "solver_", "bvh_")


class ResumableEnv(gym.Wrapper[Any, Any, Any, Any]):
    """Adds `get_state` and `set_state` to a Fetch environment; the outermost wrapper.

    The state is all that decides what comes next: the simulation with what it derived (gymnasium-
    robotics reads positions that MuJoCo computed before its last integration), the goal, the
    generators, the frames stacked, the step within the episode and Monitor's sums.

    Args:
        env: the environment, wrapped as a run wraps it.
    """

    def get_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays by name, and JSON values by name."""
        robot = cast(Any, self.unwrapped)
        arrays = {f"data.{name}": value.copy() for name, value in _data_arrays(robot.data).items()}
        arrays["goal"] = robot.goal.copy()
        values = {"time": robot.data.time, "generator": robot.np_random.bit_generator.state}
        for layer in self._layers():
            if isinstance(layer, TimeLimit):
                values["elapsed_steps"] = layer._elapsed_steps
            elif isinstance(layer, Monitor):
                values["rewards"] = [float(reward) for reward in layer.rewards]
                values["needs_reset"] = layer.needs_reset
            elif isinstance(layer, PixelGoalEnv):
                arrays |= _numbered("frame", layer.frames)
            elif isinstance(layer, ShuffledPixels):
                arrays |= _numbered("pool", layer.pool)
                values["pool_generator"] = layer.generator.bit_generator.state
        return arrays, values

    def set_state(self, arrays: dict[str, np.ndarray], values: dict[str, Any]) -> None:
        """Take over what `get_state` returned.

        Raises:
            KeyError, ValueError: the state is of another environment.
        """
        robot = cast(Any, self.unwrapped)
        data = robot.data
        for name, value in _data_arrays(data).items():
            value[:] = arrays[f"data.{name}"]
        data.time = values["time"]
        robot._mujoco.mj_forward(robot.model, data)
        for name, value in _data_arrays(data).items():  # as they were, which is a step behind
            value[:] = arrays[f"data.{name}"]
        robot.goal = arrays["goal"].copy()
        robot.np_random = _generator(values["generator"])
        for layer in self._layers():
            if isinstance(layer, TimeLimit):
                layer._elapsed_steps = values["elapsed_steps"]
            elif isinstance(layer, Monitor):
                layer.rewards = list(values["rewards"])
                layer.needs_reset = values["needs_reset"]
            elif isinstance(layer, OrderEnforcing):
                layer._has_reset = True
            elif isinstance(layer, PixelGoalEnv):
                _refill(layer.frames, "frame", arrays)
            elif isinstance(layer, ShuffledPixels):
                _refill(layer.pool, "pool", arrays)
                layer.generator = _generator(values["pool_generator"])

    def _layers(self) -> list[gym.Env[Any, Any]]:
        layers: list[gym.Env[Any, Any]] = []
        env: gym.Env[Any, Any] = self.env
        while isinstance(env, gym.Wrapper):
            layers.append(env)
            env = env.env
        return layers


def _data_arrays(data: Any) -> dict[str, np.ndarray]:
    """Return the arrays of a mujoco.MjData whose sizes the model fixes, by name."""
    names = (name for name in dir(data) if not name.startswith(("_", *_MADE_ANEW)))
    found = {name: getattr(data, name) for name in names}
    return {name: v for name, v in found.items() if isinstance(v, np.ndarray) and v.size}


def _numbered(name: str, items: deque[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{name}.{number:04d}": item for number, item in enumerate(items)}


def _refill(items: deque[np.ndarray], name: str, arrays: dict[str, np.ndarray]) -> None:
    items.clear()
    items.extend(arrays[key] for key in sorted(arrays) if key.startswith(f"{name}."))


def _generator(state: dict[str, Any]) -> np.random.Generator:
    generator = np.random.default_rng()
    generator.bit_generator.state = state
    return generator
