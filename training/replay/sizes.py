"""What a replay buffer of shared frames needs, and whether it fits."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.preprocessing import get_action_dim, get_obs_shape, is_image_space

from goalscope.errors import UserError

GIB = 2**30
DEVICE_RESERVE = 4 * GIB  # for networks and their activations, besides a fifth of what is free


class BufferTooLarge(UserError):
    """The replay buffer does not fit; the message is one line and names the remedy."""


@dataclass(frozen=True)
class ReplayBytes:
    """What a buffer holds, in bytes.

    Attributes:
        frames: images.
        vectors: everything else.
    """

    frames: int
    vectors: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.frames + self.vectors


def replay_bytes(
    observation_space: spaces.Dict,
    action_space: spaces.Space[np.ndarray],
    buffer_size: int,
    n_envs: int = 1,
    frame_stack: int = 1,
    episode_length: int | None = None,
    spare_rows: int = 0,
) -> ReplayBytes:
    """Return what `SharedFrameHerReplayBuffer` of these arguments holds once it is full.

    Exact but for the last frames of episodes, of which there are as many as episodes.

    Args:
        observation_space: images channels-first.
        action_space: of the environment.
        buffer_size: transitions.
        n_envs: number of environments.
        frame_stack: frames in an image.
        episode_length: steps of an episode; where it is not known, no last frames are counted.
        spare_rows: rows beyond the buffer's.

    Raises:
        ValueError: the images are not stacks of that many frames, or there are none.
    """
    rows = max(buffer_size // n_envs, 1)
    frame = sum(
        int(np.prod(shape)) for shape in frame_shapes(observation_space, frame_stack).values()
    )
    episodes = 0 if episode_length is None else -(-rows // episode_length)
    shapes: dict[str, tuple[int, ...]] = get_obs_shape(observation_space)  # type: ignore[assignment]
    vector = sum(
        int(np.prod(shapes[key])) * np.dtype(space.dtype).itemsize
        for key, space in observation_space.items()
        if not is_image_space(space)
    )
    action_dtype = np.dtype(ReplayBuffer._maybe_cast_dtype(action_space.dtype))
    action = get_action_dim(action_space) * action_dtype.itemsize
    # Observation and next observation; reward, done, timeout; start and length of the episode;
    # age and links of the frames.
    row = 2 * vector + action + 3 * 4 + 2 * 8 + 1 + 4 * frame_stack
    return ReplayBytes((rows + spare_rows + episodes) * n_envs * frame, rows * n_envs * row)


def frame_shapes(space: spaces.Space[object], frame_stack: int) -> dict[str, tuple[int, int, int]]:
    """Return image key -> (C, H, W) of one frame of its stack.

    Raises:
        ValueError: no images, images channels-last, or not stacks of that many frames.
    """
    if frame_stack < 1:
        raise ValueError(f"a stack of {frame_stack} frames is empty; use frame_stack=1 or more")
    images = space.items() if isinstance(space, spaces.Dict) else ()
    shapes = {}
    for key, image in images:
        if not is_image_space(image):
            continue
        channels, height, width = image.shape or ()
        if channels > min(height, width):
            raise ValueError(
                f"{key!r} has shape {image.shape}, channels last; wrap the environment in SB3's "
                "VecTransposeImage"
            )
        if channels % frame_stack:
            raise ValueError(
                f"the {channels} channels of {key!r} are not a stack of {frame_stack} frames; "
                "give the frame_stack of the environment"
            )
        shapes[key] = (channels // frame_stack, height, width)
    if not shapes:
        raise ValueError(
            f"there is no image (uint8, 0 to 255) in {space}; use SB3's HerReplayBuffer"
        )
    return shapes


def place_in_memory(need: ReplayBytes, device: torch.device) -> torch.device:
    """Return where frames go that shall be in memory: on the device where they fit, or the host.

    Raises:
        BufferTooLarge: neither has the room.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if need.frames <= 0.8 * free - DEVICE_RESERVE:
            _check("memory", need.vectors, psutil.virtual_memory().available)
            return device
    _check("memory", need.total, psutil.virtual_memory().available)
    return torch.device("cpu")


def place_on_disk(need: ReplayBytes, folder: Path | None) -> Path:
    """Return the folder for frames that shall be on disk, made if missing.

    Files of frames that are there already count as room: they are written over.

    Raises:
        ValueError: no folder is given.
        BufferTooLarge: its disk, or the memory for the rest, has not the room.
    """
    if folder is None:
        raise ValueError('frames="disk" needs a frames_folder')
    _check("memory", need.vectors, psutil.virtual_memory().available)
    folder.mkdir(parents=True, exist_ok=True)
    taken = sum(path.stat().st_blocks * 512 for path in folder.iterdir() if path.is_file())
    _check("disk", need.frames, shutil.disk_usage(folder).free + taken)
    return folder


def _check(what: str, need: int, free: int) -> None:
    if need <= free:
        return
    other = ' or frames="disk"' if what == "memory" else ""
    raise BufferTooLarge(
        f"the replay buffer needs {need / GIB:.2f} GiB of {what} and {free / GIB:.2f} GiB are "
        f"free; use a smaller --buffer-size{other}"
    )
