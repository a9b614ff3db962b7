"""Whether a run learns: its success against the floor of doing nothing, and against its start."""

from collections.abc import Iterable
from enum import Enum

import numpy as np

from goalscope.diagnostics.record.metrics import (
    EVALUATION_EPISODES,
    ROLLOUT_EPISODES,
    ROLLOUT_SUCCESS_RATE,
    SUCCESS_RATE,
)
from goalscope.reports.claims.success import recorded_floors
from goalscope.reports.numbers.runs import Run
from goalscope.reports.statistics.intervals import wilson_interval

PART = 4  # the last quarter of the episodes is what a run has come to, the first where it began
FEW = 10  # episodes in that quarter; fewer tell nothing


class Learning(Enum):
    """What the success of a run says."""

    YES = "success is clearly above the floor"
    NO = "success stays at the floor"
    UNKNOWN = "the record does not tell whether the run learns"


def learning(run: Run) -> Learning:
    """Return whether a run learns: by its evaluations, else by its episodes of training."""
    floor = max((f.high for f in recorded_floors([run])), default=None)
    for keys in (
        (SUCCESS_RATE.key(), EVALUATION_EPISODES.key()),
        (ROLLOUT_SUCCESS_RATE.key(), ROLLOUT_EPISODES.key()),
    ):
        verdict = _verdict(_episodes(run, *keys), floor)
        if verdict is not Learning.UNKNOWN:
            return verdict
    return Learning.UNKNOWN


def _episodes(run: Run, rate: str, episodes: str) -> list[tuple[float, float]]:
    """Return successes and episodes of each line after the first update."""
    return [
        (line.values[rate] * line.values[episodes], line.values[episodes])
        for line in run.record.lines.with_metric(rate)
        if line.update > 0 and episodes in line.values
    ]


def _verdict(lines: list[tuple[float, float]], floor: float | None) -> Learning:
    counts = [(s, n) for s, n in lines if np.isfinite(s) and n > 0]
    total = sum(n for _, n in counts)
    successes, episodes = _quarter(reversed(counts), total)
    if episodes < FEW:
        return Learning.UNKNOWN
    if floor is None:  # the agent's own beginning stands for it
        floor = _interval(*_quarter(counts, total))[1]
    return Learning.YES if _interval(successes, episodes)[0] > floor else Learning.NO


def _interval(successes: float, episodes: float) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a success rate."""
    return wilson_interval(round(successes), round(episodes))


def _quarter(counts: Iterable[tuple[float, float]], total: float) -> tuple[float, float]:
    successes = episodes = 0.0
    for s, n in counts:
        if episodes >= total / PART:
            break
        successes, episodes = successes + s, episodes + n
    return successes, episodes
