"""Readings of a run that checks judge: a metric over the run, or a few of them put together."""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from goalscope.diagnostics.record.keys import Metric, before_normalisation, parse
from goalscope.diagnostics.record.metrics import (
    ACTION_GOAL_SWAP,
    AUGMENTATION_NOISE,
    CONTENT_ERROR,
    CONTENT_R2,
    FEATURE_NORM,
    FEATURE_SPREAD,
    FRESH_CONTENT_R2,
    NEXT_GOAL_R2,
    NEXT_GOAL_WITH_R2,
    OBSERVATION_SPREAD,
    PIXEL_SPAN,
    Q_GOAL_SWAP,
    ROLLOUT_SUCCESS_RATE,
    SHIFT,
    SIGNAL,
    UNMOVED_FRACTION,
)
from goalscope.diagnostics.record.transition_metrics import (
    GOAL_GAP,
    GOAL_OFFSET,
    NEXT_DIFFERS,
    NORMALISED_OFFSET,
    SUCCESS_FRACTION,
    TERMINATED_FRACTION,
    UNCHANGED_FRACTION,
)
from goalscope.reports.checks.series import (
    Series,
    series_of,
    together,
)
from goalscope.reports.numbers.runs import Run

Reading = Callable[[Run, str], Series | None]  # of a run and a network; "" for the run as a whole
IMAGE = ""  # stands for the run's block of images, whatever its name
_FAR_OFF = 5.0  # spreads of the goals; one that they are drawn around lies within 2
_SOME_UNMOVED = 0.1  # of relabelled steps, those in episodes that moved nothing
_STANDS_STILL = 0.1  # of the spread of the desired goals, that of the achieved ones


def measured(metric: Metric, block: str | None = None, **parts: str) -> Reading:
    """Return a reading of one metric.

    Args:
        metric: which.
        block: of what; `IMAGE` for the block of images.
        parts: what stands in the place of its name's placeholder.
    """

    def read(run: Run, network: str) -> Series | None:
        return _series(run, metric, network, run.image_block() if block == IMAGE else block, parts)

    return read


def under_normalisation(metric: Metric) -> Reading:
    """Return a reading of the image features, before the normalisation their encoder ends in.

    What a normalisation puts out hides units that are dead and features that are constant.
    """

    def read(run: Run, network: str) -> Series | None:
        block = run.image_block()
        description = run.block(network, block)
        if description is not None and description.get("normalised"):
            block = before_normalisation(block)
        return _series(run, metric, network, block, {})

    return read


def combined(
    combine: Callable[[list[NDArray[np.float64]]], NDArray[np.float64]], *readings: Reading
) -> Reading:
    """Return a reading that puts others together, at the updates that all of them have."""

    def read(run: Run, network: str) -> Series | None:
        return together([reading(run, network) for reading in readings], combine)

    return read


def over(above: Reading, under: Reading) -> Reading:
    """Return a reading of one number over another."""
    return combined(lambda values: values[0] / values[1], above, under)


def less(first: Reading, second: Reading) -> Reading:
    """Return a reading of one number minus another."""
    return combined(lambda values: values[0] - values[1], first, second)


def of_critic(reading: Reading) -> Reading:
    """Return a reading of the critic, for a check that is asked of the run as a whole."""
    return lambda run, _: reading(run, "critic")


def largest(metric: Metric) -> Reading:
    """Return a reading of the largest value of a metric over all its blocks."""

    def read(run: Run, network: str) -> Series | None:
        keys = (key for key in run.metrics if metric.match(key) is not None)
        return over_keys(run, keys, np.max)

    return read


def larger(*readings: Reading) -> Reading:
    """Return a reading of the larger of several numbers, or of those that there are."""
    return _any_of(readings, np.fmax)


def smaller(*readings: Reading) -> Reading:
    """Return a reading of the smaller of several numbers, or of those that there are."""
    return _any_of(readings, np.fmin)


def _any_of(readings: Sequence[Reading], choose: np.ufunc) -> Reading:
    def read(run: Run, network: str) -> Series | None:
        found = [one for one in (reading(run, network) for reading in readings) if one is not None]
        if not found:
            return None
        updates = np.unique(np.concatenate([one.updates for one in found]))
        values = np.full(len(updates), np.nan)
        for one in found:
            places = np.searchsorted(updates, one.updates)
            values[places] = choose(values[places], one.values)
        return Series(updates, values)

    return read


