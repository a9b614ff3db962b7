"""Saving any replay buffer of ours without pickle: SB3's own do not know how."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from safetensors.numpy import load_file, save_file
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.buffers import DictReplayBuffer

from goalscope.diagnostics.record import fit, read_document, write_json_atomically
from goalscope.diagnostics.record.disk import disk_errors
from goalscope.diagnostics.record.documents import Count
from goalscope.training.replay.buffer import SharedFrameHerReplayBuffer

_ARRAYS, _VALUES = "replay.safetensors", "replay.json"
_OF_ROWS = ("actions", "rewards", "dones", "timeouts")
_OF_EPISODES = ("ep_start", "ep_length")


class _Values(TypedDict):
    """What `replay.json` says."""

    pos: Count
    full: bool
    shape: list[Count]


def write_buffer(buffer: Any, folder: Path) -> Callable[[], None]:
    """Write the buffer's content into a new, empty folder.

    Returns:
        what to call once the whole checkpoint is there; until then the one before counts.

    Raises:
        OSError: the disk is full or gone.
    """
    if isinstance(buffer, SharedFrameHerReplayBuffer):
        return buffer.write_state(folder)
    rows = buffer.buffer_size if buffer.full else buffer.pos
    arrays = {name: np.ascontiguousarray(array[:rows]) for name, array in _arrays(buffer).items()}
    values = {"pos": buffer.pos, "full": buffer.full, "shape": list(buffer.actions.shape)}
    if isinstance(buffer, HerReplayBuffer):
        arrays["current_starts"] = buffer._current_ep_start
    with disk_errors():
        save_file(arrays, folder / _ARRAYS)
    write_json_atomically(folder / _VALUES, values)
    return lambda: None


def load_buffer(buffer: Any, folder: Path) -> None:
    """Fill a new buffer of the same size with what was saved.

    Raises:
        ReplayStateError, SafetensorError, OSError, KeyError, ValueError: missing, damaged, or of
            another size.
    """
    if isinstance(buffer, SharedFrameHerReplayBuffer):
        buffer.load_state(folder)
        return
    arrays = load_file(folder / _ARRAYS)
    values = fit(read_document(folder / _VALUES), _Values, folder / _VALUES)
    if values["shape"] != list(buffer.actions.shape):
        raise ValueError(f"replay was saved with actions {values['shape']}")
    rows = buffer.buffer_size if values["full"] else values["pos"]
    for name, array in _arrays(buffer).items():
        if len(arrays[name]) != rows or rows > len(array):
            raise ValueError(f"replay holds {len(arrays[name]):,} rows of {name}, not {rows:,}")
        array[:rows] = arrays[name]
    buffer.pos, buffer.full = values["pos"], values["full"]
    if isinstance(buffer, HerReplayBuffer):
        buffer._current_ep_start = arrays["current_starts"]


def _arrays(buffer: DictReplayBuffer) -> dict[str, np.ndarray]:
    named = {name: getattr(buffer, name) for name in _OF_ROWS}
    named |= {name: getattr(buffer, name) for name in _OF_EPISODES if hasattr(buffer, name)}
    for name in ("observations", "next_observations"):
        parts: dict[str, np.ndarray] = getattr(buffer, name)
        named |= {f"{name}.{key}": array for key, array in parts.items()}
    return named
