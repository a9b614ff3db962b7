"""How many of some episodes were successful, and what can be said of that share."""

import math
from dataclasses import dataclass

from goalscope.diagnostics.record.metrics import (
    EVALUATION_EPISODES,
    SUCCESS_HIGH,
    SUCCESS_LOW,
    SUCCESS_RATE,
)


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


def wilson_interval(successes: int, episodes: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a success rate, 0..1 (Wilson 1927).

    It stays inside 0..1 and has a width where every episode failed. It is that of
    `scipy.stats.binomtest`, which takes half a second to import.

    Args:
        successes: at most as many as episodes.
        episodes: at least one.
        confidence: 0..1.
    """
    from scipy import special  # a run begins sooner without it

    z = float(special.ndtri(0.5 + 0.5 * confidence))
    rate, whole = successes / episodes, 2 * (episodes + z**2)
    centre = (2 * episodes * rate + z**2) / whole
    half = z / whole * math.sqrt(4 * episodes * rate * (1 - rate) + z**2)
    low = centre - half if successes else 0.0
    return low, centre + half if successes < episodes else 1.0
