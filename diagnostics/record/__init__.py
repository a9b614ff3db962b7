"""The record of a run: the one place that knows its schema, writes it and reads it back.

A run folder holds `run.json` (what was run, written once), `measurements.jsonl` (append-only, one
flat JSON object per line), `routing.json` (which loss reaches which parameters, once it was seen),
`probe_set.safetensors`, and what probes found of its checkpoints: `probes.jsonl` (the same kind of
lines) with arrays for figures in `probes/`. Reports read runs through this package and know nothing
else of them.
"""

from goalscope.diagnostics.record.arrays import read_arrays
from goalscope.diagnostics.record.columns import Column, Lines
from goalscope.diagnostics.record.documents import (
    PlainName,
    Unusable,
    fit,
    read_document,
    refuse_elsewhere,
)
from goalscope.diagnostics.record.lines import (
    FINISHED,
    MEASUREMENTS_FILE,
    NOTE,
    PROBE_ARRAYS,
    PROBE_SET_FILE,
    PROBES_FILE,
    RESUMED,
    ROUTING_FILE,
    RUN_FILE,
    SCHEMA_VERSION,
    Line,
    RecordError,
)
from goalscope.diagnostics.record.reader import (
    RoutingRow,
    RunReader,
    RunRecord,
    is_run,
    last_update,
    read_lines,
    read_run,
)
from goalscope.diagnostics.record.run_info import BlockInfo, NetworkInfo, ProbeSetInfo, RunInfo
from goalscope.diagnostics.record.task import (
    UNKNOWN_TASK,
    Task,
    fetch_task,
    named_task,
)
from goalscope.diagnostics.record.writer import (
    RecordWriter,
    encode_json,
    refuse_existing_run,
    write_json_atomically,
    write_probes,
)

__all__ = [
    "FINISHED",
    "MEASUREMENTS_FILE",
    "NOTE",
    "PROBES_FILE",
    "PROBE_ARRAYS",
    "PROBE_SET_FILE",
    "RESUMED",
    "ROUTING_FILE",
    "RUN_FILE",
    "SCHEMA_VERSION",
    "UNKNOWN_TASK",
    "BlockInfo",
    "Column",
    "Line",
    "Lines",
    "NetworkInfo",
    "PlainName",
    "ProbeSetInfo",
    "RecordError",
    "RecordWriter",
    "RoutingRow",
    "RunInfo",
    "RunReader",
    "RunRecord",
    "Task",
    "Unusable",
    "encode_json",
    "fetch_task",
    "fit",
    "is_run",
    "last_update",
    "named_task",
    "read_arrays",
    "read_document",
    "read_lines",
    "read_run",
    "refuse_elsewhere",
    "refuse_existing_run",
    "write_json_atomically",
    "write_probes",
]
