"""Is an input used at all? The same episodes with it shuffled, blanked or delayed."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from scipy.stats import ttest_1samp
from stable_baselines3.common.policies import BasePolicy

from goalscope.diagnostics.record.metrics import (
    ABLATED_RETURN_LOSS,
    ABLATED_SUCCESS,
    UNTOUCHED_EPISODES,
    UNTOUCHED_RETURN,
    UNTOUCHED_SUCCESS,
    WITHHELD,
)
from goalscope.diagnostics.record.successes import Successes
from goalscope.errors import UserError
from goalscope.probes.blocks import GOAL, GOAL_KEYS
from goalscope.training.evaluation.episodes import Episode, play

SHUFFLED, BLANKED, DELAYED = WITHHELD
DELAY = 5  # steps
_REMEMBER_EVERY = 10  # steps
_SEED = 0

Observation = dict[str, np.ndarray]


def ablate(
    policy: BasePolicy, env: gym.Env[Any, Any], inputs: Sequence[str], episodes: int, seed: int
) -> dict[str, float]:
    """Return record key -> value: what episodes come to untouched, and with each input withheld.

    All episodes are the same starts, and the best actions are taken. An input is another's from the
    untouched episodes, a new one at each step ("shuffled"); the mean of those, of what can only be
    counted the most frequent ("blanked"); or what it was five steps ago ("delayed").

    Args:
        policy: of the agent.
        env: that nobody else uses, observed as the policy is used to.
        inputs: keys of the observation; "goal" stands for both goals.
        episodes: of each, at least 2.
        seed: of the first episode.

    Raises:
        UserError: there is no such input.
    """
    keys = {name: _keys_of(name, env.observation_space) for name in inputs}
    remembering = _Remembering(env)
    untouched = play(policy, remembering, episodes, seed)
    found = untouched_values(untouched)
    for name in inputs:
        for way in WITHHELD:
            withheld = _Withheld(env, keys[name], way, remembering.seen)
            played = play(policy, withheld, episodes, seed)
            found |= ablated_values(untouched, played, name, way)
    return found


def untouched_values(played: Sequence[Episode]) -> dict[str, float]:
    """Return record key -> value of the episodes that were left alone."""
    found = {
        UNTOUCHED_EPISODES.key(): float(len(played)),
        UNTOUCHED_RETURN.key(): float(np.mean([episode.total for episode in played])),
    }
    for end, share in _success(played).items():
        found[UNTOUCHED_SUCCESS.key(end=end)] = share
    return found


def ablated_values(
    untouched: Sequence[Episode], played: Sequence[Episode], name: str, way: str
) -> dict[str, float]:
    """Return record key -> value of the same episodes with an input withheld in a way.

    The loss of return is the mean over pairs of episodes from one start, with its 95 % t interval.
    """
    lost = [one.total - other.total for one, other in zip(untouched, played, strict=True)]
    found = {
        ABLATED_RETURN_LOSS.key(block=name, way=way, end=end): value
        for end, value in mean_with_interval(lost).items()
    }
    for end, share in _success(played).items():
        found[ABLATED_SUCCESS.key(block=name, way=way, end=end)] = share
    return found


def mean_with_interval(values: Sequence[float]) -> dict[str, float]:
    """Return the mean and the ends of its 95 % t interval: "mean", "low", "high"."""
    mean = float(np.mean(values))
    if np.ptp(values) == 0:  # of which no spread can be estimated
        return {"mean": mean, "low": mean, "high": mean}
    interval = ttest_1samp(values, 0).confidence_interval(0.95)
    return {"mean": mean, "low": float(interval.low), "high": float(interval.high)}


def _success(played: Sequence[Episode]) -> dict[str, float]:
    """Return the success rate and the ends of its 95 % Wilson interval; empty where not told."""
    told = [episode.success for episode in played if episode.success is not None]
    if len(told) < len(played):
        return {}
    successes = Successes(sum(told), len(told))
    low, high = successes.interval
    return {"rate": successes.success_rate, "low": low, "high": high}


def _keys_of(name: str, space: spaces.Space[Any]) -> tuple[str, ...]:
    assert isinstance(space, spaces.Dict)  # a MultiInputPolicy reads nothing else
    if name in space.spaces:
        return (name,)
    if name == GOAL and all(key in space.spaces for key in GOAL_KEYS):
        return GOAL_KEYS
    raise UserError(
        f"--ablate {name} names no input; this agent observes {', '.join(space.spaces)}"
    )


class _Remembering(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps every tenth observation that it shows."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.seen: list[Observation] = []
        self._shown = 0

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        observation, info = self.env.reset(**options)
        self._remember(observation)
        return observation, info

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        self._remember(observation)
        return (observation, *rest)

    def _remember(self, observation: Observation) -> None:
        if self._shown % _REMEMBER_EVERY == 0:
            self.seen.append({key: np.array(value) for key, value in observation.items()})
        self._shown += 1


class _Withheld(gym.Wrapper[Any, Any, Any, Any]):
    """Shows something else under some keys, of one moment all of them."""

    def __init__(
        self,
        env: gym.Env[Any, Any],
        keys: Sequence[str],
        way: str,
        seen: Sequence[Observation],
    ) -> None:
        super().__init__(env)
        self._keys, self._way, self._seen = keys, way, seen
        self._generator = np.random.default_rng(_SEED)
        self._past: deque[Observation] = deque(maxlen=DELAY + 1)
        self._blank = {key: _blank(np.stack([each[key] for each in seen])) for key in keys}

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        self._past.clear()
        observation, info = self.env.reset(**options)
        return self._instead(observation), info

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        return (self._instead(observation), *rest)

    def _instead(self, observation: Observation) -> Observation:
        if self._way == BLANKED:
            return {**observation, **self._blank}
        if self._way == SHUFFLED:
            shown: Mapping[str, np.ndarray] = self._seen[
                int(self._generator.integers(len(self._seen)))
            ]
        else:
            self._past.append(dict(observation))
            shown = self._past[0]
        return {**observation, **{key: shown[key] for key in self._keys}}


def _blank(values: np.ndarray) -> np.ndarray:
    """Return the mean of values (N, ...); of what is counted and no image the most frequent."""
    if values.dtype.kind == "f":
        return np.asarray(values.mean(axis=0), values.dtype)
    if values.ndim >= 4:  # images
        return np.asarray(values.mean(axis=0).round(), values.dtype)
    rows, counts = np.unique(values, axis=0, return_counts=True)
    return np.asarray(rows[counts.argmax()], values.dtype)