def goal_distance(run: Run, network: str) -> Series | None:
    """Return how far desired goals lie from what is achieved: on average, or where they are one.

    On average only where what is achieved varies, or goals lie farther off than chance puts them:
    what stands still lies beside most goals.
    """
    spreads = (measured(OBSERVATION_SPREAD, f"{kind}_goal") for kind in ("achieved", "desired"))
    offset = combined(
        lambda values: np.where(
            (values[1] >= _STANDS_STILL) | (values[0] > _FAR_OFF), values[0], 0.0
        ),
        measured(GOAL_OFFSET),
        over(*spreads),
    )
    return larger(offset, measured(GOAL_GAP))(run, network)


def goal_swap(run: Run, network: str) -> Series | None:
    """Return how much the critic's Q or the actor's action changes when the goal is exchanged.

    0 where the environment shows a goal and no feature of the network depends on it.
    """
    if run.shows_goal() and run.blocks(network) and not run.reads_goal(network):
        return always(run, 0.0)
    metric = Q_GOAL_SWAP if network == "critic" else ACTION_GOAL_SWAP
    return measured(metric)(run, network)


def of_vectors(metric: Metric) -> Reading:
    """Return a reading of the largest value of a metric over all blocks that are no images."""

    def read(run: Run, network: str) -> Series | None:
        keys = metric.by_block(run.metrics, metric.owners[0])
        return over_keys(run, (k for b, k in keys.items() if b != run.image_block()), np.max)

    return read


def unchanged_in_replay(run: Run, network: str) -> Series | None:
    """Return the share of stored steps that change nothing, as far as replay is to blame.

    Times the share of next observations that are not the environment's, where that is known: what
    the environment itself leaves as it was is stored as it should be.
    """
    unchanged = measured(UNCHANGED_FRACTION)(run, network)
    differs = largest(NEXT_DIFFERS)(run, network)
    if unchanged is None or differs is None:
        return unchanged
    return together([unchanged, differs], lambda values: values[0] * values[1])


def normalised_spread(run: Run, network: str) -> Series | None:
    """Return how far the spread of what VecNormalize normalises lies from 1, as a ratio above 1."""
    named = {b["name"] for b in run.blocks("critic") if b.get("ends_in") is None}
    blocks = named & set(NORMALISED_OFFSET.by_block(run.metrics, "critic"))
    keys = [OBSERVATION_SPREAD.key(block=block) for block in sorted(blocks - {run.image_block()})]

    def off(values: list[NDArray[np.float64]], axis: int) -> NDArray[np.float64]:
        spreads = np.array(values)
        varying = np.where(spreads > 0, spreads, 1.0)  # what never varies stays as it is
        farthest: NDArray[np.float64] = np.maximum(varying, 1 / varying).max(axis=axis)
        return farthest

    return over_keys(run, keys, off) if keys else None


def success_paid_beyond(run: Run, network: str) -> Series | None:
    """Return the share of real steps that are paid as a success, beyond the most of episodes.

    Of the episodes of training, as their last step's `is_success` counts them.
    """
    paid = _recorded(run, SUCCESS_FRACTION.key("real"))
    counted = measured(ROLLOUT_SUCCESS_RATE)(run, network)
    counted = None if counted is None else counted.finite()
    if paid is None or counted is None or not len(counted.values):
        return None
    return paid.map(lambda values: values - counted.values.max())


def reached_though_moved(run: Run, network: str) -> Series | None:
    """Return the share of relabelled steps that are paid as a success.

    NaN where some belong to episodes that moved nothing: theirs are reached before they begin.
    """
    paid, unmoved = (
        _recorded(run, metric.key(*owner))
        for metric, owner in ((SUCCESS_FRACTION, ("relabelled",)), (UNMOVED_FRACTION, ()))
    )
    if unmoved is None:
        return paid
    return together([paid, unmoved], lambda v: np.where(v[1] < _SOME_UNMOVED, v[0], np.nan))


