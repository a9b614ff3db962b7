"""The arrays that figures of a run's probes are drawn from: a file for each checkpoint."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from goalscope.diagnostics.record.documents import MOST, Unusable, read_within
from goalscope.diagnostics.record.lines import PROBE_ARRAYS, PROBES_FILE, RecordError
from goalscope.errors import printable

_LARGEST_FILE = 64 * 2**20  # bytes
_LARGEST_SIZE = 4_096  # of a dimension
# Name -> its dimensions; one of the same name has the same size in all files of a run.
_NAMED = {
    "map.goals": "goal axis",
    "map.q": "state goal",
    "map.actions": "state goal action",
    "map.achieved": "state axis",
    "map.distance": "state goal",
    "drawn": "drawn",
    "shown.achieved_goal": "drawn axis",
    "shown.desired_goal": "drawn axis",
}
_OF_A_KEY = {
    "shown.": "drawn {}.channels {}.height {}.width",
    "saliency.critic.": "drawn {}.height {}.width",
    "saliency.actor.": "drawn {}.height {}.width",
    "truth.": "drawn {}.truth",
}


def read_arrays(folder: Path) -> dict[int, dict[str, np.ndarray]]:
    """Return step -> name -> array, what figures of a run's probes are drawn from.

    Raises:
        RecordError: a file is damaged, or holds what no probe writes.
    """
    found: dict[int, dict[str, np.ndarray]] = {}
    sizes: dict[str, int] = {}
    for path in sorted((folder / PROBE_ARRAYS).glob("step-*.safetensors")):
        try:
            step = int(path.stem.removeprefix("step-"))
            if not 0 <= step <= MOST:
                raise ValueError("no run has so many steps")
            found[step] = _known(load(read_within(path, _LARGEST_FILE)), sizes)
        except (Unusable, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise RecordError(
                f"{path} is damaged ({printable(str(error))}); "
                f"remove {PROBES_FILE} and probe the run again"
            ) from error
    return found


def _known(arrays: Mapping[str, np.ndarray], sizes: dict[str, int]) -> dict[str, np.ndarray]:
    """Return the arrays that have a name; a later version may keep more.

    Args:
        arrays: of a file.
        sizes: of dimensions, by name; those of these arrays join them.

    Raises:
        ValueError: one has another shape or type than its name says.
    """
    known = {name: array for name, array in arrays.items() if _dimensions(name)}
    for name, array in known.items():
        dimensions = _dimensions(name)
        if array.ndim != len(dimensions) or array.dtype.kind not in "fiu":
            raise ValueError(f"{name} is {array.dtype} with {array.ndim} dimensions")
        for dimension, size in zip(dimensions, array.shape, strict=True):
            if not 0 < size <= _LARGEST_SIZE or sizes.setdefault(dimension, size) != size:
                raise ValueError(f"{name} has size {size:,} along {dimension}")
    drawn = known.get("drawn")
    if drawn is not None and (
        drawn.dtype.kind != "i" or not 0 <= drawn.min() <= drawn.max() < sizes.get("state", MOST)
    ):
        raise ValueError("drawn are no numbers of states")
    return known


def _dimensions(name: str) -> list[str]:
    """Return what an array's dimensions are called; none where the name is not known."""
    if name in _NAMED:
        return _NAMED[name].split()
    for prefix, dimensions in _OF_A_KEY.items():
        if name.startswith(prefix):
            return [part.format(name.removeprefix(prefix)) for part in dimensions.split()]
    return []
