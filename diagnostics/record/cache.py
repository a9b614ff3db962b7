"""The lines of a long file kept as columns beside it, so that they are parsed once.

A hidden file of safetensors, made when the file is first read. It is never needed: where it is
missing, damaged, of other content or another version, the file itself is read, and where it cannot
be written nothing happens.
"""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from goalscope.diagnostics.record.columns import Lines
from goalscope.diagnostics.record.documents import MOST, refuse_elsewhere
from goalscope.diagnostics.record.lines import Line, decode_line, encode_line

_VERSION = "1"
_LEAST_BYTES = 2**18  # a shorter file is parsed in a moment
_ARRAYS = {
    "steps": np.int64,
    "updates": np.int64,
    "numbers": np.int64,
    "starts": np.int64,
    "keys": np.int32,
    "values": np.float64,
}


def cached_lines(path: Path, about: os.stat_result) -> tuple[Lines, int] | None:
    """Return the lines that were kept of a file, and how many bytes of it they are.

    Args:
        path: of the file.
        about: what the operating system says of it.

    Returns:
        None where nothing was kept of just this content.
    """
    try:
        refuse_elsewhere(_beside(path))
        with safe_open(_beside(path), framework="numpy") as file:
            said = file.metadata() or {}
            if {name: said.get(name) for name in _identity(about)} != _identity(about):
                return None
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
        # Read as lines are: what no line may hold, nothing kept of one may hold either.
        names = decode_line(said["names"].encode())
        events = {int(k): decode_line(v.encode()) for k, v in json.loads(said["events"]).items()}
        lines = Lines(**arrays, names=tuple(names.values), events=events)
        return (lines, int(said["end"])) if _fits(lines) else None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep_lines(path: Path, about: os.stat_result, lines: Lines, end: int) -> None:
    """Keep the lines of a file, if it is long, and its folder can be written.

    Args:
        path: of the file.
        about: what the operating system said of it before it was read.
        lines: that hold of its first bytes.
        end: how many bytes.
    """
    if end < _LEAST_BYTES:
        return
    arrays = {name: np.ascontiguousarray(getattr(lines, name)) for name in _ARRAYS}
    said = {
        **_identity(about),
        "end": str(end),
        "names": encode_line(Line(0, 0, dict.fromkeys(lines.names, 0.0))).decode(),
        "events": json.dumps({k: encode_line(v).decode() for k, v in lines.events.items()}),
    }
    with suppress(OSError, SafetensorError):
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        os.close(handle)
        try:
            save_file(arrays, draft, said)
            os.chmod(draft, 0o644)
            os.replace(draft, _beside(path))
        finally:
            Path(draft).unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.columns")


def _identity(about: os.stat_result) -> dict[str, str]:
    return {
        "version": _VERSION,
        "size": str(about.st_size),
        "changed": str(about.st_mtime_ns),
    }


def _fits(lines: Lines) -> bool:
    """Whether the arrays are those of lines, and not of anything else that bears their names."""
    arrays: dict[str, Any] = {name: getattr(lines, name) for name in _ARRAYS}
    count, starts, keys = len(lines.steps), lines.starts, lines.keys
    return (
        all(a.dtype == _ARRAYS[name] and a.ndim == 1 for name, a in arrays.items())
        and len(lines.updates) == len(lines.numbers) == count == len(starts) - 1 > 0
        and len(keys) == len(lines.values) == starts[-1]
        and starts[0] == 0
        and bool((np.diff(starts) >= 0).all())
        and (not len(keys) or 0 <= keys.min() <= keys.max() < len(lines.names))
        and all(0 <= place < count for place in lines.events)
        and all(
            0 <= a.min() <= a.max() <= MOST for a in (lines.steps, lines.updates, lines.numbers)
        )
    )
