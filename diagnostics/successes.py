"""How many of some episodes were successful, and what can be said of that share."""

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


def wilson_interval(successes: int, episodes: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a success rate, 0..1 (Wilson 1927).

    It stays inside 0..1 and has a width where every episode failed.
    """
    from scipy.stats import binomtest  # slow to import: a run begins sooner without it

    interval = binomtest(successes, episodes).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
