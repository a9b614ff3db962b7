"""What stored episodes tell: where goals come from, where they lie, and how episodes end."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]
FEWEST_EPISODES = 3
_FEWEST_GOALS = 5
_FEWEST_STARTS = 6  # episodes; a line through fewer fits by chance
_BY_CHANCE = 1e-4  # probability below which a trend or a shift is none of chance
_FEWEST_NEWEST = 10  # episodes, on either side of what is compared
_LEAST_VARIANCE = 0.01  # of the widest dimension's
_LEAST_SPREAD = 0.5  # of the widest dimension's: heights, say, vary less than places on a table


def goal_origins(
    achieved: Floats,
    desired: Floats,
    stored: Floats,
    episodes: Integers,
    steps: Integers,
    *,
    any_time: bool = False,
) -> dict[str, float]:
    """Return the fractions of rows whose desired goal was achieved in their episode, or elsewhere.

    Found from the goals alone, bit for bit: a row is of an episode that holds its achieved goal.
    Real goals are hit so exactly only where goals are discrete.

    Args:
        achieved: (B, d), of the next observations of a batch.
        desired: (B, d), of the same rows.
        stored: (N, d), the achieved goals of the next observations that replay holds.
        episodes: int (N,), which episode each of these is from.
        steps: int (N,), which step of it.
        any_time: whether a goal may come from earlier in its episode, too.

    Returns:
        "relabelled_fraction": of rows whose goal was achieved in their own episode.
        "foreign_goal_fraction": of rows whose goal was achieved, and not in their own episode at
        their own step or later (`any_time`: not in it at all). A row that can be of several
        episodes needs one of them alone.
    """
    hashed = _hashes(stored)
    own, goals = (
        _found_at(_hashes(asked), hashed, episodes, steps) for asked in (achieved, desired)
    )
    shared, foreign = [], []
    for place, goal in zip(own, goals, strict=True):
        common = place.keys() & goal.keys()
        later = [any_time or goal[e][1] >= place[e][0] for e in common]
        shared.append(bool(common))
        foreign.append(bool(goal) and bool(place) and not any(later))
    return {
        "relabelled_fraction": float(np.mean(shared)),
        "foreign_goal_fraction": float(np.mean(foreign)),
    }


def same_rows(asked: Floats, stored: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which row of (N, d) equals each row of (B, d) bit for bit; -1 for none or several.

    And beside it, int (n,), the rows of (N, d) that no other one equals, ascending: those that can
    be found.
    """
    distinct, first, counts = np.unique(_hashes(stored), return_index=True, return_counts=True)
    hashed = _hashes(asked)
    places = np.minimum(np.searchsorted(distinct, hashed), len(distinct) - 1)
    only = (distinct[places] == hashed) & (counts[places] == 1)
    return np.where(only, first[places], -1), np.sort(first[counts == 1])


def goal_gap(achieved: Floats, desired: Floats, reached: NDArray[np.bool_]) -> float | None:
    """Return how far goals lie from what is achieved where the reward says that they are one.

    The largest over dimensions i of sqrt(E[(a_i - d_i)^2 | reached]) / s_i. s_i is the smaller of
    the standard deviations of a_i and d_i over all rows, and at least half of the smaller of the
    widest dimension's. Within a tolerance it is far below 1; goals in another frame, mirrored or in
    another unit, lie 1 or more apart even where the environment says that they are reached. None
    without a row reached, where every row is (a reward that is always paid tells no goal from
    another place), or where goals or what is achieved never vary.

    Args:
        achieved: (N, d), after each step.
        desired: (N, d), as shown.
        reached: bool (N,), whether the reward is that of a goal reached.
    """
    if not reached.any() or reached.all():
        return None
    one, other = achieved.std(axis=0), desired.std(axis=0)
    widest = min(one.max(), other.max())
    if widest == 0:
        return None
    spread = np.maximum(np.minimum(one, other), _LEAST_SPREAD * widest)
    apart = np.sqrt(np.mean((achieved[reached] - desired[reached]) ** 2, axis=0))
    return float((apart / spread).max())


