"""Readings of gradients, and of the steps that follow them."""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from goalscope.diagnostics.record import RoutingRow
from goalscope.diagnostics.record.keys import ACTOR, CRITIC, FIRST_LAYERS, GOAL, JOINT_LOSS, Metric
from goalscope.diagnostics.record.metrics import (
    DOWNHILL,
    ENCODER_GRADIENT,
    ENCODER_UPDATE_RATIO,
    SIGNAL,
    UPDATE_RATIO,
    WEIGHT_GRADIENT,
)
from goalscope.diagnostics.record.transition_metrics import TARGET_LAG, TRAVEL
from goalscope.reports.checks.readings import (
    IMAGE,
    Reading,
    always,
    combined,
    measured,
    over_keys,
    recorded,
)
from goalscope.reports.checks.series import IN_A_ROW, PART, Series, series_of, together
from goalscope.reports.numbers.runs import Run

SMALLEST_GRADIENT = 1e-8  # Adam's epsilon: below it, even where one weight has it all, steps die
_GROWTH_SPAN = 10_000  # updates: over millions of them a healthy signal may grow as far
_ENOUGH_STEPS = 100  # an agent that updates once in so many has little to average
_CLIMBING = 8  # measurements: what overshoots goes uphill for a few
# Not correlations: of a Q that is constant over goals they are 0/0, and nothing broke.
_NEVER_NAN = (".weight_gradient", ".encoder_gradient", ".norm", "_loss", ".loss", ".q_spread")


def steps_without_update(run: Run, network: str) -> Series | None:
    """Return how many steps a run took that ended without an update, 0 of one that updates."""
    end = run.record.end
    return None if end is None else always(run, 0.0 if run.updates else float(end.step))


def draws_per_step(run: Run, network: str) -> Series | None:
    """Return transitions drawn from replay per transition added, since the first update.

    None of an agent without replay: what it takes is learnt from when a rollout is full.
    """
    batch = run.settings.get("agent.batch_size")
    lines = run.record.lines
    begun = np.flatnonzero(lines.updates > 0)
    if "agent.replay_buffer" not in run.settings or not isinstance(batch, int) or not len(begun):
        return None
    updates, steps = lines.updates[begun[0] :], lines.steps[begun[0] :]
    taken = steps >= steps[0] + _ENOUGH_STEPS
    drawn = batch * (updates - updates[0])[taken]
    return series_of(updates[taken], drawn / (steps - steps[0])[taken])


def least_travel(run: Run, network: str) -> Series | None:
    """Return how far the part of a network came that came least far, in steps."""
    return over_keys(run, TRAVEL.by_block(run.metrics, network).values(), np.min)


def largest_step(run: Run, network: str) -> Series | None:
    """Return the largest step over weights so far that a network's first layers kept up.

    Of the blocks that they read, what half of them reach: steps are not too large because the
    weights of one block fade. Kept up: for three measurements in a row. Of so far, because weights
    grow under steps that are too large, until the ratio looks healthy again.
    """
    kept_up = _kept_up(_steps(run, network, _of_half))
    return None if kept_up is None else kept_up.map(np.maximum.accumulate)


def signal_growth(run: Run, network: str) -> Series | None:
    """Return how many times what a network's first layers hear grew within 10,000 updates, so far.

    The root of the sum of the blocks' squared signals, kept up for three measurements in a row. Of
    all blocks together: one that starts at next to nothing may grow a thousandfold and do no harm.
    """
    keys = [k for block, k in SIGNAL.by_block(run.metrics, network).items() if block != GOAL]
    signal = over_keys(run, keys, np.sum) if keys else None
    kept_up = _kept_up(signal)
    if signal is None or kept_up is None:
        return None
    first = signal.finite()
    before = first.values[np.searchsorted(first.updates, kept_up.updates - _GROWTH_SPAN)]
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.sqrt(kept_up.values / before)
    return Series(kept_up.updates, np.fmax.accumulate(growth))


