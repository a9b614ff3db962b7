"""Saving and loading a `SharedFrameHerReplayBuffer`: safetensors and JSON, nothing is pickled.

FOLDER/replay.json           the counters, the buffer's settings, and the files below
FOLDER/replay.safetensors    everything but the frames
frames_folder/               the frames: as `training/frames.py` keeps them on disk, or the
                             files that `training/frame_segments.py` writes from memory
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import uuid4

import numpy as np
from safetensors.numpy import save

from goalscope.diagnostics.record import Unusable, fit, read_document, write_json_atomically
from goalscope.diagnostics.record.documents import Count
from goalscope.training.replay.files import (
    ReplayFile,
    ReplayStateError,
    check_size,
    read_file,
    write_file,
)
from goalscope.training.replay.segments import (
    Segment,
    read_segments,
    remove_segments,
    write_segments,
)

if TYPE_CHECKING:
    from goalscope.training.replay.buffer import SharedFrameHerReplayBuffer

SCHEMA_VERSION = 1
DESCRIPTION, ARRAYS = "replay.json", "replay.safetensors"


@dataclass(frozen=True)
class _Description:
    """What `replay.json` says besides the schema version and the buffer's settings."""

    state: str
    position: Count
    full: bool
    added: Count
    extra: Count
    arrays: ReplayFile
    segments: list[Segment]


class _Beginning(TypedDict):
    """What `replay.json` says of whom it was written by, and of which buffer."""

    schema: int
    settings: dict[str, Any]


def write_buffer(buffer: SharedFrameHerReplayBuffer, folder: Path) -> Callable[[], None]:
    """Write a buffer into a folder; see `SharedFrameHerReplayBuffer.write_state`.

    Raises:
        ReplayStateError: info dictionaries are kept, or there is no `frames_folder`.
        OSError: the disk is full; states saved before can still be loaded.
    """
    if buffer.copy_info_dict:
        raise ReplayStateError("info dictionaries cannot be saved; leave copy_info_dict False")
    if buffer.frames_folder is None:
        raise ReplayStateError("there is no folder to save frames in; give frames_folder")
    ring, state = buffer.frame_ring, uuid4().hex
    folder.mkdir(parents=True, exist_ok=True)
    segments: list[Segment] = []
    if ring.claim is None:
        segments = write_segments(ring, buffer.frames_folder)
    else:
        for store in ring.stores.values():
            store.flush()
        # The state before stays good until the next transition overwrites what it needs.
        ring.claim.hold([*([ring.saved_as] if ring.saved_as else []), state])
    file = write_file(folder / ARRAYS, save(_saved_arrays(buffer)))
    description = _Description(
        state, buffer.pos, buffer.full, ring.added, ring.extra, file, segments
    )
    content = {"schema": SCHEMA_VERSION, "settings": _settings(buffer), **asdict(description)}
    write_json_atomically(folder / DESCRIPTION, content)

    def settle() -> None:
        needed = [*ring.segments, *segments]
        ring.note_save(state, segments)
        if ring.claim is None and buffer.frames_folder is not None:
            remove_segments(buffer.frames_folder, needed)

    return settle


def load_buffer(buffer: SharedFrameHerReplayBuffer, folder: Path) -> None:
    """Take over a saved state; see `SharedFrameHerReplayBuffer.load_state`.

    Raises:
        ReplayStateError: files are missing or damaged, of another buffer, or their frames have been
            overwritten since.
    """
    ring, frames_folder = buffer.frame_ring, buffer.frames_folder
    if ring.added:
        raise ReplayStateError("this buffer is in use; load the state into a new one")
    if frames_folder is None:
        raise ReplayStateError("there is no folder to load frames from; give frames_folder")
    saved = _read_description(buffer, folder)
    arrays = read_file(folder, saved.arrays)
    if not _fits(buffer, saved, arrays):
        raise ReplayStateError(f"{folder} is damaged: it holds what no buffer of this size does")
    for segment in saved.segments:
        check_size(frames_folder, segment.file)
    if ring.claim is not None and not (
        ring.claim.holds(saved.state)
        and all(store.slots >= ring.fixed + saved.extra for store in ring.stores.values())
    ):
        raise ReplayStateError(
            f"the frames in {frames_folder} are no longer those of {folder}: more transitions than "
            f"spare_rows={ring.spare_rows} were added since it was saved, or files are missing"
        )
    buffer.pos, buffer.full = saved.position, saved.full
    ring.added, ring.extra = saved.added, saved.extra
    for name, array in _row_arrays(buffer).items():
        array[: len(arrays[name])] = arrays[name]
    buffer._current_ep_start = arrays["current_starts"]
    buffer.finished.first, buffer.finished.end = arrays["finished_first"], arrays["finished_end"]
    ring.free = arrays["free"].tolist()
    ring.held = {key: arrays[f"held.{key}"] for key in ring.stores if f"held.{key}" in arrays}
    if ring.claim is None:
        read_segments(ring, frames_folder, saved.segments)
    ring.note_save(saved.state, saved.segments)


