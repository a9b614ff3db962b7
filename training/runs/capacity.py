"""What a run will take: memory and disk for replay, against what is free now."""

import shutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
from gymnasium import spaces

from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import task_of
from goalscope.training.replay.kept_features import kept_bytes
from goalscope.training.replay.sizes import GIB, BufferTooLarge, replay_bytes
from goalscope.training.runs.settings import RunSettings

_SHARE = 0.6  # of the free memory that frames may take before they go to disk
_PROCESS_BYTES = GIB  # torch, the networks, an update's activations
_WORKER_BYTES = GIB // 2  # of an environment in a process of its own
_VECTOR_BYTES = 4 * 3 + 8 * 2  # reward, done, timeout; start and length of the episode


@dataclass(frozen=True)
class Room:
    """What replay takes and what there is, in bytes.

    Attributes:
        frames: where replay keeps its frames.
        memory: taken in memory when replay is full.
        disk: taken on disk when replay is full, checkpoints' copies of it not counted.
        free_memory: now.
        free_disk: now, where the run's folder lies.
    """

    frames: Literal["memory", "disk"]
    memory: int
    disk: int
    free_memory: int
    free_disk: int

    @property
    def problem(self) -> str | None:
        """Why it does not fit, in one line with the remedy; None where it does."""
        if self.memory > self.free_memory:
            return (
                f"replay needs {self.memory / GIB:.1f} GiB of memory and "
                f"{self.free_memory / GIB:.1f} GiB are free; use --frames disk, or a smaller "
                "--buffer-size"
            )
        if self.disk > self.free_disk:
            return (
                f"replay needs {self.disk / GIB:.1f} GiB of disk and "
                f"{self.free_disk / GIB:.1f} GiB are free; free some, choose another --out, or "
                "use a smaller --buffer-size"
            )
        return None


def room_for(settings: RunSettings, at_once: int = 1) -> Room:
    """Return what the run's replay takes, and what is free.

    Args:
        settings: of the run.
        at_once: runs that share what is free evenly.
    """
    space, actions = _spaces(settings.environment)
    free_memory = psutil.virtual_memory().available // at_once
    free_disk = shutil.disk_usage(_existing(settings.out)).free // at_once
    if settings.on_policy:  # SB3 keeps a rollout's images as floats
        elements = sum(int(np.prod(part.shape or 1)) for part in space.spaces.values())
        taken = settings.starts * (4 * elements + _VECTOR_BYTES)
        return Room("memory", taken, 0, free_memory, free_disk)
    assert isinstance(actions, spaces.Box)
    count = settings.transitions
    if not settings.shared_frames:
        observation = sum(_bytes(part) for part in space.spaces.values())
        taken = count * (2 * observation + actions.shape[0] * 4 + _VECTOR_BYTES)
        return Room("memory", taken, 0, free_memory, free_disk)
    episode = task_of(settings.environment.id).episode_steps
    sizes = (space, actions, count, settings.n_envs, settings.moving_stack, episode)
    needed = replay_bytes(*sizes)
    features = kept_bytes(count, settings.agent.cnn_dim) if settings.keeps_features else 0
    in_memory = needed.total + features
    where = settings.frames or ("memory" if in_memory < _SHARE * free_memory else "disk")
    if where == "memory":
        return Room("memory", in_memory, 0, free_memory, free_disk)
    needed = replay_bytes(*sizes, spare_rows=settings.spare_rows)
    return Room("disk", needed.vectors + features, needed.frames, free_memory, free_disk)


def fitted(settings: RunSettings, at_once: int = 1) -> RunSettings:
    """Return the settings with the place of replay's frames chosen, by what is free now.

    Args:
        settings: of the run.
        at_once: runs that share what is free evenly.

    Raises:
        BufferTooLarge: saying what it needs, what there is, and the remedy.
    """
    room = room_for(settings, at_once)
    if room.problem is not None:
        beside = f" (a share for each of {at_once} runs at a time: --parallel)"
        raise BufferTooLarge(f"{room.problem}{beside if at_once > 1 else ''}")
    return replace(settings, frames=room.frames) if settings.shared_frames else settings


def memory_for(settings: RunSettings) -> int:
    """Return the memory that the whole run takes, bytes: its replay and its processes, about."""
    workers = settings.n_envs if settings.fast and settings.n_envs > 1 else 0
    return room_for(settings).memory + _PROCESS_BYTES + workers * _WORKER_BYTES


@cache
def _spaces(environment: EnvironmentSettings) -> tuple[spaces.Dict, spaces.Space[Any]]:
    """Return what is observed and done there."""
    env = make_environment(environment)
    env.close()
    assert isinstance(env.observation_space, spaces.Dict)
    return env.observation_space, env.action_space


def _bytes(space: spaces.Space[object]) -> int:
    # Of a Discrete part SB3 keeps a number, of the others an array of their shape.
    return int(np.prod(space.shape or 1)) * np.dtype(space.dtype).itemsize


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())
