"""Readings of what replay holds: observations, goals, rewards and ends of episodes."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from goalscope.diagnostics.record.metrics import (
    OBSERVATION_SPREAD,
)
from goalscope.diagnostics.record.transition_metrics import (
    ACTION_EFFECT_R2,
    ACTION_OVER_GOALS,
    EARLY_END_FRACTION,
    ENTROPY_OVER_REWARDS,
    EPISODE_LENGTH,
    EPISODES_FORGOTTEN,
    EPISODES_HELD,
    GOAL_GAP,
    GOAL_OFFSET,
    GOAL_SHIFT,
    NEWEST_OVER_GOALS,
    NEXT_DIFFERS,
    NORMALISED_OFFSET,
    PLACE_R2,
    REWARD_MAX,
    REWARD_MIN,
    TERMINATED_FRACTION,
    UNCHANGED_FRACTION,
)
from goalscope.reports.checks.readings import (
    Reading,
    combined,
    larger,
    largest,
    measured,
    over,
    over_keys,
    recorded,
)
from goalscope.reports.checks.series import Series, together
from goalscope.reports.numbers.runs import Run

_FAR_OFF = 5.0  # spreads of the goals; one that they are drawn around lies within 2
_STANDS_STILL = 0.1  # of the spread of the desired goals, that of the achieved ones
_FEW_EPISODES = 20  # in replay; a batch of 256 draws from each of them a dozen times
_MOVES = 0.05  # of the distance between two goals, a step
_TOLD = 0.2  # R^2 of the action from which something is known to answer to it
_MEASUREMENTS = 5


def goal_distance(run: Run, network: str) -> Series | None:
    """Return how far desired goals lie from what is achieved, or how far they have shifted.

    From what is achieved on average, or where rewards say that they are one.

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
    return larger(offset, measured(GOAL_GAP), measured(GOAL_SHIFT))(run, network)


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


def step_over_goals(run: Run, network: str) -> Series | None:
    """Return how far a step moves what is achieved, over the distance between two goals.

    NaN once actions were told from something else while this could not be said: an object that must
    be touched first stands still whatever the actions' scale.
    """
    own, told = (measured(metric)(run, network) for metric in (ACTION_OVER_GOALS, ACTION_EFFECT_R2))
    if own is None or told is None:
        return own
    other = told.updates[(told.values >= _TOLD) & ~np.isin(told.updates, own.updates)]
    since = other.min() if len(other) else np.inf
    return Series(own.updates, np.where(own.updates < since, own.values, np.nan))


def newest_over_goals(run: Run, network: str) -> Series | None:
    """Return how far a step of the newest episodes moves what is achieved, likewise.

    None where a step of all of replay did not, as a rule: what never answered has not ceased to.
    """
    ever, newest = (
        measured(metric)(run, network) for metric in (ACTION_OVER_GOALS, NEWEST_OVER_GOALS)
    )
    moved = ever is not None and bool(np.median(ever.finite().values) >= _MOVES)
    return newest if moved else None


def fixed_entropy_over_rewards(run: Run, network: str) -> Series | None:
    """Return a fixed entropy coefficient over the range of rewards; 0 of one that is learnt."""
    found = measured(ENTROPY_OVER_REWARDS)(run, network)
    fixed = isinstance(run.settings.get("agent.entropy_coefficient"), int | float)
    return found if found is None or fixed else found.map(np.zeros_like)


def goals_crossed(run: Run, network: str) -> Series | None:
    """Return how often the longest episode could cross the distance between two goals.

    At the longest step so far: an agent that has reached its goal stays there.
    """
    lengths, pace = measured(EPISODE_LENGTH)(run, network), _pace(run, network)
    return together([lengths, pace], lambda values: values[0] * values[1])


def worth_of_a_goal(run: Run, network: str) -> Series | None:
    """Return gamma^n, n the steps between two goals at the longest step so far."""
    discount, pace = run.settings.get("agent.gamma"), _pace(run, network)
    if pace is None or not isinstance(discount, int | float):
        return None
    with np.errstate(divide="ignore"):
        return pace.map(lambda values: float(discount) ** (1 / values))


