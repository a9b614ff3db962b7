"""How far each of an environment's last steps moved what is observed, key by key."""

from collections import deque
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, np.ndarray]
Floats = NDArray[np.float64]
STEPS = 200  # from which a correlation is told to about 0.1


class Paces:
    """The changes of the last steps, and which episode each was of."""

    def __init__(self) -> None:
        self._changes: deque[dict[str, Floats]] = deque(maxlen=STEPS)
        self._episodes: deque[int] = deque(maxlen=STEPS)
        self._after: Arrays | None = None

    def see(self, before: Arrays, after: Arrays) -> None:
        """Take in a step: what was observed before it, and after it in the same episode."""
        episode = self._episodes[-1] if self._episodes else 0
        goes_on = self._after is not None and all(
            np.array_equal(values, self._after[key]) for key, values in before.items()
        )
        self._changes.append(
            {key: _mean_squares(after[key], values) for key, values in before.items()}
        )
        self._episodes.append(episode if goes_on else episode + 1)
        self._after = after

    @property
    def keys(self) -> list[str]:
        """The keys that are observed."""
        return list(self._changes[-1]) if self._changes else []

    def of(self, key: str) -> Floats:
        """Return the RMS of what each step changed of a key, float64 (n,), oldest first."""
        means: Floats = self._of(key).mean(axis=1)
        return np.sqrt(means)

    def of_channels(self, key: str) -> Floats:
        """Return the same of each channel of an image, float64 (n, C); of a vector (n, 1)."""
        return np.sqrt(self._of(key))

    def _of(self, key: str) -> Floats:
        return np.array([change[key] for change in self._changes])

    @property
    def episodes(self) -> np.ndarray:
        """Which episode each step was of, int64 (n,)."""
        return np.array(self._episodes, dtype=np.int64)


def _mean_squares(one: np.ndarray, other: np.ndarray) -> Floats:
    """Return the mean squared difference of each channel, float64 (C,); of a vector (1,).

    Args:
        one: (1, C, H, W) or (1, D).
        other: likewise.
    """
    difference = one[0].astype(np.float32) - other[0].astype(np.float32)
    channels = difference.reshape(len(difference) if difference.ndim == 3 else 1, -1)
    means: Floats = np.mean(np.square(channels), axis=1, dtype=np.float64)
    return means
