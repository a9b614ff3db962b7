"""Frames in memory, saved bit by bit: each save writes those added since the one before."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import torch
from safetensors.numpy import save

from goalscope.diagnostics.record.documents import Count
from goalscope.training.replay.files import ReplayFile, read_file, write_file
from goalscope.training.replay.ring import FrameRing

_FRAMES = 2048  # in a file
_SUFFIX = ".frames.safetensors"


@dataclass(frozen=True)
class Segment:
    """A file of frames.

    Attributes:
        file: what it is called and holds.
        needed_for: rows added before it is needed no longer, less those that the ring holds.
    """

    file: ReplayFile
    needed_for: Count


def write_segments(ring: FrameRing, folder: Path) -> list[Segment]:
    """Return the files that hold the ring's frames, having written those not saved yet.

    Raises:
        OSError: the disk is full; what was written of this save is taken away again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    segments = [s for s in ring.segments if s.needed_for > ring.added - ring.rows]
    name = uuid4().hex
    try:
        for number, (needed_for, slots) in enumerate(_unsaved(ring)):
            frames = {
                f"frames.{key}": store.read(slots, torch.device("cpu")).numpy()
                for key, store in ring.stores.items()
            }
            path = folder / f"{name}-{number:04d}{_SUFFIX}"
            file = write_file(path, save({"slots": slots, **frames}))
            segments.append(Segment(file, needed_for))
    except BaseException:
        for path in folder.glob(f"{name}-*"):
            path.unlink()
        raise
    return segments


def read_segments(ring: FrameRing, folder: Path, segments: Sequence[Segment]) -> None:
    """Put the frames of files into the ring, in the order they were written.

    Raises:
        ReplayStateError: a file is missing or damaged.
    """
    for store in ring.stores.values():
        store.reserve(ring.fixed + ring.extra)
    for segment in segments:
        arrays = read_file(folder, segment.file)
        for key, store in ring.stores.items():
            store.write(arrays["slots"], arrays[f"frames.{key}"])


def remove_segments(folder: Path, needed: Sequence[Segment]) -> None:
    """Remove the files of frames in a folder but these."""
    names = {segment.file.name for segment in needed}
    for path in folder.glob(f"*{_SUFFIX}"):
        if path.name not in names:
            path.unlink()


def _unsaved(ring: FrameRing) -> list[tuple[int, np.ndarray]]:
    """Return (needed_for, slots) of each file to write."""
    first = max(ring.saved_at, ring.added - ring.rows)
    per_file = max(_FRAMES // ring.n_envs, 1)
    parts = []
    for start in range(first, ring.added, per_file):
        counts = np.arange(start, min(start + per_file, ring.added))
        slots = ring.row_slots(counts[:, None], np.arange(ring.n_envs)).reshape(-1)
        parts.append((int(counts[-1]) + 1, slots))
    extra = np.array(sorted(ring.unsaved), np.int64)
    for start in range(0, len(extra), _FRAMES):
        parts.append((ring.added, extra[start : start + _FRAMES]))
    return parts
