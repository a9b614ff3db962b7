"""A line of a record, and its form as JSON."""

import json
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Required, TypedDict

import msgspec

from goalscope.diagnostics.record.documents import LONGEST_TEXT, Count, in_words, shortened
from goalscope.errors import UserError, printable

SCHEMA_VERSION = 1
RUN_FILE = "run.json"
MEASUREMENTS_FILE = "measurements.jsonl"
ROUTING_FILE = "routing.json"
PROBE_SET_FILE = "probe_set.safetensors"
RESUMED = "resumed"
FINISHED = "finished"  # why a run ended that came to its end
NOTE = "note"
PROBES_FILE = "probes.jsonl"
PROBE_ARRAYS = "probes"

# JSON has no NaN and no infinity: they are written as these strings, and come back as floats.
_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_LONGEST_KEY = 2_000  # characters: a block may be named after all the keys that it mixes
_LARGEST = 2**1000  # a float holds it
_FLAT = msgspec.json.Decoder(dict[str, bool | int | float | str | None])


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


class _Words(TypedDict, total=False):
    """What a line may hold beside numbers; an event of a user's own may say more."""

    step: Required[Count]
    update: Required[Count]
    event: str | None
    instrument: str
    cause: str
    count: Count
    note: str
    reason: str
    kept_lines: Count
    lost_buffer: bool
    lost_environments: bool
    policy_sha256: str


def encode_line(line: Line) -> bytes:
    """Return a line as it stands in a file, its newline included."""
    content: dict[str, Any] = {"step": line.step, "update": line.update}
    if line.event is not None:
        content["event"] = line.event
    content |= shortened(line.details)
    content |= {key: _encode(value) for key, value in line.values.items()}
    text = json.dumps(content, allow_nan=False, ensure_ascii=False)
    return text.encode(errors="replace") + b"\n"  # the name of a file may be no UTF-8


def decode_line(raw: bytes) -> Line:
    """Return the line that stands in a file.

    Raises:
        ValueError: it is damaged; the message names the place in it.
    """
    try:
        content = _FLAT.decode(raw)
        others, keys = _told_apart(tuple(content))
        words = {printable(name): _short(name, content.pop(name)) for name in others}
        msgspec.convert(words, _Words)
        numbers: Collection[Any] = content.values()
        if not {float}.issuperset(map(type, numbers)):
            pairs = zip(keys, numbers, strict=True)
            numbers = [v if type(v) is float else _number(key, v) for key, v in pairs]
        values = dict(zip(keys, numbers, strict=True))
    except msgspec.MsgspecError as error:
        raise ValueError(in_words(error)) from error
    step, update, event = words.pop("step"), words.pop("update"), words.pop("event", None)
    return Line(step, update, values, event, words)


@lru_cache(maxsize=64)  # kinds of lines
def _told_apart(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the names in a line that are no metric's, and the record keys of the others."""
    keys = [_metric_key(name) for name in names]
    others = [name for name, key in zip(names, keys, strict=True) if key is None]
    return others, [key for key in keys if key is not None]


@lru_cache(maxsize=100_000)
def _metric_key(name: str) -> str | None:
    """Return a record key, the same object for every line; None for what is no metric's name."""
    if "/" not in name:
        return None
    if len(name) > _LONGEST_KEY:
        raise ValueError(f"a key is longer than {_LONGEST_KEY:,} characters: {name[:40]}...")
    return printable(name)


def _number(key: str, value: object) -> float:
    """Return a value that is no decimal number: a whole one, or one that is not finite."""
    if isinstance(value, str) and value in _NONFINITE:
        return _NONFINITE[value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return float(value)
    raise ValueError(f"{key}: {str(value)[:40]!r} is no number")


def _short(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if len(value) > LONGEST_TEXT:
        raise ValueError(f"{name[:40]} is longer than {LONGEST_TEXT:,} characters")
    return printable(value)


def _encode(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