def asked_goal_spread(goals: Floats) -> float | None:
    """Return the RMS over d of the spread between the goals asked for, (E, d) of E episodes.

    None of fewer than five episodes.
    """
    if len(goals) < _FEWEST_GOALS:
        return None
    return float(np.sqrt(goals.astype(np.float64).var(axis=0).mean()))


def start_drift(starts: Floats, goals: Floats) -> float | None:
    """Return how far what episodes start from has drifted, over the spread of their goals.

    Per dimension a line through the starts, in the order of the episodes, by least squares; the
    largest over dimensions of what it climbs or falls from the first episode to the last. A line
    that chance would make in one of 10,000 runs or more, by the t-test of its slope and over all
    dimensions (Bonferroni), is none: 0. None of fewer than six episodes, or where all goals are
    one.

    Args:
        starts: (E, d), what is achieved before the first step of each episode.
        goals: (E, d), what each is asked for.
    """
    widest = widest_spread(goals)
    if len(starts) < _FEWEST_STARTS or widest == 0:
        return None
    from scipy.stats import linregress  # takes half a second: when needed

    order = np.arange(len(starts))
    drifts = [0.0]
    for values in starts.astype(np.float64).T:
        if np.ptp(values) == 0:
            continue
        line = linregress(order, values)
        if line.pvalue * starts.shape[1] < _BY_CHANCE:
            drifts.append(abs(line.slope) * (len(starts) - 1) / widest)
    return max(drifts)


