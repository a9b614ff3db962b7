"""A line of a record, and its form as JSON."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from goalscope.errors import UserError

SCHEMA_VERSION = 1
RUN_FILE = "run.json"
MEASUREMENTS_FILE = "measurements.jsonl"
ROUTING_FILE = "routing.json"
PROBE_SET_FILE = "probe_set.safetensors"
RESUMED = "resumed"
NOTE = "note"
PROBES_FILE = "probes.jsonl"
PROBE_ARRAYS = "probes"

# JSON has no NaN and no infinity: they are written as these strings, and come back as floats.
_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class RecordError(UserError):
    """A run folder cannot be read or written; the message is one line and names the remedy."""


@dataclass(frozen=True)
class Line:
    """One line of the record.

    Attributes:
        step: environment transitions seen so far, summed over environments.
        update: optimiser steps of the critic. For states (features, signal, sensitivity) the number
            applied before the measurement; for gradients the number of the update itself, from 1.
        values: metric key -> value, NaN and infinities included.
        event: None for a measurement, else "failure", "resumed", "note" or "end".
        details: what an event says in words.
    """

    step: int
    update: int
    values: dict[str, float] = field(default_factory=dict)
    event: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def encode_line(line: Line) -> bytes:
    """Return a line as it stands in a file, its newline included."""
    content: dict[str, Any] = {"step": line.step, "update": line.update}
    if line.event is not None:
        content["event"] = line.event
    content |= line.details
    content |= {key: _encode(value) for key, value in line.values.items()}
    return (json.dumps(content, allow_nan=False) + "\n").encode()


def decode_line(raw: bytes) -> Line:
    """Return the line that stands in a file.

    Raises:
        ValueError, TypeError, KeyError: it is damaged.
    """
    content = json.loads(raw)
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    step, update = int(content.pop("step")), int(content.pop("update"))
    event = content.pop("event", None)
    values, details = {}, {}
    for key, value in content.items():
        if "/" not in key:
            details[key] = value
        elif isinstance(value, str):
            values[key] = _NONFINITE[value]
        else:
            values[key] = float(value)
    return Line(step, update, values, event, details)


def _encode(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
