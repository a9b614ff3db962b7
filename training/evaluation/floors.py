"""Floors: the success of an agent that does nothing, and of one that acts at random.

An agent is worth something where it lies above both. They are measured once for each task, without
a camera, and shipped in `floors.json`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from goalscope.diagnostics.record import write_json_atomically
from goalscope.diagnostics.record.successes import Successes
from goalscope.training.envs.making import make_simulation, packages_of
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.evaluation.episodes import Evaluation, evaluate

# Resolved: an editable install links to the code, and not to what lies beside it.
FLOORS_FILE = Path(__file__).resolve().with_name("floors.json")
FLOOR_EPISODES = 1_000
FLOOR_SEED = 40_000_003  # of no training or evaluation environment


@dataclass(frozen=True)
class Floor(Successes):
    """What a policy without any skill comes to.

    Attributes:
        successes: episodes that were successful at their last step.
        episodes: all of them.
        final_distance: of the achieved from the desired goal at the last step, the median, in the
            unit that the task is shown in.
        final_distance_mean: the mean.
        mean_return: undiscounted sum of rewards, the mean over episodes.
    """

    final_distance: float
    final_distance_mean: float
    mean_return: float


@dataclass(frozen=True)
class Floors:
    """The floors of a task.

    Attributes:
        env: its id.
        noop: of the policy that does nothing.
        random: of the policy that draws each action uniformly.
        seed: of the first episode and of the random actions.
        versions: package -> version they were measured with.
    """

    env: str
    noop: Floor
    random: Floor
    seed: int
    versions: Mapping[str, str]


class _Idle:
    """Does nothing."""

    def __init__(self, space: gym.spaces.Box) -> None:
        self._action = np.zeros(space.shape, space.dtype)

    def predict(self, *_: Any, **__: Any) -> tuple[np.ndarray, None]:
        return self._action, None


class _Random:
    """Draws each action uniformly from the action space, from a generator of its own."""

    def __init__(self, space: gym.spaces.Box, seed: int) -> None:
        self._space = space
        # Not the seed alone: an environment reset with it draws from the very same stream.
        self._generator = np.random.default_rng([seed, 1])

    def predict(self, *_: Any, **__: Any) -> tuple[np.ndarray, None]:
        drawn = self._generator.uniform(self._space.low, self._space.high)
        return drawn.astype(self._space.dtype), None


def measure_floors(env_id: str, episodes: int = FLOOR_EPISODES, seed: int = FLOOR_SEED) -> Floors:
    """Return the floors of a task, measured now; the same for the same seed and versions.

    Args:
        env_id: one of our tasks; an action of zeros does nothing in it.
        episodes: of each policy; episode i starts from seed + i for both.
        seed: of the first episode and of the random actions.

    Raises:
        UnusableEnvironment: there is no such task.
        ValueError: fewer than one episode.
    """
    settings = EnvironmentSettings(id=env_id)
    env = make_simulation(settings)
    try:
        space = env.action_space
        assert isinstance(space, gym.spaces.Box)
        noop = evaluate(_Idle(space), env, episodes, seed)
        random = evaluate(_Random(space, seed), env, episodes, seed)
    finally:
        env.close()
    return Floors(env_id, _floor(noop), _floor(random), seed, _versions(packages_of(settings)))


def floors_of(env_id: str) -> Floors | None:
    """Return the shipped floors of a task; None where it has none."""
    return _shipped().get(env_id)


def write_floors(path: Path, floors: Sequence[Floors]) -> None:
    """Write floors as JSON, each with the call that measures it again."""
    content = {
        "floors": [
            {
                "command": f"goalscope.training.evaluation.floors.measure_floors({measured.env!r}, "
                f"episodes={measured.noop.episodes}, seed={measured.seed})",
                **asdict(measured),
            }
            for measured in floors
        ]
    }
    write_json_atomically(path, content)


def read_floors(path: Path) -> dict[str, Floors]:
    """Return task -> its floors, from a file that `write_floors` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {
        entry["env"]: Floors(
            entry["env"],
            Floor(**entry["noop"]),
            Floor(**entry["random"]),
            entry["seed"],
            entry["versions"],
        )
        for entry in content["floors"]
    }


@cache
def _shipped() -> dict[str, Floors]:
    return read_floors(FLOORS_FILE)


def _floor(evaluation: Evaluation) -> Floor:
    return Floor(
        evaluation.successes,
        evaluation.episodes,
        round(evaluation.final_distance, 4),
        round(evaluation.final_distance_mean, 4),
        evaluation.mean_return,
    )


def _versions(packages: Iterable[str]) -> dict[str, str]:
    return {name: version(name) for name in packages}
