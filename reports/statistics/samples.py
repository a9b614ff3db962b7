"""A quantity's number for each seed of an arm."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from goalscope.reports.statistics.scales import Scale


@dataclass(frozen=True)
class Sample:
    """A quantity's number for each seed of an arm, sorted by what can be used of it.

    Attributes:
        numbers: seed label -> finite number.
        failed: labels of the seeds whose number is NaN, infinite or impossible.
        missing: labels of the seeds without a measurement.
        excluded: label -> why the seed's number says nothing.
    """

    numbers: Mapping[str, float]
    failed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every seed, with or without a number."""
        return (*self.numbers, *self.failed, *self.missing, *self.excluded)

    @property
    def whole(self) -> bool:
        """Whether every seed has a number."""
        return not (self.failed or self.missing or self.excluded)

    @property
    def silent(self) -> bool:
        """Whether the numbers say nothing, in all seeds or all but one."""
        return bool(self.excluded) and len(self.numbers) < 2

    @property
    def gaps(self) -> str:
        """Which seeds count for nothing, in words; empty if none."""
        clauses = []
        if self.failed:
            clauses.append(f"{self._named(self.failed)} failed with NaN or impossible values")
        if self.missing:
            clauses.append(f"{self._named(self.missing)} without a measurement")
        for why in dict.fromkeys(self.excluded.values()):
            labels = [label for label, own in self.excluded.items() if own == why]
            clauses.append(f"{why}: {self._named(labels)}")
        return "; ".join(clauses)

    def _named(self, labels: Sequence[str]) -> str:
        if len(labels) == len(self.labels) > 1:
            return "both seeds" if len(labels) == 2 else f"all {len(labels)} seeds"
        return ", ".join(labels)


def sort_sample(
    values: Mapping[str, float | None], scale: Scale, excluded: Mapping[str, str] | None = None
) -> Sample:
    """Return the numbers of an arm's seeds, the unusable ones set apart by name.

    Args:
        values: seed label -> number, None without a measurement.
        scale: that tells which numbers are possible.
        excluded: label -> why the seed's number says nothing.
    """
    excluded = excluded or {}
    numbers: dict[str, float] = {}
    failed, missing = [], []
    for label, value in values.items():
        if label in excluded:
            continue
        if value is None:
            missing.append(label)
        elif not math.isfinite(value) or not scale.contains(value):
            failed.append(label)
        else:
            numbers[label] = value
    return Sample(numbers, tuple(failed), tuple(missing), excluded)


def both(baseline: Sample, other: Sample) -> tuple[list[float], list[float], Sample]:
    """Return the numbers of the seeds that two arms ran, in one order, and the other's sample.

    The sample holds the pairs; a seed that failed in either arm is named as failed, and one that
    only one of the arms ran is left out.
    """
    pairs = [label for label in baseline.numbers if label in other.numbers]
    shared = {*baseline.labels} & {*other.labels}
    failed = dict.fromkeys(n for n in (*baseline.failed, *other.failed) if n in shared)
    missing = dict.fromkeys(n for n in (*baseline.missing, *other.missing) if n in shared)
    excluded = {**other.excluded, **baseline.excluded}
    excluded = {label: why for label, why in excluded.items() if label in shared}
    return (
        [baseline.numbers[label] for label in pairs],
        [other.numbers[label] for label in pairs],
        Sample({n: other.numbers[n] for n in pairs}, tuple(failed), tuple(missing), excluded),
    )
