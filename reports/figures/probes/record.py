"""A run's probes as figures read them: its checkpoints, each with numbers and arrays."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from goalscope.diagnostics.record import read_arrays
from goalscope.reports.errors import ReportError
from goalscope.reports.figures.drawing import Drawing, Reference
from goalscope.reports.numbers.tables import Run, load_run, parse_key
from goalscope.reports.statistics.intervals import Array

TOLERANCE_CM = 5.0  # of success, in every Fetch task
_REFERENCES = ("raw_", "fresh_")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What the probes found of the agent as it stood at one time.

    Attributes:
        step: environment transitions by then.
        update: updates applied by then.
        values: record key -> number.
        arrays: name -> what figures are drawn from; empty where none were kept.
    """

    step: int
    update: int
    values: Mapping[str, float]
    arrays: Mapping[str, Array]


@dataclass(frozen=True)
class Absent:
    """A figure that cannot be drawn of this run: what it would have been called, and why."""

    name: str
    title: str
    reason: str


Section = Drawing | Absent


@dataclass(frozen=True, eq=False)
class Probes:
    """A run that has been probed.

    Attributes:
        run: its tables; what probes found of checkpoints is among its metrics.
        checkpoints: by step, at least one.
    """

    run: Run
    checkpoints: Sequence[Checkpoint] = field(repr=False)

    @property
    def first(self) -> Checkpoint:
        """The earliest checkpoint."""
        return self.checkpoints[0]

    @property
    def last(self) -> Checkpoint:
        """The latest checkpoint."""
        return self.checkpoints[-1]

    @property
    def in_metres(self) -> bool:
        """Whether goals are positions in metres: those of the Fetch tasks are."""
        task = f"{self.run.settings.get('env.id')} {self.run.section('probe_set').get('source')}"
        return "Fetch" in task

    @property
    def tolerance(self) -> list[Reference]:
        """The distance that counts as success, in cm, as a line; none where it is not known."""
        return [Reference(TOLERANCE_CM, "tolerance 5 cm")] if self.in_metres else []

    @property
    def image_block(self) -> str:
        """The block of images whose content was read."""
        found = [parse_key(key).block for key in self.run.metrics if key.startswith("content/")]
        wanted = self.run.image_block()
        return wanted if wanted in found or not found else found[0]

    @property
    def targets(self) -> list[str]:
        """What was read from the image features: gripper, object, ..., in the record's order."""
        prefix = f"content/critic.{self.image_block}."
        names = [key.removeprefix(prefix) for key in self.run.metrics if key.startswith(prefix)]
        return [
            name.removesuffix("_r2")
            for name in names
            if name.endswith("_r2") and not name.startswith(_REFERENCES)
        ]

    def with_arrays(self, *names: str) -> list[Checkpoint]:
        """Return the checkpoints that have all of these arrays."""
        return [c for c in self.checkpoints if all(name in c.arrays for name in names)]


def load_probes(folder: Path | str) -> Probes:
    """Read a run folder and what probes found of it.

    Raises:
        RecordError: not a run, or damaged.
        ReportError: it has not been probed.
    """
    run = load_run(folder)
    if not run.record.probes:
        raise ReportError(
            f"{folder} has not been probed; probe it first: goalscope probe "
            f"{shlex.quote(str(folder))}"
        )
    arrays = read_arrays(run.record.folder)
    return Probes(
        run,
        [
            Checkpoint(line.step, line.update, line.values, arrays.get(line.step, {}))
            for line in sorted(run.record.probes, key=lambda line: line.step)
        ],
    )


def side_by_side(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Return the first checkpoint, an early one and the last; fewer where there are fewer.

    Early: of those in between, the one nearest to a quarter of the updates.
    """
    if len(checkpoints) < 3:
        return list(checkpoints)
    quarter = checkpoints[-1].update / 4
    early = min(checkpoints[1:-1], key=lambda c: abs(c.update - quarter))
    return [checkpoints[0], early, checkpoints[-1]]


def spread_places(total: int, most: int) -> list[int]:
    """Return at most so many places of 0..total-1, evenly spread, both ends among them."""
    if total <= most:
        return list(range(total))
    return [round(i * (total - 1) / (most - 1)) for i in range(most)]


def evenly(checkpoints: Sequence[Checkpoint], most: int) -> list[Checkpoint]:
    """Return at most so many checkpoints, evenly spread, the first and the last among them."""
    return [checkpoints[place] for place in spread_places(len(checkpoints), most)]