def _kept_up(series: Series | None, measurements: int = IN_A_ROW) -> Series | None:
    """Return what a number stayed at or above for so many measurements in a row, at their last."""
    found = None if series is None else series.finite()
    if found is None or len(found.values) < measurements:
        return None
    least = sliding_window_view(found.values, measurements).min(axis=1)
    return Series(found.updates[measurements - 1 :], least)


def steepest_climb(run: Run, network: str) -> Series | None:
    """Return the least descent that a network's steps kept up from some update on, so far.

    Kept up: for eight measurements in a row. Of so far, and to the run's end: what has climbed to
    where its loss is flat has no gradient any more, and a step without one has no direction.
    """
    return lasting_least(measured(DOWNHILL), _CLIMBING)(run, network)


def target_lag_in_steps(run: Run, network: str) -> Series | None:
    """Return how far the target lies from the critic, in steps of the critic: (1 - tau) / tau.

    Both over the norm of first layers; of the steps of the blocks that these read, what half of
    them reach.
    """
    numbers = [measured(TARGET_LAG)(run, network), _steps(run, CRITIC, _of_half)]
    return together(numbers, lambda values: values[0] / np.where(values[1] > 0, values[1], np.nan))


def lasting(reading: Reading, measurements: int = IN_A_ROW) -> Reading:
    """Return a reading of the largest value that lasted, from some update on, so far.

    For so many measurements in a row. Of so far, and to the run's end: what is worked out wrongly
    is so, too, where it makes no difference any more, or cannot be seen.
    """

    def read(run: Run, network: str) -> Series | None:
        found = reading(run, network)
        found = None if found is None else found.finite()
        lasted = _kept_up(found, measurements)
        if found is None or lasted is None:
            return None
        largest = np.maximum.accumulate(lasted.values)
        updates = np.append(found.updates[: len(largest)], max(run.updates, found.updates[-1]))
        return Series(updates, np.append(largest, largest[-1]))

    return read


def lasting_least(reading: Reading, measurements: int = IN_A_ROW) -> Reading:
    """Return a reading of the least value that lasted, as `lasting` the largest."""
    turned = lasting(combined(lambda values: -values[0], reading), measurements)
    return combined(lambda values: -values[0], turned)


def last_step(run: Run, network: str) -> Series | None:
    """Return the largest step over weights that a network's first layers took of late.

    Over the blocks that they read, and over a tenth of the run: a rate that a schedule lets end at
    0 has done its work before. Where a gradient reaches them; without one there is no step to take.
    """
    steps, gradients = _steps(run, network), largest_weight_gradient(run, network)
    found = together(
        [steps, gradients],
        lambda values: np.where(values[1] > SMALLEST_GRADIENT, values[0], np.nan),
    )
    found = None if found is None else found.finite()
    if found is None or not len(found.values):
        return None
    begins = np.searchsorted(found.updates, found.updates - PART * run.updates)
    largest = [found.values[b : e + 1].max() for e, b in enumerate(begins.tolist())]
    return Series(found.updates, np.array(largest))


def travel_per_update(run: Run, network: str) -> Series | None:
    """Return how far the part of a network came that came farthest, in its largest steps an update.

    The most so far, for what jumps once has jumped; of the largest steps so far: travel is told in
    steps of the last size, and where steps die away they were larger before. No weight comes
    farther than its steps.
    """
    parts = TRAVEL.by_block(run.metrics, network).items()
    found = [one for block, key in parts if (one := _pace(run, network, block, key)) is not None]
    most = together(list(found), lambda values: np.max(values, axis=0))
    most = None if most is None else most.finite()
    return None if most is None else Series(most.updates, np.maximum.accumulate(most.values))


