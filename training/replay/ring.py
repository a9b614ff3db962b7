"""Each frame once: the newest frame of every observation, and stacks put together when asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from goalscope.training.replay.frames import FrameStore
from goalscope.training.replay.ownership import FolderClaim

if TYPE_CHECKING:
    from goalscope.training.replay.segments import Segment

Images = Mapping[str, np.ndarray]


class FrameRing:
    """The images of the last `rows` transitions of each environment, every frame stored once.

    A row's slot holds the newest frame of its observation. The older frames of the stack are those
    of the rows before, and the next observation's newest frame is that of the row after. Where that
    is not so, frames of their own are kept in extra slots: the next frame of an episode's last row,
    and the older frames of a first row unless they repeat the newest. `links` holds these slots:
    (rows, n_envs, frame_stack), the older frames of a first row, then the next frame of any row.

    Args:
        stores: a store of frames for each image key, with (rows + spare_rows) * n_envs fixed slots.
        rows: transitions kept of each environment.
        n_envs: number of environments.
        frame_stack: frames in an observation.
        spare_rows: rows beyond these, so that a row is overwritten that much later.
        claim: on the folder of stores that are files.
    """

    def __init__(
        self,
        stores: dict[str, FrameStore],
        rows: int,
        n_envs: int,
        frame_stack: int,
        spare_rows: int = 0,
        claim: FolderClaim | None = None,
    ) -> None:
        self.stores, self.rows, self.n_envs, self.frame_stack = stores, rows, n_envs, frame_stack
        self.spare_rows, self.claim = spare_rows, claim
        self.added = 0  # rows added so far, overwritten ones included
        # Steps since the first row, at most frame_stack - 1: so many older frames are in the rows
        # before.
        self.ages = np.zeros((rows, n_envs), np.uint8)
        self.links = np.zeros((rows, n_envs, frame_stack), np.int32)
        self.held: dict[str, np.ndarray] = {}  # next observation of the newest row
        self.fixed = (rows + spare_rows) * n_envs
        self.extra = 0  # extra slots in use or free
        self.free: list[int] = []
        self.unsaved: set[int] = set()  # extra slots written since the last save
        self.saved_at = 0  # `added` at the last save
        self.segments: list[Segment] = []  # its files of frames, where these are in memory
        # Where they are in files: the save, while all it needs is there, and what it alone needs.
        self.saved_as: str | None = None
        self.kept: list[int] = []

    def add(self, images: Images, next_images: Images, begins: np.ndarray) -> None:
        """Add a row.

        Args:
            images: of the observation, key -> uint8 (n_envs, frame_stack * C, H, W).
            next_images: of the next one. Its older frames are the newer ones of `images`.
            begins: environments that begin an episode here, bool (n_envs,).

        Raises:
            ValueError: the next stack is not this one with a frame more.
        """
        self._check(images, next_images)
        if self.saved_as and self.rows_left <= 0:
            self._forget_save()  # this row overwrites one of its
        self._hold_claim()
        differs = self._differs(images)
        for env in np.flatnonzero(differs):
            # Reset unnoticed, as a second call of learn() does: what came next is not this row.
            if self.links[(self.added - 1) % self.rows, env, -1] < self.fixed:
                self.end(int(env))
        row, envs = self.added % self.rows, np.arange(self.n_envs)
        self._release(self.links[row])
        first = begins | differs
        before = self.ages[row - 1].astype(np.int64)
        self.ages[row] = np.where(first, 0, np.minimum(before + 1, self.frame_stack - 1))
        slots = self.row_slots(np.int64(self.added), envs)
        self.links[row] = slots[:, None]
        self.links[row, :, -1] = self.row_slots(np.int64(self.added + 1), envs)
        for env in np.flatnonzero(first):
            self._keep_older(row, int(env), images)
        for key, store in self.stores.items():
            store.write(slots, images[key][:, -store.shape[0] :])
        self.held = {key: next_images[key].copy() for key in self.stores}
        self.added += 1

    def end(self, env: int) -> None:
        """Keep the frame after the newest row of an environment: no row after it will hold it."""
        self._hold_claim()
        frames = {
            key: self.held[key][env : env + 1, -store.shape[0] :]
            for key, store in self.stores.items()
        }
        self.links[(self.added - 1) % self.rows, env, -1] = self._put(frames)[0]

    def read(
        self, rows: np.ndarray, columns: np.ndarray, device: torch.device
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Return key -> (images, next images), each uint8 (batch, frame_stack * C, H, W).

        Both are views of one tensor, for their stacks overlap: copy one before writing to it.

        Args:
            rows: int64 (batch,), in the ring of `rows`.
            columns: environments, int64 (batch,).
            device: of the tensors returned.
        """
        counts = self.counts(rows)
        ages = self.ages[rows, columns].astype(np.int64)[:, None]
        back = np.arange(self.frame_stack - 1, -1, -1)
        within = self.row_slots(counts[:, None] - back, columns[:, None])
        first = (rows[:, None] - ages) % self.rows
        position = np.minimum(self.frame_stack - 1 - back + ages, self.frame_stack - 1)
        before = self.links[first, columns[:, None], position]
        following = self.links[rows, columns, -1:]
        slots = np.concatenate([np.where(back <= ages, within, before), following], axis=1)
        images = {}
        for key, store in self.stores.items():
            channels, height, width = store.shape
            frames = store.read(slots.reshape(-1), device).reshape(len(rows), -1, height, width)
            images[key] = (frames[:, :-channels], frames[:, channels:])
        return images

    def counts(self, rows: np.ndarray) -> np.ndarray:
        """Return how many rows had been added before each of these of the ring, int64."""
        newest = self.added - 1
        found: np.ndarray = newest - (newest - rows) % self.rows
        return found

    def row_slots(self, counts: np.ndarray | np.int64, envs: np.ndarray) -> np.ndarray:
        """Return the slots of rows, int64, from how many were added before each."""
        slots: np.ndarray = counts % (self.rows + self.spare_rows) * self.n_envs + envs
        return slots

    @property
    def rows_left(self) -> int:
        """On disk, rows that may be added before one is written over what the last save needs."""
        return self.spare_rows - (self.added - self.saved_at)

    def note_save(self, state: str, segments: list[Segment]) -> None:
        """Everything is saved, as this state; what the save before needed is free."""
        self._forget_save()
        self.saved_at, self.segments = self.added, segments
        self.unsaved.clear()
        if self.claim is not None:
            self.saved_as = state

    def _forget_save(self) -> None:
        self.free += self.kept
        self.kept, self.saved_as = [], None

    def _hold_claim(self) -> None:
        if self.claim is not None:
            self.claim.hold([self.saved_as] if self.saved_as else [])

    def _check(self, images: Images, next_images: Images) -> None:
        for key, store in self.stores.items():
            channels = store.shape[0]
            if not np.array_equal(images[key][:, channels:], next_images[key][:, :-channels]):
                raise ValueError(
                    f"{key!r} of the next observation is not that of the observation moved on by "
                    f"one frame; is it a stack of {self.frame_stack} frames, oldest first? If "
                    "not, use frame_stack=1"
                )

    def _differs(self, images: Images) -> np.ndarray:
        """Return where an observation is not the next one of the row before, bool (n_envs,)."""
        differs = np.zeros(self.n_envs, bool)
        for key, held in self.held.items():
            differs |= (held != images[key]).reshape(self.n_envs, -1).any(axis=1)
        return differs

    def _keep_older(self, row: int, env: int, images: Images) -> None:
        older = self.frame_stack - 1
        stacks = {
            key: images[key][env].reshape(self.frame_stack, *store.shape)
            for key, store in self.stores.items()
        }
        if any((stack[:-1] != stack[-1]).any() for stack in stacks.values()):
            slots = self._put({key: stack[:older] for key, stack in stacks.items()})
            self.links[row, env, :older] = slots

    def _put(self, frames: Images) -> np.ndarray:
        """Store frames, key -> (n, C, H, W), in extra slots; return those, int64 (n,)."""
        count = len(next(iter(frames.values())))
        while len(self.free) < count:
            self.free.append(self.fixed + self.extra)
            self.extra += 1
        slots = np.array([self.free.pop() for _ in range(count)])
        for key, store in self.stores.items():
            store.reserve(self.fixed + self.extra)
            store.write(slots, frames[key])
        self.unsaved.update(slots.tolist())
        return slots

    def _release(self, links: np.ndarray) -> None:
        """Give back the extra slots among links."""
        freed = links[links >= self.fixed].tolist()
        (self.kept if self.saved_as else self.free).extend(freed)
        self.unsaved.difference_update(freed)
