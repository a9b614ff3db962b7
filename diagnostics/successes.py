"""How many of some episodes were successful, and what can be said of that share."""

import math
from dataclasses import dataclass

from goalscope.diagnostics.record.metrics import (
    EVALUATION_EPISODES,
    SUCCESS_HIGH,
    SUCCESS_LOW,
    SUCCESS_RATE,
)

_Z = 1.959963984540054  # between -z and z lie 95 % of a normal distribution


@dataclass(frozen=True)
class Successes:
    """How many of some episodes were successful at their last step.

    Attributes:
        successes: those that were.
        episodes: all of them.
    """

    successes: int
    episodes: int

    @property
    def success_rate(self) -> float:
        """Share of successful episodes, 0..1."""
        return self.successes / self.episodes

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the success rate, 0..1."""
        return wilson_interval(self.successes, self.episodes)

    def metrics(self) -> dict[str, float]:
        """Return record key -> value."""
        low, high = self.interval
        return {
            SUCCESS_RATE.key(): self.success_rate,
            SUCCESS_LOW.key(): low,
            SUCCESS_HIGH.key(): high,
            EVALUATION_EPISODES.key(): float(self.episodes),
        }


def wilson_interval(successes: int, episodes: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a success rate, 0..1 (Wilson 1927).

    It stays inside 0..1 and has a width where every episode failed.
    """
    rate, spread = successes / episodes, _Z**2 / episodes
    middle = rate + spread / 2
    half = math.sqrt(spread * (rate * (1 - rate) + spread / 4))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))