def varying_part(run: Run, network: str) -> Series | None:
    """Return which part of the image features' length varies between observations, 0..1.

    RMS deviation from the mean vector over the mean norm, before a normalisation.
    """
    widths = {block["name"]: block.get("width", 0) for block in run.blocks(network)}
    width = widths.get(run.image_block(), 0)
    ratio = over(under_normalisation(FEATURE_SPREAD), under_normalisation(FEATURE_NORM))
    found = ratio(run, network)
    return found.map(lambda values: values * math.sqrt(width)) if found and width else None


def augmentation_shift(run: Run, network: str) -> Series | None:
    """Return how far the augmentation that a run trains under shifts the scene, as shown."""
    trained = measured(AUGMENTATION_NOISE, IMAGE)(run, "critic")
    return measured(SHIFT, unit=run.task.key_unit)(run, network) if trained else None


def signal_over_action(block: str) -> Reading:
    """Return a reading of a block's signal in the critic over the action's."""
    return of_critic(over(measured(SIGNAL, block), measured(SIGNAL, "action")))


def pixel_span(run: Run, network: str) -> Series | None:
    """Return what one pixel spans in the scene, in the unit the task is shown in."""
    return measured(PIXEL_SPAN, unit=run.task.key_unit)(run, network)


def position_error(run: Run, network: str) -> Series | None:
    """Return the error of the position that the task is about, read from image features."""
    error = measured(CONTENT_ERROR, IMAGE, target=run.task.target, unit=run.task.key_unit)
    return error(run, network)


def gain_over_fresh(run: Run, network: str) -> Series | None:
    """Return R^2 of that position from the image features, minus that from a fresh encoder's."""
    target = run.task.target
    trained, fresh = (
        measured(metric, IMAGE, target=target) for metric in (CONTENT_R2, FRESH_CONTENT_R2)
    )
    # Below 0 nothing is read at all: how far below does not count as worse.
    found = together(
        [trained(run, network), fresh(run, network)],
        lambda values: np.maximum(values[0], 0) - np.maximum(values[1], 0),
    )
    return found


def prediction_gain(extra: str) -> Reading:
    """Return a reading of the gain in R^2 of the next achieved goal by something beside."""
    return of_critic(
        less(
            measured(NEXT_GOAL_WITH_R2, "features", extra=extra),
            measured(NEXT_GOAL_R2, "features"),
        )
    )


def discount_without_end(run: Run, network: str) -> Series | None:
    """Return the discount, or 0 where some transition ends its episode for good."""
    discount = run.settings.get("agent.gamma")
    terminated = measured(TERMINATED_FRACTION)(run, network)
    if terminated is None or not isinstance(discount, int | float):
        return None
    bounded = bool((terminated.values > 0).any())
    return terminated.map(lambda values: np.full(len(values), 0.0 if bounded else discount))


def unmeasured_end(run: Run, network: str) -> Series | None:
    """Return which part of the run's end the coarsest of its live instruments left unmeasured."""
    last: dict[str, int] = {}
    for key in run.metrics:
        family, column = parse(key).family, run.column(key)
        if family in ("features", "gradient", "sensitivity") and column is not None:
            last[family] = max(last.get(family, 0), int(column.updates[-1]))
    if not last or not run.updates:
        return None
    return series_of(np.array([run.updates]), np.array([1 - min(last.values()) / run.updates]))


def over_keys(
    run: Run, keys: Iterable[str], choose: Callable[..., NDArray[np.float64]]
) -> Series | None:
    """Return the least or largest of several of a run's numbers at each update; None of none."""
    found = [_recorded(run, key) for key in keys]
    return together(found, lambda values: choose(values, axis=0))


def _series(
    run: Run, metric: Metric, network: str, block: str | None, parts: dict[str, str]
) -> Series | None:
    owners = [owner for owner in (network, f"{network}_loss") if owner in metric.owners]
    return _recorded(run, metric.key(owners[0] if owners else None, block, **parts))


def _recorded(run: Run, key: str) -> Series | None:
    column = run.column(key)
    return None if column is None else series_of(column.updates, column.values)


def always(run: Run, value: float) -> Series:
    """Return what is known to hold for the whole run."""
    return series_of(np.array([0, run.updates // 2, run.updates]), np.full(3, value))
