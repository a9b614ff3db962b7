"""What `run.json` says of a run: its fields, and their form as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from goalscope.diagnostics.record.lines import SCHEMA_VERSION, RecordError
from goalscope.diagnostics.record.task import UNKNOWN_TASK, Task, recorded_task


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
    networks: Mapping[str, Any] = field(default_factory=dict)
    instruments: Mapping[str, Any] = field(default_factory=dict)
    task: Task = UNKNOWN_TASK
    environment: Mapping[str, str] = field(default_factory=dict)
    probe_set: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the content of `run.json`."""
        return {"schema": SCHEMA_VERSION, **asdict(self)}


_SECTIONS = (
    "settings",
    "versions",
    "hardware",
    "networks",
    "instruments",
    "task",
    "environment",
    "probe_set",
)


def info_from_json(content: Mapping[str, Any], folder: object) -> RunInfo:
    """Return what the `run.json` of a folder says; what this version does not know is left out.

    Raises:
        RecordError: it is of another schema version, or a part of it is not what it should be.
    """
    version = content.get("schema")
    if version != SCHEMA_VERSION:
        raise RecordError(
            f"{folder} was written with record schema {version!r}, this goalscope reads "
            f"{SCHEMA_VERSION}; read it with the goalscope version in its run.json"
        )
    known = {f.name for f in fields(RunInfo)}
    found = {key: value for key, value in content.items() if key in known and value is not None}
    for name in _SECTIONS:
        if not isinstance(found.get(name, {}), Mapping):
            raise RecordError(
                f"run.json of {folder} is damaged: {name!r} is not a mapping; run it again"
            )
    notes, _ = found.pop("notes", []), found.pop("task", None)
    return RunInfo(**found, task=recorded_task(content), notes=tuple(notes))