def _pace(run: Run, network: str) -> Series | None:
    pace = step_over_goals(run, network)
    return None if pace is None else pace.finite().map(np.maximum.accumulate)


def ever(reading: Reading) -> Reading:
    """Return a reading of the second largest value so far: what happens once may be an accident.

    For what no healthy run shows, and a faulty one only now and then, as at the ends of episodes.
    """

    def read(run: Run, network: str) -> Series | None:
        found = reading(run, network)
        found = None if found is None else found.finite()
        if found is None or not len(found.values):
            return found
        most = second = -np.inf
        seconds = []
        for value in found.values.tolist():
            most, second = max(most, value), max(second, min(most, value))
            seconds.append(second)
        return Series(found.updates[1:], np.array(seconds[1:]))

    return read


def discount_without_end(run: Run, network: str) -> Series | None:
    """Return the discount, or 0 where some transition ends its episode for good."""
    discount = run.settings.get("agent.gamma")
    terminated = measured(TERMINATED_FRACTION)(run, network)
    if terminated is None or not isinstance(discount, int | float):
        return None
    bounded = bool((terminated.values > 0).any())
    return terminated.map(lambda values: np.full(len(values), 0.0 if bounded else discount))


def ends_where_steps_cost(run: Run, network: str) -> Series | None:
    """Return the share of episodes that end for good early, short of their goal, where steps cost.

    0 where a reward above 0 was seen, or none below: then an end saves nothing.
    """
    readings = [measured(metric) for metric in (EARLY_END_FRACTION, REWARD_MIN, REWARD_MAX)]

    def costly(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        cost = bool(np.nanmin(values[1]) < 0 and np.nanmax(values[2]) <= 0)
        return values[0] if cost else np.zeros_like(values[0])

    return combined(costly, *readings)(run, network)


def overwritten_of_few(run: Run, network: str) -> Series | None:
    """Return how many episodes replay has overwritten for each one that it holds.

    0 where it holds twenty or more: however long a run, those are no window of its last minutes.
    """
    held, overwritten = measured(EPISODES_HELD), measured(EPISODES_FORGOTTEN)

    def each(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.where(values[0] < _FEW_EPISODES, values[1] / np.maximum(values[0], 1), 0.0)

    return combined(each, held, overwritten)(run, network)


def place_shown(run: Run, network: str) -> Series | None:
    """Return the best R^2 of what actions move, from any image or from either encoder of it.

    The median of the last five measurements: a batch of 128 errs. None of what must be touched
    first: it stands in few places, and the encoders' straight lines need many.
    """
    step = step_over_goals(run, network)
    keys = [key for key in run.metrics if PLACE_R2.match(key) is not None]
    best = larger(*(lambda run, _, key=key: recorded(run, key) for key in keys))(run, network)
    found = None if best is None else best.finite()
    if step is None or np.isnan(step.values).any():
        return None
    if found is None or len(found.values) < _MEASUREMENTS:
        return None
    medians = np.median(sliding_window_view(found.values, _MEASUREMENTS), axis=1)
    return Series(found.updates[_MEASUREMENTS - 1 :], medians)


def episodes_left(run: Run, network: str) -> Series | None:
    """Return the least share of the episodes that had ended which replay held or had overwritten.

    So far; over the most that there were before. 1 of a replay that only ever grows and overwrites:
    what goes missing is missing among those held, too, for SB3 begins to count the others anew.
    """
    held, forgotten = (measured(m)(run, network) for m in (EPISODES_HELD, EPISODES_FORGOTTEN))
    shares = together(
        [held, forgotten],
        lambda values: np.maximum(_of_the_most(values[0]), _of_the_most(values[0] + values[1])),
    )
    return None if shares is None else shares.finite().map(np.minimum.accumulate)


def _of_the_most(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each number over the most so far; 1 while there is none."""
    share: NDArray[np.float64] = values / np.maximum(np.maximum.accumulate(values), 1)
    return np.where(values > 0, share, 1.0)


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
