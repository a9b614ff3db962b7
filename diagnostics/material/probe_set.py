"""The probe set: fixed observations on which every arm and seed of a study is asked the same."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from stable_baselines3.common.vec_env import VecEnv

from goalscope.diagnostics.material.channels_first import ChannelsFirst
from goalscope.diagnostics.material.declared_task import environment_id
from goalscope.diagnostics.material.wandering import ProbeSetError, box_actions, wander
from goalscope.diagnostics.record import ProbeSetInfo
from goalscope.diagnostics.record.disk import disk_errors
from goalscope.errors import printable
from goalscope.probes import GoalBatch
from goalscope.probes.blocks import GOAL_KEYS

GRID_GOALS = 49  # about as many: a square grid where two dimensions of the goals vary
STATES = 128
PROBE_SEED = 20_000_003  # of no training environment: every arm and seed gathers the same states
_STEPS, _EVERY, _HOLD = 24, 6, 3


@dataclass(frozen=True)
class ProbeSet:
    """Fixed observations, actions and a grid of goals.

    Attributes:
        observations: key -> (N, ...), as the environment returns them, images (C, H, W).
        actions: float32 (N, A), scaled to [-1, 1].
        goals: float32 (G, d), a regular grid over the goals of the task, in the goal's unit.
        source: where they come from, in words.
    """

    observations: Mapping[str, np.ndarray]
    actions: np.ndarray
    goals: np.ndarray
    source: str

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def sha256(self) -> str:
        """Digest of the content: equal exactly for equal probe sets."""
        return _digest(self._arrays())

    @property
    def states_sha256(self) -> str:
        """Digest of goals and actions: equal for the same states observed in other ways."""
        kept = {*(f"observations.{key}" for key in GOAL_KEYS), "actions", "goals"}
        return _digest({key: value for key, value in self._arrays().items() if key in kept})

    def save(self, path: Path | str) -> None:
        """Write to a safetensors file.

        Raises:
            OSError: the disk is full or gone.
        """
        with disk_errors():
            save_file(self._arrays(), path, metadata={"source": self.source})
        Path(path).chmod(0o644)  # safetensors keeps it to its owner

    def batch(self, device: torch.device) -> GoalBatch:
        """Return the probe set as tensors on a device."""
        return GoalBatch(
            {k: torch.as_tensor(v, device=device) for k, v in self.observations.items()},
            torch.as_tensor(self.actions, device=device),
            torch.as_tensor(self.goals, device=device),
        )

    def describe(self) -> ProbeSetInfo:
        """Return what run.json says of it."""
        return {
            "states": len(self),
            "goals": len(self.goals),
            "source": self.source,
            "sha256": self.sha256,
            "states_sha256": self.states_sha256,
        }

    def _arrays(self) -> dict[str, np.ndarray]:
        observations = {f"observations.{k}": v for k, v in self.observations.items()}
        return {**observations, "actions": self.actions, "goals": self.goals}


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for key, values in sorted(arrays.items()):
        digest.update(f"{key}{values.dtype}{values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def load_probe_set(path: Path) -> ProbeSet:
    """Read a probe set.

    Raises:
        ProbeSetError: the file is missing, damaged or something else.
    """
    if not path.exists():
        raise ProbeSetError(
            f"{path} does not exist; give the file of a probe set: goalscope probe-set makes one"
        )
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {key: file.get_tensor(key) for key in file.keys()}
            source = (file.metadata() or {}).get("source", "unknown")
        observations = {
            key.removeprefix("observations."): values
            for key, values in arrays.items()
            if key.startswith("observations.")
        }
        return ProbeSet(observations, arrays["actions"], arrays["goals"], source)
    except (OSError, SafetensorError, KeyError) as error:
        raise ProbeSetError(
            f"{path} is not a readable probe set ({printable(str(error))}); "
            "give another, or delete it to gather it again"
        ) from error


def gather_probe_set(
    env: gym.Env[dict[str, np.ndarray], np.ndarray], size: int = STATES, seed: int = PROBE_SEED
) -> ProbeSet:
    """Return states that random actions reach in an environment of its own, with its goals.

    Four states an episode: every sixth of its first 24 steps, each random action held for three
    steps so that what they move travels. Where an episode ends sooner, the next goes on. The
    environment should be made for this and closed after.

    Args:
        env: a goal environment with a Dict observation and a Box action.
        size: how many states, at least 2.
        seed: of the environment and of the actions: the same seed gathers the same states.

    Raises:
        NotDict: the environment observes no Dict.
        ProbeSetError: it has no goals, or actions that are no Box; too few states are wanted, or
            the seed is negative.
    """
    _check(env, size)
    if seed < 0:
        raise ProbeSetError(f"a seed is 0 or more, and {seed} is not")
    walk = wander(ChannelsFirst(env), seed, -(-size * _EVERY // _STEPS), _STEPS, _HOLD)
    kept = [step for step in walk if step.number % _EVERY == 0][:size]
    stacked = {key: np.stack([s.observation[key] for s in kept]) for key in kept[0].observation}
    return ProbeSet(
        stacked,
        np.stack([step.action for step in kept]),
        goal_grid(stacked["desired_goal"]),
        f"random actions in a {environment_id(env)} of its own, seed {seed}",
    )


def _check(env: gym.Env[Any, Any], size: int) -> None:
    """Refuse what no probe set can be gathered in."""
    if isinstance(env, VecEnv):
        raise ProbeSetError("a probe set is gathered in one environment; give it, not a VecEnv")
    box_actions(env)
    observed = env.observation_space
    if isinstance(observed, gym.spaces.Dict) and "desired_goal" not in observed.spaces:
        raise ProbeSetError("a probe set needs an environment with desired_goal; wrap a goal task")
    goal = observed.spaces["desired_goal"] if isinstance(observed, gym.spaces.Dict) else None
    if isinstance(goal, gym.spaces.Discrete):
        raise ProbeSetError(
            f"a probe set lays a grid over goals, and {goal} has no distances; give goals as a Box "
            "or MultiBinary"
        )
    if size < 2:
        raise ProbeSetError(f"a probe set needs 2 states or more, not {size}")


def goal_grid(goals: np.ndarray, size: int = GRID_GOALS) -> np.ndarray:
    """Return a regular grid over the range of goals, float32 (about `size`, d).

    Dimensions in which the goals vary by less than 1 % of the widest (the height on a table) stay
    at their median.

    Args:
        goals: float (N, d).
        size: number of goals wanted, about.
    """
    low, high = np.quantile(goals, [0.025, 0.975], axis=0)
    varies = (high - low) > 0.01 * (high - low).max()
    points = max(2, round(size ** (1 / max(1, int(varies.sum())))))
    axes = [
        np.linspace(low[i], high[i], points)
        if varies[i]
        else np.median(goals[:, i : i + 1], axis=0)
        for i in range(goals.shape[1])
    ]
    return (
        np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        .reshape(-1, goals.shape[1])
        .astype(np.float32)
    )
