"""What an agent observes of a task: vectors as asked for, and a stack of frames."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from goalscope.errors import UserError

SMALLEST_IMAGE = 36  # what NatureCNN's three convolutions need

Observation = dict[str, np.ndarray]


class UnusableEnvironment(UserError):
    """The environment cannot be used; the message is one line and names the remedy."""


class Observed:
    """The Dict observation of an environment, put together from frames and vectors.

    `space` is its space: `pixels` uint8 (3 * frame_stack, H, W), oldest frame first, and each
    vector float32.

    Args:
        vectors: key -> length of what is observed beside the image.
        image_size: height and width of a frame in pixels; None observes no image.
        frame_stack: frames stacked; at a reset the first is repeated.

    Raises:
        UnusableEnvironment: nothing to observe, an image too small, a stack empty or too large.
    """

    def __init__(
        self, vectors: Mapping[str, int], image_size: int | None, frame_stack: int
    ) -> None:
        self._vectors = tuple(vectors)
        self.frames: deque[np.ndarray] = deque(maxlen=max(1, frame_stack))
        observed: dict[str, spaces.Space[Any]] = {
            key: spaces.Box(-np.inf, np.inf, (length,), np.float32)
            for key, length in vectors.items()
        }
        self.has_image = image_size is not None
        if image_size is not None:
            _check_image(image_size, frame_stack)
            image = (3 * frame_stack, image_size, image_size)
            observed["pixels"] = spaces.Box(0, 255, image, np.uint8)
        if not observed:
            raise UnusableEnvironment("nothing would be observed; observe pixels, goals or state")
        self.space = spaces.Dict(observed)

    def restart(self, frame: np.ndarray) -> None:
        """Begin an episode with this frame, uint8 (3, H, W)."""
        self.frames.extend([frame] * (self.frames.maxlen or 1))

    def observation(self, vectors: Mapping[str, np.ndarray]) -> Observation:
        """Return the observation: the newest frames, and those of the vectors that are observed."""
        found = {key: vectors[key].astype(np.float32) for key in self._vectors}
        if self.has_image:
            found["pixels"] = np.concatenate(list(self.frames))
        return found


def _check_image(image_size: int, frame_stack: int) -> None:
    if image_size < SMALLEST_IMAGE:
        raise UnusableEnvironment(
            f"an image of {image_size} pixels is too small for NatureCNN; use at least "
            f"{SMALLEST_IMAGE}"
        )
    if frame_stack < 1:
        raise UnusableEnvironment(f"a stack of {frame_stack} frames is empty; use at least 1")
    if 3 * frame_stack > image_size:
        raise UnusableEnvironment(
            f"{frame_stack} stacked frames have more channels than an image of {image_size} pixels "
            f"has rows, and SB3 would take it for channels-last; stack at most {image_size // 3}"
        )
