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

    Transitions are encoded by stretches of the ring that begin at the same rows always, each once
    all of its episodes have ended; what is drawn of other stretches is encoded as it is drawn. So
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
        self._length = max(1, _TOGETHER // self._ring.n_envs)  # rows of a stretch
        # Key -> features of an observation and of the next one, float (rows, n_envs, 2, F).
        self._pairs: dict[str, Tensor] = {}
        # Per stretch, how many rows had been added before its first as it was encoded.
        self._encoded = np.full(-(-self._ring.rows // self._length), -1, np.int64)

    def read(
        self, rows: np.ndarray, columns: np.ndarray, device: torch.device
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Return key -> (features, features of the next image), each float (batch, F).

        Args:
            rows: of finished episodes, int64 (batch,), in the ring.
            columns: environments, int64 (batch,).
            device: of the tensors returned.
        """
        stretches, which = np.unique(rows // self._length, return_inverse=True)
        whole = self._are_whole(stretches)
        begun = self._ring.counts(stretches * self._length)
        for stretch in stretches[whole & (self._encoded[stretches] != begun)]:
            self._keep(int(stretch), device)
        drawn = np.flatnonzero(~whole[which])
        now = self._encode(rows[drawn], columns[drawn], device) if len(drawn) else {}
        if len(drawn) == len(rows):
            return {key: (pairs[:, 0], pairs[:, 1]) for key, pairs in now.items()}
        places = torch.from_numpy(rows).to(device), torch.from_numpy(columns).to(device)
        found = {key: pairs[places] for key, pairs in self._pairs.items()}
        for key, pairs in now.items():
            found[key][torch.from_numpy(drawn).to(device)] = pairs
        return {key: (pairs[:, 0], pairs[:, 1]) for key, pairs in found.items()}

    def _are_whole(self, stretches: np.ndarray) -> np.ndarray:
        """Return whether all episodes of each stretch have ended, bool."""
        rows = stretches[:, None] * self._length + np.arange(self._length)
        counts = self._ring.counts(np.minimum(rows, self._ring.rows - 1))[..., None]
        ended = (self._finished.first <= counts) & (counts < self._finished.end)
        return np.asarray(ended.all(axis=(1, 2)))

    def _keep(self, stretch: int, device: torch.device) -> None:
        first = stretch * self._length
        rows = np.arange(first, min(first + self._length, self._ring.rows))
        columns = np.tile(np.arange(self._ring.n_envs), len(rows))
        for key, pairs in self._encode(rows.repeat(self._ring.n_envs), columns, device).items():
            if key not in self._pairs:
                shape = (self._ring.rows, self._ring.n_envs, *pairs.shape[1:])
                self._pairs[key] = torch.empty(shape, device=device)
            self._pairs[key][first : first + len(rows)] = pairs.unflatten(0, (len(rows), -1))
        self._encoded[stretch] = self._ring.counts(rows[:1])[0]

    @torch.no_grad()
    def _encode(
        self, rows: np.ndarray, columns: np.ndarray, device: torch.device
    ) -> dict[str, Tensor]:
        """Return key -> features of the images and of the next ones, float (batch, 2, F)."""
        images = self._ring.read(rows, columns, device)
        return {
            key: torch.stack([self._encoders[key](each) for each in pair], dim=1)
            for key, pair in images.items()
        }


def kept_bytes(transitions: int, width: int) -> int:
    """Return the memory that features of so many components take, once replay is full."""
    return transitions * 2 * width * torch.float32.itemsize
