"""Where frames live: a fixed number of slots and a growing rest, in memory or in a file."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

GROWTH = 256  # frames by which the growing rest is enlarged, at least


class FrameStore:
    """Frames of one shape under numbered slots.

    Slots from 0 to `fixed - 1` are there from the start. Slots from `fixed` on come with `reserve`.

    Args:
        name: what the files of a store on disk are called.
        shape: of a frame, (C, H, W).
        fixed: number of slots.
        place: a device, or a folder for files that the operating system keeps in memory as it can;
            files of the right size that are there already are opened as they are.

    Raises:
        ValueError: the folder holds frames of a store of another size.
        OSError: the disk is full.
    """

    def __init__(
        self, name: str, shape: tuple[int, ...], fixed: int, place: torch.device | Path
    ) -> None:
        self.name, self.shape, self.fixed, self.place = name, shape, fixed, place
        self.frame_bytes = int(np.prod(shape))
        # Whether its files were there already.
        self.found = isinstance(place, Path) and all(
            self._file(part).is_file() for part in ("fixed", "rest")
        )
        self._fixed = self._allocate("fixed", fixed)
        self._rest = self._allocate("rest", GROWTH)

    @property
    def slots(self) -> int:
        """Number of slots there are now."""
        return self.fixed + len(self._rest)

    def reserve(self, slots: int) -> None:
        """Make room for at least so many slots; what is stored stays.

        Raises:
            OSError: the disk is full.
        """
        wanted = slots - self.fixed
        if wanted <= len(self._rest):
            return
        # By a quarter at a time: each frame is copied a bounded number of times.
        room = max(wanted, len(self._rest) + max(GROWTH, len(self._rest) // 4))
        if isinstance(self.place, Path):  # a file grows in place
            self._rest = self._allocate("rest", room)
            return
        larger = self._allocate("rest", room)
        larger[: len(self._rest)] = self._rest
        self._rest = larger

    def write(self, slots: np.ndarray, frames: np.ndarray) -> None:
        """Put frames, uint8 (n, C, H, W), into slots, int64 (n,)."""
        rows = torch.from_numpy(np.ascontiguousarray(frames)).reshape(len(slots), -1)
        rest = slots >= self.fixed
        for part, first, chosen in ((self._fixed, 0, ~rest), (self._rest, self.fixed, rest)):
            if chosen.any():
                index = torch.from_numpy(slots[chosen] - first).to(part.device)
                part[index] = rows[torch.from_numpy(chosen)].to(part.device)

    def read(self, slots: np.ndarray, device: torch.device) -> Tensor:
        """Return the frames of slots, int64 (n,), as uint8 (n, C, H, W) on a device."""
        source = self._fixed.device
        # A copy from page-locked memory to the device is several times as fast.
        locked = device.type == "cuda" and source.type == "cpu"
        size = (len(slots), self.frame_bytes)
        frames = torch.empty(size, dtype=torch.uint8, device=source, pin_memory=locked)
        rest = slots >= self.fixed
        fixed = torch.from_numpy(np.where(rest, 0, slots)).to(source)
        torch.index_select(self._fixed, 0, fixed, out=frames)
        places = torch.from_numpy(np.flatnonzero(rest)).to(source)
        frames[places] = self._rest[torch.from_numpy(slots[rest] - self.fixed).to(source)]
        return frames.to(device, non_blocking=locked).reshape(-1, *self.shape)

    def flush(self) -> None:
        """Have everything written so far on the disk."""
        if isinstance(self.place, Path):
            for part in ("fixed", "rest"):
                with self._file(part).open("rb+") as file:
                    os.fsync(file.fileno())  # covers what was written through the mapping, too

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickling, in host memory.

        Raises:
            TypeError: the frames are in a file.
        """
        if isinstance(self.place, Path):
            raise TypeError(
                'a replay buffer with frames="disk" cannot be pickled; use its save_state(folder)'
            )
        # As numpy arrays: torch would pickle a tensor by way of a second copy in memory.
        arrays = {part: self.__dict__[part].cpu().numpy() for part in ("_fixed", "_rest")}
        return {**self.__dict__, **arrays, "place": torch.device("cpu")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a pickled state."""
        tensors = {part: torch.from_numpy(state[part]) for part in ("_fixed", "_rest")}
        self.__dict__.update(state | tensors)

    def _file(self, part: str) -> Path:
        assert isinstance(self.place, Path)
        return self.place / f"{self.name}.{part}"

    def _allocate(self, part: str, frames: int) -> Tensor:
        if not isinstance(self.place, Path):
            return torch.zeros((frames, self.frame_bytes), dtype=torch.uint8, device=self.place)
        path = self._file(part)
        path.parent.mkdir(parents=True, exist_ok=True)
        if part == "rest" and path.exists():
            frames = max(frames, path.stat().st_size // self.frame_bytes)
        size = frames * self.frame_bytes
        if part == "fixed" and path.exists() and path.stat().st_size != size:
            raise ValueError(
                f"{path} holds the frames of another buffer ({path.stat().st_size} bytes, not "
                f"{size}); choose another folder or delete it"
            )
        with path.open("ab") as file:
            os.truncate(file.fileno(), size)
            if hasattr(os, "posix_fallocate"):
                # A hole in the file that the disk has no room for would kill the process when it
                # is written through the mapping; here it is an OSError.
                os.posix_fallocate(file.fileno(), 0, size)
        mapped = np.memmap(path, np.uint8, "r+", shape=(frames, self.frame_bytes))
        return torch.from_numpy(mapped)
