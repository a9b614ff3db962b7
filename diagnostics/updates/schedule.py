"""When an instrument measures: densely at first, then ever more rarely, then at a cadence."""

from dataclasses import dataclass
from functools import cached_property

DENSE_UPDATES = 10
FEATURES_EVERY = 50
GRADIENTS_EVERY = 50
SENSITIVITY_EVERY = 250
SENSITIVITY_GROWTH = 2.0  # the dearest instruments start out sparser


@dataclass(frozen=True)
class Schedule:
    """Due at 0, at each of the first ten updates, then logarithmically, then every `every`.

    Attributes:
        every: the cadence in updates, at least 1; 1 measures every update.
        growth: factor between logarithmic measurements, above 1; they end where they would lie
            farther apart than the cadence.

    Raises:
        ValueError: `every` below 1 or `growth` not above 1.
    """

    every: int
    growth: float = 1.5

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"a cadence of {self.every} updates is not possible; use 1 or more")
        if self.growth <= 1:
            raise ValueError(f"a growth of {self.growth} never ends; use more than 1")

    def due(self, update: int) -> bool:
        """Whether to measure at this update (0: before the first)."""
        if update <= DENSE_UPDATES or update % self.every == 0:
            return True
        return update in self._logarithmic

    def next(self, update: int) -> int:
        """Return the first update after this one (-1: none yet) at which to measure."""
        if update < DENSE_UPDATES:
            return update + 1
        multiple = (update // self.every + 1) * self.every
        return min([multiple, *(u for u in self._logarithmic if u > update)])

    def count(self, updates: int) -> int:
        """Return at how many of the states after 0, 1, ... `updates` updates to measure."""
        early = {*range(1, DENSE_UPDATES + 1), *self._logarithmic}
        beside = [u for u in early if u <= updates and u % self.every]
        return 1 + updates // self.every + len(beside)

    @cached_property
    def _logarithmic(self) -> frozenset[int]:
        updates, value = set(), float(DENSE_UPDATES)
        while value * (self.growth - 1) < self.every:
            value *= self.growth
            updates.add(round(value))
        return frozenset(updates)
