"""Readings of a run that checks judge: a metric over the run, or a few of them put together."""

import math
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from goalscope.diagnostics.record.keys import GOAL, Metric, before_normalisation, parse
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
    PIXEL_SPAN,
    Q_GOAL_SWAP,
    SHIFT,
    SIGNAL,
)
from goalscope.reports.checks.series import (
    Series,
    series_of,
    together,
)
from goalscope.reports.numbers.runs import SCHEDULED, Run

Reading = Callable[[Run, str], Series | None]  # of a run and a network; "" for the run as a whole
IMAGE = ""  # stands for the run's block of images, whatever its name
_IMAGE_SHAPE = re.compile(r"\((\d+), (\d+), (\d+)\)")


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


def varying_part(run: Run, network: str) -> Series | None:
    """Return which part of the image features' length varies between observations, 0..1.

    RMS deviation from the mean vector over the mean norm, before a normalisation; 1 where it is the
    longer of the two, as of features that are active in few observations.
    """
    widths = {block["name"]: block.get("width", 0) for block in run.blocks(network)}
    width = widths.get(run.image_block(), 0)
    ratio = over(under_normalisation(FEATURE_SPREAD), under_normalisation(FEATURE_NORM))
    found = ratio(run, network)
    return found.map(lambda v: np.minimum(v * math.sqrt(width), 1)) if found and width else None


def augmentation_shift(run: Run, network: str) -> Series | None:
    """Return how far the augmentation that a run trains under shifts the scene, as shown."""
    trained = measured(AUGMENTATION_NOISE, IMAGE)(run, "critic")
    return measured(SHIFT, unit=run.task.key_unit)(run, network) if trained else None


def signal_over_action(block: str) -> Reading:
    """Return a reading of a block's signal in the critic over the action's."""
    return of_critic(over(measured(SIGNAL, block), measured(SIGNAL, "action")))


def loudest_vector(run: Run, network: str) -> Series | None:
    """Return the largest signal in the critic of a block that is no image, over the action's."""
    others = (run.image_block(), "action", GOAL)
    keys = SIGNAL.by_block(run.metrics, "critic").items()
    loudest = over_keys(run, (key for block, key in keys if block not in others), np.max)
    return together([loudest, measured(SIGNAL, "action")(run, "critic")], lambda v: v[0] / v[1])


def raw_image_columns(run: Run, network: str) -> Series | None:
    """Return how many pixels of an image the critic's first layers read as they are, 0 of none.

    None where the environment shows no image: an array of three dimensions.
    """
    widths = []
    for block in run.blocks("critic"):
        space = run.record.info.environment.get(f"observation of {block['name']}", "")
        shape = _IMAGE_SHAPE.search(space)
        if shape is not None:
            pixels = math.prod(map(int, shape.groups()))
            raw = not block.get("encoder_parameters") and block.get("width") == pixels
            widths.append(pixels if raw else 0)
    return always(run, float(max(widths))) if widths else None


def span_of_two_pixels(run: Run, network: str) -> Series | None:
    """Return what two pixels span in the scene, in the unit the task is shown in.

    It is the least distance that an image tells (Shannon 1949, sampling).
    """
    one = measured(PIXEL_SPAN, unit=run.task.key_unit)(run, network)
    return None if one is None else one.map(lambda values: 2 * values)


def position_error(run: Run, network: str) -> Series | None:
    """Return the error of the position that no vector tells, read from image features."""
    target = run.untold_position(network)
    if target is None:
        return None
    return measured(CONTENT_ERROR, IMAGE, target=target, unit=run.task.key_unit)(run, network)


def gain_over_fresh(run: Run, network: str) -> Series | None:
    """Return R^2 of that position from the image features, minus that from a fresh encoder's."""
    target = run.untold_position(network)
    if target is None:
        return None
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


def unmeasured_end(run: Run, network: str) -> Series | None:
    """Return which part of the run's end the coarsest of its live instruments left unmeasured."""
    last: dict[str, int] = {}
    for key in run.metrics:
        family, column = parse(key).family, run.column(key)
        if family in SCHEDULED and column is not None:
            last[family] = max(last.get(family, 0), int(column.updates[-1]))
    if not last or not run.updates:
        return None
    end = min(last.values())
    return series_of(np.array([0, end]), np.array([0.0, 1 - end / run.updates]))


def over_keys(
    run: Run, keys: Iterable[str], choose: Callable[..., NDArray[np.float64]]
) -> Series | None:
    """Return the least or largest of several of a run's numbers at each update; None of none."""
    found = [recorded(run, key) for key in keys]
    return together(found, lambda values: choose(values, axis=0))


def _series(
    run: Run, metric: Metric, network: str, block: str | None, parts: dict[str, str]
) -> Series | None:
    owners = [owner for owner in (network, f"{network}_loss") if owner in metric.owners]
    return recorded(run, metric.key(owners[0] if owners else None, block, **parts))


def recorded(run: Run, key: str) -> Series | None:
    """Return one of a run's numbers; None where it was not measured."""
    column = run.column(key)
    return None if column is None else series_of(column.updates, column.values)


def always(run: Run, value: float) -> Series:
    """Return what is known to hold for the whole run."""
    return series_of(np.array([0, run.updates // 2, run.updates]), np.full(3, value))
