"""A run's probes: its checkpoints, each with the numbers and arrays that were found of it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goalscope.diagnostics.record import read_arrays
from goalscope.diagnostics.record.keys import CRITIC, Family, Key, parse
from goalscope.diagnostics.record.metrics import AUGMENTATION_NOISE, CONTENT_R2
from goalscope.reports.errors import ReportError
from goalscope.reports.numbers.runs import Run, load_run


@dataclass(frozen=True, eq=False)
class ProbedCheckpoint:
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
    arrays: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Probes:
    """A run that has been probed.

    Attributes:
        run: its tables; what probes found of checkpoints is among its metrics.
        checkpoints: by step, at least one.
    """

    run: Run
    checkpoints: Sequence[ProbedCheckpoint] = field(repr=False)

    @property
    def first(self) -> ProbedCheckpoint:
        """The earliest checkpoint."""
        return self.checkpoints[0]

    @property
    def last(self) -> ProbedCheckpoint:
        """The latest checkpoint."""
        return self.checkpoints[-1]

    @property
    def augmented(self) -> bool:
        """Whether the run trains under the augmentation that was probed."""
        return any(AUGMENTATION_NOISE.match(key) is not None for key in self.run.metrics)

    @property
    def image_block(self) -> str:
        """The block of images whose content was read."""
        found = [key.block for key in self._content_keys()]
        wanted = self.run.image_block()
        return wanted if wanted in found or not found else found[0]

    @property
    def targets(self) -> list[str]:
        """What was read from the image features: gripper, object, ..., in the record's order."""
        block = self.image_block
        own = [str(k) for k in self._content_keys() if (k.owner, k.block) == (CRITIC, block)]
        return [found["target"] for key in own if (found := CONTENT_R2.match(key)) is not None]

    @property
    def content(self) -> bool:
        """Whether image features were read at all."""
        return bool(self._content_keys())

    def _content_keys(self) -> list[Key]:
        keys = map(parse, self.run.metrics)
        return [key for key in keys if key.family == Family.CONTENT]

    def with_arrays(self, *names: str) -> list[ProbedCheckpoint]:
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
            ProbedCheckpoint(line.step, line.update, line.values, arrays.get(line.step, {}))
            for line in sorted(run.record.probes, key=lambda line: line.step)
        ],
    )
