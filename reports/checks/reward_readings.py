"""Readings of rewards and successes: what is paid, for what, and what counts beside it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goalscope.diagnostics.record.metrics import (
    ROLLOUT_EPISODES,
    ROLLOUT_SUCCESS_RATE,
    SUCCESS_RATE,
    UNMOVED_FRACTION,
)
from goalscope.diagnostics.record.transition_metrics import (
    FEW_REWARDS,
    PAID_DISTANCE,
    RELABELLED_FRACTION,
    REWARD_LEVELS,
    SUCCESS_FRACTION,
)
from goalscope.reports.checks.readings import measured, recorded
from goalscope.reports.checks.series import Series, together
from goalscope.reports.numbers.runs import Run

_TELLING = 5  # episodes of training; of fewer a rate says nothing
_PART = 1 / 4  # of the success in training
_HARDLY = 0.1  # success of an evaluation
_YES_OR_NO = 2  # rewards
_RELABELLED = 0.05  # of transitions, whose goal was achieved in their own episode
_SOME_UNMOVED = 0.1  # of relabelled steps, those in episodes that moved nothing


def success_paid_beyond(run: Run, network: str) -> Series | None:
    """Return the share of real steps that are paid as a success, beyond the most of episodes.

    Of the episodes of training, as their last step's `is_success` counts them.
    """
    paid = recorded(run, SUCCESS_FRACTION.key("real"))
    counted = measured(ROLLOUT_SUCCESS_RATE)(run, network)
    counted = None if counted is None else counted.finite()
    if paid is None or counted is None or not len(counted.values):
        return None
    return paid.map(lambda values: values - counted.values.max())


def paid_without_hindsight(run: Run, network: str) -> Series | None:
    """Return the share of stored steps that are paid as a success, where nothing relabels.

    None with hindsight, SB3's or another, and of rewards that are not two, as by the distance.
    """
    paid = recorded(run, SUCCESS_FRACTION.key("stored"))
    levels, achieved = (measured(m)(run, network) for m in (REWARD_LEVELS, RELABELLED_FRACTION))
    if run.settings.get("agent.n_sampled_goal") is not None or levels is None:
        return None
    if achieved is not None and np.nanmax(achieved.values) > _RELABELLED:
        return None
    return paid if np.nanmax(levels.values) <= _YES_OR_NO else None


def success_drawn_beyond(run: Run, network: str) -> Series | None:
    """Return the share of real steps drawn that are paid as a success, less that of all stored."""
    kinds = (recorded(run, SUCCESS_FRACTION.key(kind)) for kind in ("real", "stored"))
    return together(list(kinds), lambda values: values[0] - values[1])


def success_never_paid(run: Run, network: str) -> Series | None:
    """Return the share of training's episodes that count as a success, as long as none is paid.

    0 from the first real step on that is paid as one, among those drawn or among all that are
    stored. None where rewards take many values: nearness is paid then, and no step as a success.
    """
    levels = measured(REWARD_LEVELS)(run, network)
    if levels is not None and np.nanmax(levels.values) > FEW_REWARDS:
        return None
    kinds = [recorded(run, SUCCESS_FRACTION.key(kind)) for kind in ("real", "stored")]
    kinds = [paid for paid in kinds if paid is not None]
    counted = measured(ROLLOUT_SUCCESS_RATE)(run, network)

    def unpaid(values: Sequence[np.ndarray]) -> np.ndarray:
        paid = np.fmax.accumulate(np.fmax.reduce(values[:-1]))
        return np.where(paid > 0, 0.0, values[-1])

    return together([*kinds, counted], unpaid) if kinds else None


def reached_though_moved(run: Run, network: str) -> Series | None:
    """Return the share of relabelled steps that are paid as a success.

    NaN where some belong to episodes that moved nothing: theirs are reached before they begin.
    """
    paid = recorded(run, SUCCESS_FRACTION.key("relabelled"))
    unmoved = measured(UNMOVED_FRACTION)(run, network)
    if unmoved is None:
        return paid
    return together([paid, unmoved], lambda v: np.where(v[1] < _SOME_UNMOVED, v[0], np.nan))


def tolerance_ratio(run: Run, network: str) -> Series | None:
    """Return how many times farther goals are paid than the task tolerates, or less far; >= 1."""
    paid, tolerance = measured(PAID_DISTANCE)(run, network), run.task.tolerance
    if paid is None or not tolerance:
        return None

    def off(values: NDArray[np.float64]) -> NDArray[np.float64]:
        ratios = np.maximum(values, np.finfo(float).tiny) / tolerance
        return np.maximum(ratios, 1 / ratios)

    return paid.map(off)


def success_in_training_alone(run: Run, network: str) -> Series | None:
    """Return the success of training's own episodes where an evaluation after them hardly has any.

    Of the episodes since the evaluation before, where five ended; 0 where the evaluation succeeds
    in more than one of ten, and in more than a quarter as many.
    """
    evaluated = measured(SUCCESS_RATE)(run, network)
    counts = [
        measured(ROLLOUT_SUCCESS_RATE)(run, network),
        measured(ROLLOUT_EPISODES)(run, network),
    ]
    won = together(counts, lambda values: values[0] * values[1])
    ended = together(counts, lambda values: values[1])
    if evaluated is None or won is None or ended is None:
        return None
    places = np.searchsorted(ended.updates, evaluated.updates, side="right")
    successes, episodes = (
        np.diff(np.append(0, one.values.cumsum())[places], prepend=0) for one in (won, ended)
    )
    rate = np.where(episodes >= _TELLING, successes / np.maximum(episodes, 1), np.nan)
    hardly = np.fmax(_HARDLY, rate * _PART)  # of NaN, where too few have ended, the first
    return Series(evaluated.updates, np.where(evaluated.values <= hardly, rate, 0.0))
