"""The image features of stored transitions, worked out once: for an encoder that learns no more."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from goalscope.training.replay.buffer import SharedFrameHerReplayBuffer

Encode = Callable[[Tensor], Tensor]
_TOGETHER = 64  # transitions encoded at a time, about


class KeptFeatures:
    """What an encoder that learns no more makes of the images in replay, from the first time on.

    Transitions are encoded by stretches of the ring that begin at the same rows always, so that
    features have the same bits whenever they are asked for: a run that goes on from a checkpoint
    works them out anew.

    Args:
        buffer: whose images; random shifts are not for it.
        encoders: image key -> what makes features, float (B, F), of images as the buffer stores
            them, uint8 (B, C, H, W).
    """

    def __init__(
        self, buffer: "SharedFrameHerReplayBuffer", encoders: Mapping[str, Encode]
    ) -> None:
        self.buffer = buffer
        self._ring, self._finished = buffer.frame_ring, buffer.finished
        self._encoders = encoders
        self._stretch = max(1, _TOGETHER // self._ring.n_envs)
        # Key -> features of an observation and of the next one, float (rows, n_envs, 2, F).
        self._pairs: dict[str, Tensor] = {}
        # How many rows had been added before the one whose features these are.
        self._counts = np.full((self._ring.rows, self._ring.n_envs), -1, np.int64)

    def read(
        self, rows: np.ndarray, columns: np.ndarray, device: torch.device
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Return key -> (features, features of the next image), each float (batch, F).

        Args:
            rows: of finished episodes, int64 (batch,), in the ring.
            columns: environments, int64 (batch,).
            device: of the tensors returned.
        """
        missing = self._counts[rows, columns] != self._ring.counts(rows)
        for stretch in np.unique(rows[missing] // self._stretch):
            self._encode(int(stretch), device)
        places = torch.from_numpy(rows).to(device), torch.from_numpy(columns).to(device)
        found = {key: pairs[places] for key, pairs in self._pairs.items()}
        return {key: (pair[:, 0], pair[:, 1]) for key, pair in found.items()}

    @torch.no_grad()
    def _encode(self, stretch: int, device: torch.device) -> None:
        first = stretch * self._stretch
        rows = np.arange(first, min(first + self._stretch, self._ring.rows))
        columns = np.tile(np.arange(self._ring.n_envs), len(rows))
        images = self._ring.read(rows.repeat(self._ring.n_envs), columns, device)
        for key, pair_of_images in images.items():
            pair = torch.stack([self._encoders[key](each) for each in pair_of_images], dim=1)
            if key not in self._pairs:
                shape = (self._ring.rows, self._ring.n_envs, *pair.shape[1:])
                self._pairs[key] = torch.empty(shape, device=device)
            self._pairs[key][first : first + len(rows)] = pair.unflatten(0, (len(rows), -1))
        counts = self._ring.counts(rows)[:, None]
        whole = (self._finished.first <= counts) & (counts < self._finished.end)
        self._counts[rows] = np.where(whole, counts, -1)  # of others the next image is yet to come
