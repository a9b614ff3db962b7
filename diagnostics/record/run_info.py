"""What `run.json` says of a run: its fields, and their form as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Required, TypedDict

from goalscope.diagnostics.record.documents import Count, Unusable, fit, read_document, shortened
from goalscope.diagnostics.record.lines import SCHEMA_VERSION, RecordError
from goalscope.diagnostics.record.task import UNKNOWN_TASK, Task, guessed_task


class BlockInfo(TypedDict, total=False):
    """A block of a network; parts that an older record lacks are absent."""

    name: Required[str]
    keys: list[str]
    width: Count
    mixed: bool
    ends_in: str | None
    normalised: bool
    encoder_parameters: Count


class NetworkInfo(TypedDict, total=False):
    """What was found in a network."""

    features_dim: Count
    consumers: list[str]
    action_width: Count
    blocks: list[BlockInfo]


class ProbeSetInfo(TypedDict, total=False):
    """Where the fixed states come from, how many there are, and their digests."""

    states: Count
    goals: Count
    source: str
    sha256: str
    states_sha256: str


@dataclass(frozen=True)
class RunInfo:
    """A run, as it is described once, when it begins.

    Attributes:
        name: of its folder.
        arm: name of its configuration; None for a run of a user's own.
        seed: of the run, where it has one.
        created: when it began, ISO 8601 in UTC.
        command: that started it.
        settings: flat: name -> JSON value, such as "agent.learning_rate".
        versions: package -> version.
        hardware: what it runs on.
        networks: network -> the blocks and consumers found in it.
        instruments: instrument -> its cadence, {"every": updates}.
        task: what it is about.
        environment: what the agent trains in: "id", "action", and "observation of <key>", a space
            in words each; empty in a record made before it was kept.
        probe_set: where the fixed states come from, and their digests; None where none are asked.
        notes: what a reader must know of the blocks, a sentence each.
    """

    name: str = ""
    arm: str | None = None
    seed: int | None = None
    created: str | None = None
    command: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    hardware: Mapping[str, Any] = field(default_factory=dict)
    networks: Mapping[str, NetworkInfo] = field(default_factory=dict)
    instruments: Mapping[str, Any] = field(default_factory=dict)
    task: Task = UNKNOWN_TASK
    environment: Mapping[str, str] = field(default_factory=dict)
    probe_set: ProbeSetInfo | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the content of `run.json`, texts cut to what can be read again."""
        return {"schema": SCHEMA_VERSION, **shortened(asdict(self))}


def read_info(path: Path) -> RunInfo:
    """Return what a `run.json` says; what this version does not know is left out.

    Raises:
        RecordError: it is damaged, of another schema version, or not what it should be.
    """
    try:
        content = read_document(path)
        version = content.get("schema")
        if version != SCHEMA_VERSION:
            raise RecordError(
                f"{path.parent} was written with record schema {version!r}, this goalscope reads "
                f"{SCHEMA_VERSION}; read it with the goalscope version in its {path.name}"
            )
        known = {name: value for name, value in content.items() if value is not None}
        info = fit(known, RunInfo, path)
    except Unusable as error:
        raise RecordError(f"{error}; the file is damaged, run it again") from error
    if "task" in known:
        return info
    return replace(info, task=guessed_task(info.settings, info.probe_set or {}))
