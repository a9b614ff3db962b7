"""Readings of a run that checks judge: a metric of its record, or a few of them put together."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from goalscope.diagnostics.record.keys import CRITIC, LOSS_OF, Metric, before_normalisation
from goalscope.diagnostics.record.metrics import (
    AUGMENTATION_NOISE,
    CONTENT_ERROR,
    ENCODER_GRADIENT,
    ENCODER_UPDATE_RATIO,
    FEATURE_NORM,
    FEATURE_SPREAD,
    LOSS,
    NEXT_GOAL_R2,
    NEXT_GOAL_WITH_R2,
    Q_SPREAD,
    SHIFT,
    WEIGHT_GRADIENT,
    metric_of,
)
from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import Window, window_number

KeyOf = Callable[[Run], str]
# Not shares and correlations: of a gradient of 0 they are 0/0, and nothing broke.
_NEVER_NAN = (WEIGHT_GRADIENT, ENCODER_GRADIENT, FEATURE_NORM, LOSS, Q_SPREAD)


@dataclass(frozen=True)
class Reading:
    """A number of a run.

    Attributes:
        number: of a run in a window; None where it was not measured.
        keys: the record keys it is made of in a run.
    """

    number: Callable[[Run, Window | None], float | None]
    keys: Callable[[Run], tuple[str, ...]]


def of_images(metric: Metric, owner: str | None = None, **parts: str) -> KeyOf:
    """Return the key of a metric of the run's image block."""
    return lambda run: metric.key(owner, run.image_block(), **parts)


def recorded(key: KeyOf | str) -> Reading:
    """Return the reading of one record key."""
    of = key if callable(key) else lambda _: key
    return Reading(lambda run, window: window_number(run, of(run), window), lambda run: (of(run),))


def ratio(over: Reading, under: Reading) -> Reading:
    """Return the reading of one number over another; NaN over 0."""

    def divide(above: float, below: float) -> float:
        return above / below if below else math.nan

    return _of_two(over, under, divide)


def gain(more: Reading, less: Reading) -> Reading:
    """Return the reading of one number minus another."""
    return _of_two(more, less, lambda first, second: first - second)


def _of_two(first: Reading, second: Reading, together: Callable[[float, float], float]) -> Reading:
    def read(run: Run, window: Window | None) -> float | None:
        one, other = first.number(run, window), second.number(run, window)
        return None if one is None or other is None else together(one, other)

    return Reading(read, lambda run: (*first.keys(run), *second.keys(run)))


def unnormalised(metric: Metric) -> Reading:
    """Return the reading of the image features before the normalisation their encoder ends in.

    What a normalisation puts out hides units that are dead and features that are constant.
    """

    def key(run: Run) -> str:
        block = run.image_block()
        ends_normalised = run.block("critic", block).get("normalised")
        return metric.key(CRITIC, before_normalisation(block) if ends_normalised else block)

    return recorded(key)


def varying_part() -> Reading:
    """Return the reading of the part of the image features' length that varies, 0..1.

    RMS deviation between observations from the mean vector over the mean norm, before a
    normalisation.
    """
    spread, norm = unnormalised(FEATURE_SPREAD), unnormalised(FEATURE_NORM)

    def read(run: Run, window: Window | None) -> float | None:
        deviation, length = spread.number(run, window), norm.number(run, window)
        width = run.block("critic", run.image_block()).get("width", 0)
        if deviation is None or length is None or not width or not length:
            return None
        return deviation * math.sqrt(width) / length

    return Reading(read, lambda run: (*spread.keys(run), *norm.keys(run)))


def shift_in_the_scene() -> Reading:
    """Return the reading of how far the augmentation that a run trains under shifts the scene."""
    noise = recorded(of_images(AUGMENTATION_NOISE, CRITIC))
    shift = recorded(lambda run: SHIFT.key(unit=run.task.key_unit))

    def read(run: Run, window: Window | None) -> float | None:
        trains_under_none = noise.number(run, window) is None
        return None if trains_under_none else shift.number(run, window)

    return Reading(read, lambda run: (*noise.keys(run), *shift.keys(run)))


def position_error() -> Reading:
    """Return the reading of the position that the task is about, read from image features."""
    return recorded(
        lambda run: CONTENT_ERROR.key(
            CRITIC, run.image_block(), target=run.task.target, unit=run.task.key_unit
        )
    )


def prediction_gain(extra: str) -> Reading:
    """Return the reading of the gain in R^2 of the next achieved goal by what is named."""
    return gain(recorded(NEXT_GOAL_WITH_R2.key(extra=extra)), recorded(NEXT_GOAL_R2.key()))


def broken_metrics() -> Reading:
    """Return the reading of how many norms and losses were NaN or infinite by then."""

    def read(run: Run, window: Window | None) -> float | None:
        if window is None:
            return None
        last = 1 if window.time == "initialisation" else window.last
        broken = run.record.nonfinite().items()
        found = [update for key, update in broken if metric_of(key) in _NEVER_NAN]
        return float(sum(update <= last for update in found))

    return Reading(read, lambda run: ())


def least_encoder_gradient() -> Reading:
    """Return the reading of the least gradient that an encoder gets from its own network's loss.

    0 for an encoder that is held by an optimiser and that no loss reaches.
    """
    return _least_of_encoders(
        ENCODER_GRADIENT, lambda row: bool(row["optimizer"]) and not row["losses"]
    )


def least_encoder_step() -> Reading:
    """Return the reading of the least step, over the weights' norm, of an encoder.

    0 for an encoder that no optimiser holds.
    """
    return _least_of_encoders(ENCODER_UPDATE_RATIO, lambda row: row["optimizer"] is None)


def _least_of_encoders(metric: Metric, stands: Callable[[dict[str, object]], bool]) -> Reading:
    """Return the reading of the least number of the encoders of actor and critic.

    Args:
        metric: of an encoder, by loss.
        stands: whether a row of the routing table says that an encoder's number is 0.
    """

    def key(run: Run, network: str) -> str:
        return metric.key(LOSS_OF[network], run.image_block())

    def read(run: Run, window: Window | None) -> float | None:
        numbers = [
            0.0 if stands(row) else window_number(run, key(run, str(row["network"])), window)
            for row in _encoder_rows(run)
        ]
        return min((number for number in numbers if number is not None), default=None)

    return Reading(read, lambda run: tuple(key(run, network) for network in LOSS_OF))


def _encoder_rows(run: Run) -> list[dict[str, object]]:
    group = f"encoder of {run.image_block()}"
    return [
        row
        for row in run.record.routing
        if row["group"] == group and row["network"] in LOSS_OF and not row["shared_with"]
    ]
