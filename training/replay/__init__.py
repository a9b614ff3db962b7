"""Hindsight replay of images: each frame stored once, on any device, saved without pickle."""

from goalscope.training.replay.buffer import SharedFrameHerReplayBuffer
from goalscope.training.replay.files import ReplayStateError
from goalscope.training.replay.sizes import BufferTooLarge, ReplayBytes, replay_bytes

__all__ = [
    "BufferTooLarge",
    "ReplayBytes",
    "ReplayStateError",
    "SharedFrameHerReplayBuffer",
    "replay_bytes",
]