def _read_description(buffer: SharedFrameHerReplayBuffer, folder: Path) -> _Description:
    path = folder / DESCRIPTION
    if not path.exists():
        raise ReplayStateError(f"there is no replay state in {folder}: no {DESCRIPTION}")
    try:
        content = read_document(path)
        begins = fit(content, _Beginning, path)
        if begins["schema"] != SCHEMA_VERSION:
            raise ReplayStateError(
                f"{path} has replay schema {begins['schema']!r} and this goalscope reads "
                f"{SCHEMA_VERSION}; load it with the version that wrote it"
            )
        _refuse_other_settings(buffer, folder, begins["settings"])
        return fit(content, _Description, path)
    except Unusable as error:
        raise ReplayStateError(f"{folder} is damaged: {error}") from error


def _fits(
    buffer: SharedFrameHerReplayBuffer, saved: _Description, arrays: dict[str, np.ndarray]
) -> bool:
    """Whether counters and arrays are such as a buffer of these settings saves."""
    ring = buffer.frame_ring
    size = ring.rows if saved.full else saved.position
    rows = {name: ((size, *a.shape[1:]), a.dtype) for name, a in _row_arrays(buffer).items()}
    episodes = ("current_starts", "finished_first", "finished_end", "free")
    found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    if saved.position >= ring.rows:
        return False
    if not rows.items() <= found.items() or not found.keys() >= {*episodes}:
        return False
    links, free = arrays["links"], arrays["free"]
    slots = np.concatenate([links.ravel(), free.ravel()])
    # Each slot beyond the rows' own is a link's, or free.
    return saved.extra <= len(slots) and bool(
        ((slots >= 0) & (slots < ring.fixed + saved.extra)).all()
    )


def _refuse_other_settings(
    buffer: SharedFrameHerReplayBuffer, folder: Path, saved: dict[str, Any]
) -> None:
    wanted = json.loads(json.dumps(_settings(buffer)))
    names = [name for name in wanted if saved.get(name) != wanted[name]]
    if names:
        parts = [f"{name} was {saved.get(name)} and is {wanted[name]}" for name in names]
        raise ReplayStateError(f"{folder} was saved by another buffer: {'; '.join(parts)}")


def _settings(buffer: SharedFrameHerReplayBuffer) -> dict[str, Any]:
    """Return what must be the same of the buffer that loads, JSON values."""
    ring = buffer.frame_ring
    kinds = {name: [a.shape[2:], str(a.dtype)] for name, a in _row_arrays(buffer).items()}
    return {
        "rows": ring.rows,
        "n_envs": ring.n_envs,
        "frame_stack": ring.frame_stack,
        "spare_rows": ring.spare_rows,
        "frames": "memory" if ring.claim is None else "disk",
        "images": {key: store.shape for key, store in ring.stores.items()},
        "vectors": kinds,
    }


def _saved_arrays(buffer: SharedFrameHerReplayBuffer) -> dict[str, np.ndarray]:
    ring, size = buffer.frame_ring, buffer.size()
    return {
        **{name: array[:size] for name, array in _row_arrays(buffer).items()},
        **{f"held.{key}": images for key, images in ring.held.items()},
        "current_starts": buffer._current_ep_start,
        "finished_first": buffer.finished.first,
        "finished_end": buffer.finished.end,
        # What the state before this one needs is free once this one is loaded.
        "free": np.array(ring.free + ring.kept, np.int64),
    }


def _row_arrays(buffer: SharedFrameHerReplayBuffer) -> dict[str, np.ndarray]:
    """Return the arrays with a row for each transition, by name."""
    names = ("actions", "rewards", "dones", "timeouts", "ep_start", "ep_length")
    arrays = {name: getattr(buffer, name) for name in names}
    arrays |= {"links": buffer.frame_ring.links, "ages": buffer.frame_ring.ages}
    arrays |= {f"observations.{key}": values for key, values in buffer.observations.items()}
    return arrays | {f"next_observations.{k}": v for k, v in buffer.next_observations.items()}
