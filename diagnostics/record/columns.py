"""Lines of a record as columns: a long record takes twelve bytes a number, not a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from goalscope.diagnostics.record.lines import Line


@dataclass(frozen=True)
class Column:
    """What was measured of one metric, a row each.

    Attributes:
        updates: int64; metrics that the same lines hold have it in common, the same object.
        steps: int64, as well.
        values: float64, NaN and infinities included.
    """

    updates: NDArray[np.int64]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lines(Sequence[Line]):
    """Lines in the order written; each is made anew when it is asked for.

    Attributes:
        steps: of each line, int64.
        updates: of each line, int64.
        numbers: how many lines of the file stood before each, int64.
        starts: where each line's numbers begin in `keys` and `values`, and where the last's end.
        keys: of each number, int32, an index into `names`.
        values: the numbers, float64.
        names: metric keys, in the order in which they came up.
        events: place of a line that says something in words -> that line, whole.
    """

    steps: NDArray[np.int64]
    updates: NDArray[np.int64]
    numbers: NDArray[np.int64]
    starts: NDArray[np.int64]
    keys: NDArray[np.int32]
    values: NDArray[np.float64]
    names: tuple[str, ...]
    events: Mapping[int, Line]

    @classmethod
    def of(cls, lines: Iterable[Line], numbers: Sequence[int] | None = None) -> Lines:
        """Return lines as columns.

        Args:
            lines: in the order written.
            numbers: how many lines of their file stood before each; None for a file of its own.
        """
        kept = list(lines)
        names: dict[str, int] = {}
        kinds: dict[tuple[str, ...], NDArray[np.int32]] = {}
        keys = [np.zeros(0, np.int32)]
        values: list[float] = []
        starts = [0]
        for line in kept:
            if line.event is None:
                kind = tuple(line.values)
                if kind not in kinds:
                    own = [names.setdefault(key, len(names)) for key in kind]
                    kinds[kind] = np.array(own, np.int32)
                keys.append(kinds[kind])
                values += line.values.values()
            starts.append(len(values))
        return cls(
            np.array([line.step for line in kept], np.int64),
            np.array([line.update for line in kept], np.int64),
            np.array(range(len(kept)) if numbers is None else numbers, np.int64),
            np.array(starts, np.int64),
            np.concatenate(keys),
            np.array(values, np.float64),
            tuple(names),
            {at: line for at, line in enumerate(kept) if line.event is not None or line.details},
        )

    @classmethod
    def joined(cls, parts: Sequence[Lines]) -> Lines:
        """Return the lines of several, one after the other."""
        parts = [part for part in parts if len(part)] or parts[:1]
        if len(parts) == 1:
            return parts[0]
        names = dict.fromkeys(name for part in parts for name in part.names)
        place = {name: index for index, name in enumerate(names)}
        keys, starts = [], [np.zeros(1, np.int64)]
        events: dict[int, Line] = {}
        lines = values = 0
        for part in parts:
            own = np.array([place[name] for name in part.names], np.int32)
            keys.append(own[part.keys])
            starts.append(part.starts[1:] + values)
            events |= {lines + at: line for at, line in part.events.items()}
            lines, values = lines + len(part), values + len(part.values)
        return cls(
            np.concatenate([part.steps for part in parts]),
            np.concatenate([part.updates for part in parts]),
            np.concatenate([part.numbers for part in parts]),
            np.concatenate(starts),
            np.concatenate(keys),
            np.concatenate([part.values for part in parts]),
            tuple(names),
            events,
        )

    def before(self, number: int) -> Lines:
        """Return only the lines before which fewer than `number` others stood in their file."""
        count = int(np.searchsorted(self.numbers, number))
        if count == len(self):
            return self
        end = int(self.starts[count])
        return Lines(
            self.steps[:count],
            self.updates[:count],
            self.numbers[:count],
            self.starts[: count + 1],
            self.keys[:end],
            self.values[:end],
            self.names,
            {place: line for place, line in self.events.items() if place < count},
        )

    def until(self, step: int) -> Lines:
        """Return only the lines up to a step, wherever they stand."""
        kept = self.steps <= step
        if kept.all():
            return self
        counts = np.diff(self.starts)
        inside = np.repeat(kept, counts)
        places = np.cumsum(kept) - 1
        return Lines(
            self.steps[kept],
            self.updates[kept],
            self.numbers[kept],
            np.concatenate([self.starts[:1], np.cumsum(counts[kept])]),
            self.keys[inside],
            self.values[inside],
            self.names,
            {int(places[at]): line for at, line in self.events.items() if kept[at]},
        )

    def with_metric(self, key: str) -> list[Line]:
        """Return the measurements that hold a metric."""
        if key not in self.names:
            return []
        places = np.flatnonzero(self.keys == self.names.index(key))
        return [self._line(at) for at in np.searchsorted(self.starts, places, side="right") - 1]

    def by_metric(self) -> dict[str, Column]:
        """Return key -> what was measured of it, by update; rows of one update as written."""
        lines = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.starts))
        # Sorted several times faster as small numbers.
        keys = self.keys.astype(np.min_scalar_type(len(self.names)))
        order = np.lexsort((self.updates[lines], keys))
        lines, values = lines[order], self.values[order]
        ends = np.cumsum(np.bincount(self.keys, minlength=len(self.names))).tolist()
        places: dict[bytes, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
        found = {}
        for key, first, end in zip(self.names, [0, *ends], ends, strict=False):
            if end > first:
                own = lines[first:end]
                held = own.tobytes()
                if held not in places:
                    places[held] = self.updates[own], self.steps[own]
                found[key] = Column(*places[held], values[first:end])
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lines) and list(self) == list(other)

    def __len__(self) -> int:
        return len(self.steps)

    @overload
    def __getitem__(self, place: int) -> Line: ...

    @overload
    def __getitem__(self, place: slice) -> list[Line]: ...

    def __getitem__(self, place: int | slice) -> Line | list[Line]:
        """Return a line, or a list of them."""
        if isinstance(place, slice):
            return [self._line(at) for at in range(*place.indices(len(self)))]
        return self._line(range(len(self))[place])

    def __iter__(self) -> Iterator[Line]:
        return map(self._line, range(len(self)))

    def _line(self, place: int) -> Line:
        event = self.events.get(place)
        if event is not None:
            return event
        own = slice(int(self.starts[place]), int(self.starts[place + 1]))
        named = (self.names[key] for key in self.keys[own].tolist())
        values = dict(zip(named, self.values[own].tolist(), strict=True))
        return Line(int(self.steps[place]), int(self.updates[place]), values)