def newest_count(episodes: int) -> int:
    """Return how many of so many episodes are the newest: a quarter, and at least ten."""
    return min(episodes, max(_FEWEST_NEWEST, episodes // 4))


def goal_shift(starts: Floats, goals: Floats) -> float | None:
    """Return how far goals have shifted between the oldest and the newest episodes, in spreads.

    Of d, what an episode is asked for, and of d - a_0, a_0 what is achieved before its first step,
    the one that has shifted less: frames that move together are one frame, and an episode that
    begins where the last one ended has goals like all others. Each is the largest over dimensions
    of abs(E[x_new] - E[x_old]) / s, s^2 = (Var[x_new] + Var[x_old]) / 2 and a hundredth of the
    widest dimension's. A difference that chance would make in one of 10,000 looks or more, by
    Welch's t with these variances and over all dimensions (Bonferroni), is none: 0. Oldest and
    newest are as many, `newest_count`. None of fewer than twenty episodes, where nothing varies
    within either, or of numbers that are not finite.

    Args:
        starts: (E, d), what is achieved before the first step of each episode, the oldest first.
        goals: (E, d), what each is asked for.
    """
    some = newest_count(len(goals))
    if len(goals) < 2 * _FEWEST_NEWEST:
        return None
    (old, new), (begun, begins) = (
        [part.astype(np.float64) for part in (values[:some], values[-some:])]
        for values in (goals, starts)
    )
    shifts = _shift(old, new), _shift(old - begun, new - begins)
    return None if shifts[0] is None or shifts[1] is None else min(shifts[0], shifts[1])


def _shift(old: Floats, new: Floats) -> float | None:
    """Return how far the means of (n, d) each lie apart, in spreads within both."""
    if not (np.isfinite(old).all() and np.isfinite(new).all()):
        return None
    variances = np.stack([old.var(axis=0), new.var(axis=0)])
    if not variances.any():
        return None
    variances = variances + _LEAST_VARIANCE * variances.mean(axis=0).max()
    from scipy.special import stdtr  # takes a while: when needed

    apart = np.abs(new.mean(axis=0) - old.mean(axis=0))
    errors = variances / (len(old) - 1)
    freedom = errors.sum(axis=0) ** 2 / (np.square(errors) / (len(old) - 1)).sum(axis=0)
    chance = 2 * stdtr(freedom, -apart / np.sqrt(errors.sum(axis=0)))
    told = chance * len(apart) < _BY_CHANCE
    return float(np.where(told, apart / np.sqrt(variances.mean(axis=0)), 0.0).max())


def draw_skew(drawn: Integers, stored: int) -> float:
    """Return how unevenly rows are drawn: the largest distance of their distribution from even.

    sup over x of abs(share of the draws up to row x - share of the rows up to row x), the statistic
    of Kolmogorov and Smirnov: 0 where all are drawn alike, near 1 where a few are drawn alone.

    Args:
        drawn: int (n,), the places of the rows that were drawn, 0 the oldest.
        stored: how many places there are.
    """
    places = np.sort(drawn)
    shares = np.arange(len(places) + 1) / len(places)
    ahead = shares[1:] - (places + 1) / stored  # at a row that was drawn
    behind = places / stored - shares[:-1]  # just before it
    return float(max(ahead.max(), behind.max(), 0.0))


def end_fractions(
    lengths: Integers,
    ended: NDArray[np.bool_],
    reached: NDArray[np.bool_],
    charged: NDArray[np.bool_] | None = None,
) -> dict[str, float]:
    """Return how often episodes end for good although their goal is not reached.

    Args:
        lengths: int (E,), of finished episodes.
        ended: bool (E,), whether each ended for good, and not by a time limit.
        reached: bool (E,), whether its last reward is that of a goal reached.
        charged: bool (E,), whether its last step was paid less than others are; None where that,
            or whether a goal was reached, cannot be told.

    Returns:
        "unreached_end_fraction": such ends over all steps.
        "cut_as_end_fraction": the share of episodes that end so at the length that most episodes
        have, as a time limit that is passed on as an end does. Absent with fewer than three.
        "early_end_fraction": the share of episodes that end so at another length and are not
        charged for it; absent likewise, and where `charged` is None.
    """
    early = ended & ~reached
    results = {"unreached_end_fraction": float(early.sum() / lengths.sum())}
    if len(lengths) >= FEWEST_EPISODES:
        values, counts = np.unique(lengths, return_counts=True)
        usual = lengths == values[counts.argmax()]
        results["cut_as_end_fraction"] = float((early & usual).mean())
        if charged is not None:
            results["early_end_fraction"] = float((early & ~usual & ~charged).mean())
    return results


def widest_spread(goals: Floats) -> float:
    """Return the standard deviation of goals (E, d) in the dimension where it is largest."""
    return float(goals.astype(np.float64).std(axis=0).max()) if len(goals) else 0.0


def _hashes(goals: Floats) -> NDArray[np.uint64]:
    """Return a number for each goal (N, d), uint64 (N,): the same for the same bits."""
    bits = np.ascontiguousarray(goals, dtype=np.float64).view(np.uint64).reshape(len(goals), -1)
    # Numbers of single precision end in zero bits, and so would their products.
    bits = bits ^ (bits >> np.uint64(32))
    factors = np.random.default_rng(0).integers(2**63, size=bits.shape[1], dtype=np.uint64) * 2 + 1
    result: NDArray[np.uint64] = (bits * factors).sum(axis=1, dtype=np.uint64)
    return result


def _found_at(
    goals: NDArray[np.uint64], stored: NDArray[np.uint64], episodes: Integers, steps: Integers
) -> list[dict[int, tuple[int, int]]]:
    """Return, of each goal, episode -> the first and the last of its steps that achieved it."""
    distinct, inverse = np.unique(goals, return_inverse=True)
    found = np.minimum(np.searchsorted(distinct, stored), len(distinct) - 1)
    hits = np.flatnonzero(distinct[found] == stored)
    hits = hits[np.lexsort((steps[hits], episodes[hits], found[hits]))]
    pairs = np.stack([found[hits], episodes[hits]], axis=1)
    new = np.ones(len(hits), bool)
    new[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    firsts = np.flatnonzero(new)
    lasts = np.append(firsts[1:], len(hits)) - 1
    places: list[dict[int, tuple[int, int]]] = [{} for _ in distinct]
    for first, last in zip(firsts, lasts[: len(firsts)], strict=True):
        goal, episode = pairs[first]
        places[goal][int(episode)] = int(steps[hits[first]]), int(steps[hits[last]])
    return [places[number] for number in inverse]
