"""The machine that numbers were measured on, as their pages tell of it."""

import sys

_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of a unit of `ru_maxrss`


def gpu() -> str:
    """Return the GPU that agents train on, in words."""
    import torch  # whoever only reads rows needs none

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"


def peak_bytes(maxrss: int) -> int:
    """Return the peak memory of a process, of `resource.getrusage`, in bytes."""
    return maxrss * _PEAK_UNIT