def _pace(run: Run, network: str, block: str, key: str) -> Series | None:
    travel = recorded(run, key)
    steps = (
        _steps(run, network)
        if block == FIRST_LAYERS
        else measured(ENCODER_UPDATE_RATIO, block)(run, network)
    )
    if travel is None or steps is None or len(travel.updates) < 2:
        return None
    largest = np.maximum(np.maximum.accumulate(steps.values), np.finfo(float).tiny)
    places = np.searchsorted(steps.updates, travel.updates[1:], side="right") - 1
    size = np.where(places < 0, 1.0, steps.values[places] / largest[places])
    return Series(travel.updates[1:], travel.values[1:] * size / np.diff(travel.updates))


def _steps(
    run: Run, network: str, choose: Callable[..., NDArray[np.float64]] = np.max
) -> Series | None:
    """Return the steps over weights of a network's first layers, the largest over the blocks."""
    return over_keys(run, UPDATE_RATIO.by_block(run.metrics, f"{network}_loss").values(), choose)


def _of_half(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return what half of the values reach: the lower of the two in the middle, where two are."""
    return np.quantile(values, 0.5, axis=axis, method="lower")


def optimisers_beside(run: Run, network: str) -> Series | None:
    """Return how many optimisers of other losses hold a network's weights, its encoder left out."""
    held = [
        row["optimizer"].split(", ")
        for row in run.record.routing
        if row["network"] == network and row["optimizer"] and "encoder" not in row["group"]
    ]
    return always(run, max(len(names) for names in held) - 1.0) if held else None


def optimisers_of_encoder(run: Run, network: str) -> Series | None:
    """Return how many optimisers, of critic and actor, hold the encoder that both share."""
    row = _encoder_row(run, CRITIC)
    if row is None or not row["shared_with"] or row["optimizer"] is None:
        return None
    return always(run, float(len({CRITIC, ACTOR} & set(row["optimizer"].split(", ")))))


def largest_weight_gradient(run: Run, network: str) -> Series | None:
    """Return the largest weight gradient of a network's first layers over all blocks."""
    return over_keys(run, WEIGHT_GRADIENT.by_block(run.metrics, f"{network}_loss").values(), np.max)


def broken_numbers(run: Run, network: str) -> Series:
    """Return how many norms of gradients and features, and losses, have broken by each update."""
    firsts = sorted(u for key, u in run.record.nonfinite().items() if key.endswith(_NEVER_NAN))
    updates = np.unique([0, *firsts, run.updates])
    return Series(updates, np.searchsorted(firsts, updates, side="right").astype(float))


def encoder_gradient(run: Run, network: str) -> Series | None:
    """Return the gradient that a network's encoder gets from its own loss; 0 if no loss does.

    From both losses at once where one optimiser trains an encoder that both networks share.
    """
    row = _encoder_row(run, network)
    if row and row["optimizer"] and not row["losses"]:
        return always(run, 0.0)
    return _own_or_joint(ENCODER_GRADIENT, run, network)


def encoder_step(run: Run, network: str) -> Series | None:
    """Return the step of a network's encoder over its weights; 0 where no optimiser holds it."""
    row = _encoder_row(run, network)
    if row and row["optimizer"] is None:
        return always(run, 0.0)
    return _own_or_joint(ENCODER_UPDATE_RATIO, run, network)


def _own_or_joint(metric: Metric, run: Run, network: str) -> Series | None:
    """Return a number of a network's encoder, by its own loss or that whose optimiser holds it."""
    row = _encoder_row(run, network)
    for name in (network, row["optimizer"] if row else None):
        own = measured(metric, IMAGE)(run, name) if name in (ACTOR, CRITIC) else None
        if own is not None:
            return own
    return recorded(run, metric.key(JOINT_LOSS, run.image_block()))


def _encoder_row(run: Run, network: str) -> RoutingRow | None:
    group = f"encoder of {run.image_block()}"
    for row in run.record.routing:
        shared = bool(row["shared_with"])  # with the actor, whose share of it is the critic's
        if (
            row["group"] == group
            and row["network"] == network
            and (not shared or network == "critic")
        ):
            return row
    return None
