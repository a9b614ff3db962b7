"""What an environment must keep for a run to go on exactly: arrays, and JSON values, by name."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import (
    NormalizeObservation,
    NormalizeReward,
    OrderEnforcing,
    PassiveEnvChecker,
    TimeLimit,
)
from stable_baselines3.common.monitor import Monitor

_KNOWN = (TimeLimit, OrderEnforcing, PassiveEnvChecker, Monitor)
_WITHOUT_STATE = (gym.ObservationWrapper, gym.RewardWrapper, gym.ActionWrapper)
_WITH_STATE = (NormalizeObservation, NormalizeReward)

Arrays = dict[str, np.ndarray]
Values = dict[str, Any]


@runtime_checkable
class Keeps(Protocol):
    """An environment or a wrapper with a state of its own that decides what comes next."""

    def get_state(self) -> tuple[Arrays, Values]:
        """Return arrays by name, and JSON values by name."""

    def set_state(self, arrays: Arrays, values: Values) -> None:
        """Take over what `get_state` returned."""


def layers(env: gym.Env[Any, Any]) -> list[gym.Env[Any, Any]]:
    """Return an environment's wrappers, the outermost first, and last the environment itself."""
    found = [env]
    while isinstance(found[-1], gym.Wrapper):
        found.append(found[-1].env)
    return found


def keeps(env: gym.Env[Any, Any]) -> bool:
    """Whether all that decides what comes next is kept.

    By the environment or a wrapper, for itself and what it holds, and by each layer around that,
    but for those whose state is known, or that have none, as gymnasium's kinds for observations,
    rewards and actions as a rule.
    """
    around = layers(env)
    kept = [number for number, layer in enumerate(around) if isinstance(layer, Keeps)]
    return bool(kept) and not any(map(_forgets, around[: kept[-1]]))


def _forgets(layer: gym.Env[Any, Any]) -> bool:
    if isinstance(layer, Keeps):
        return False
    return isinstance(layer, _WITH_STATE) or not isinstance(layer, (*_KNOWN, *_WITHOUT_STATE))


def numbered(name: str, items: Iterable[np.ndarray]) -> Arrays:
    """Return arrays under numbered names, in their order."""
    return {f"{name}.{number:04d}": item for number, item in enumerate(items)}


def refill(items: deque[np.ndarray], name: str, arrays: Arrays) -> None:
    """Put back what `numbered` named."""
    items.clear()
    items.extend(arrays[key] for key in sorted(arrays) if key.startswith(f"{name}."))


def generator_of(state: dict[str, Any]) -> np.random.Generator:
    """Return a generator in that state of its bits."""
    generator = np.random.default_rng()
    generator.bit_generator.state = state
    return generator
