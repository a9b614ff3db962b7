"""Whether a run learns: its success against the floor, or else its return.

The return is asked where no episode tells whether it succeeded: a task without a goal.
"""

from collections.abc import Iterable
from enum import Enum

import numpy as np

from goalscope.diagnostics.record.metrics import (
    EVALUATION_EPISODES,
    ROLLOUT_EPISODES,
    ROLLOUT_RETURN,
    ROLLOUT_SUCCESS_RATE,
    SUCCESS_RATE,
)
from goalscope.diagnostics.record.successes import wilson_interval
from goalscope.reports.claims.floors import highest_floor
from goalscope.reports.numbers.runs import Run

PART = 4  # the last quarter of the episodes is what a run has come to, the first where it began
HALF = 0.5  # a run of unknown floor that succeeds as often is not said to stay there
FEW = 10  # episodes in that quarter; fewer tell nothing
_LEVEL = 0.05  # of the test for a trend in the return


class Learning(Enum):
    """What the success of a run says, or its return."""

    YES = "success is clearly above the floor"
    RISES = "the return rises"
    NO = "success stays at the floor"
    LOW = "success is below half, and not clearly above where it began"  # of an unknown floor
    FLAT = "the return does not rise"
    UNKNOWN = "the record does not tell whether the run learns"

    @property
    def learns(self) -> bool | None:
        """Whether the run learns; None where that is not known."""
        return {Learning.UNKNOWN: None}.get(self, self in (Learning.YES, Learning.RISES))


def learning(run: Run) -> Learning:
    """Return whether a run learns: by its evaluations, else by its episodes of training.

    By their return where the record holds no success at all.
    """
    if not {SUCCESS_RATE.key(), ROLLOUT_SUCCESS_RATE.key()} & set(run.metrics):
        return _by_return(_episodes(run, ROLLOUT_RETURN.key(), ROLLOUT_EPISODES.key()))
    recorded = highest_floor([run])
    floor = recorded.high if recorded else None
    evaluated = (SUCCESS_RATE.key(), EVALUATION_EPISODES.key())
    untrained = _untrained(run, *evaluated)
    for keys in (evaluated, (ROLLOUT_SUCCESS_RATE.key(), ROLLOUT_EPISODES.key())):
        verdict = _verdict(_episodes(run, *keys), floor, untrained)
        if verdict is not Learning.UNKNOWN:
            return verdict
    return Learning.UNKNOWN


def _by_return(lines: list[tuple[float, float]]) -> Learning:
    """Return whether the return rises: by a trend, or from its beginning to its second half.

    Of the mean over the episodes of each line, both tests one-sided, each at half the level: Mann
    and Kendall's (Mann, Econometrica 13, 1945), and Mann and Whitney's of the first tenth, at least
    three lines, for what rises early and stays. A return that never changes tells nothing: it may
    be the best there is.
    """
    means = [total / n for total, n in lines if np.isfinite(total) and n > 0]
    if sum(n for _, n in lines) < PART * FEW or len(means) < FEW:
        return Learning.UNKNOWN
    if max(means) == min(means):
        return Learning.UNKNOWN
    from scipy.stats import kendalltau, mannwhitneyu  # take half a second: when needed

    trend = kendalltau(np.arange(len(means)), means, alternative="greater")
    begun, later = means[: max(3, len(means) // 10)], means[len(means) // 2 :]
    raised = mannwhitneyu(later, begun, alternative="greater")
    rises = min(trend.pvalue, raised.pvalue) < _LEVEL / 2
    return Learning.RISES if rises else Learning.FLAT


def _episodes(run: Run, rate: str, episodes: str) -> list[tuple[float, float]]:
    """Return the sum over its episodes, and their number, of each line after the first update."""
    return [
        (line.values[rate] * line.values[episodes], line.values[episodes])
        for line in run.record.lines.with_metric(rate)
        if line.update > 0 and episodes in line.values
    ]


def _untrained(run: Run, rate: str, episodes: str) -> float | None:
    """Return the upper end of the success before the first update; None of too few episodes."""
    for line in run.record.lines.with_metric(rate):
        n = line.values.get(episodes, 0.0)
        if line.update == 0 and n >= FEW and np.isfinite(line.values[rate]):
            return _wilson(line.values[rate] * n, n)[1]
    return None


def _verdict(
    lines: list[tuple[float, float]], floor: float | None, untrained: float | None
) -> Learning:
    counts = [(s, n) for s, n in lines if np.isfinite(s) and n > 0]
    total = sum(n for _, n in counts)
    successes, episodes = _quarter(reversed(counts), total)
    if episodes < FEW:
        return Learning.UNKNOWN
    low, high = _wilson(successes, episodes)
    if floor is not None:
        return Learning.YES if low > floor else Learning.NO
    # The agent's own beginning stands for it.
    if low > (_wilson(*_quarter(counts, total))[1] if untrained is None else untrained):
        return Learning.YES
    # It may have learnt within its first quarter, or been loaded as it is.
    return Learning.LOW if high < HALF else Learning.UNKNOWN


def _wilson(successes: float, episodes: float) -> tuple[float, float]:
    return wilson_interval(round(successes), round(episodes))


def _quarter(counts: Iterable[tuple[float, float]], total: float) -> tuple[float, float]:
    successes = episodes = 0.0
    for s, n in counts:
        if episodes >= total / PART:
            break
        successes, episodes = successes + s, episodes + n
    return successes, episodes
