"""Environments whose state can be saved and restored, so that a run can be gone on with exactly."""

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import OrderEnforcing, TimeLimit
from stable_baselines3.common.monitor import Monitor

from goalscope.training.envs.keeping import Arrays, Keeps, Values, keeps, layers

LOST = "lost"
_OURS = ("elapsed_steps", "rewards", "needs_reset", LOST)


class ResumableEnv(gym.Wrapper[Any, Any, Any, Any]):
    """Adds `get_state` and `set_state` to an environment and its wrappers; the outermost one.

    The state is all that decides what comes next: what each layer keeps of itself, the step
    within the episode and Monitor's sums. Where not all of it is kept (`keeps`), the state is
    `LOST`: a run goes on with a new episode.

    Args:
        env: the environment, wrapped as a run wraps it.
    """

    def get_state(self) -> tuple[Arrays, Values]:
        """Return arrays by name, and JSON values by name."""
        arrays: Arrays = {}
        values: Values = {} if keeps(self.env) else {LOST: True}
        for number, layer in enumerate(layers(self.env)):
            if isinstance(layer, TimeLimit):
                values["elapsed_steps"] = layer._elapsed_steps
            elif isinstance(layer, Monitor):
                values["rewards"] = [float(reward) for reward in layer.rewards]
                values["needs_reset"] = layer.needs_reset
            elif isinstance(layer, Keeps):
                own_arrays, own_values = layer.get_state()
                _join(arrays, own_arrays, number)
                _join(values, own_values, number)
        return arrays, values

    def set_state(self, arrays: Arrays, values: Values) -> None:
        """Take over what `get_state` returned.

        Raises:
            KeyError, ValueError: the state is of another environment.
        """
        for number, layer in enumerate(layers(self.env)):
            if isinstance(layer, TimeLimit):
                layer._elapsed_steps = values["elapsed_steps"]
            elif isinstance(layer, Monitor):
                layer.rewards = list(values["rewards"])
                layer.needs_reset = values["needs_reset"]
            elif isinstance(layer, OrderEnforcing):
                layer._has_reset = True
            elif isinstance(layer, Keeps):
                layer.set_state(_of(arrays, number), _of(values, number))


def _join(taken: dict[str, Any], own: Mapping[str, Any], number: int) -> None:
    """Add what a layer keeps; under a name of its own where the name has been given."""
    for name, value in own.items():
        taken[f"{name}@{number}" if name in taken or name in _OURS else name] = value


def _of(kept: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return what a layer keeps, under the names that it gave."""
    end = f"@{number}"
    return {**kept, **{k.removesuffix(end): v for k, v in kept.items() if k.endswith(end)}}
