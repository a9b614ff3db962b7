"""Noise of whatever tracks what is achieved."""

import numpy as np

from goalscope.probes.live.episodes import FEWEST_EPISODES, Floats, Integers, widest_spread

_LAGS = 3  # actions that a change may follow from, and steps over which it may swing
_ROWS_PER_WEIGHT = 10  # of a fit; fewer follow what is noise
_OUTLIER = 4.0  # median sizes; 2.7 standard deviations of a normal distribution
_BULK = 1 / 3  # of the changes' variance: less of it is no noise that hides the motion


def tracking_noise(
    achieved: Floats, actions: Floats, episodes: Integers, goals: Floats
) -> float | None:
    """Return the standard deviation of white noise on what is achieved, over the spread of goals.

    Noise of variance s^2 adds -s^2 to the covariance of a change with the next one, and nothing to
    that with later ones (Roll, "A simple implicit measure of the effective bid-ask spread in an
    efficient market", 1984). Of each dimension's changes what least squares tells from the last
    three actions is left out first, for a policy that dithers goes back and forth, too; and what is
    left is cut at four times its median size, for noise is there at each step, and what is hit
    moves now and then. Then s^2 = -C_1 - max(abs(C_2), abs(C_3)), C_k the mean of r_t r_t+k over
    what is left: what swings does so in later steps as well. 0 where that is negative, or 2 s^2 is
    less than a third of the changes' variance. The largest over dimensions, over the standard
    deviation of the goals in the widest one.

    None with fewer than ten changes for each weight that is fitted, fewer than three goals, one
    goal alone, or numbers that are not finite.

    Args:
        achieved: (N, d), after each step, episode by episode.
        actions: (N, A), of these steps.
        episodes: int (N,), which episode each is from.
        goals: (E, d), that episodes are asked for.
    """
    widest = widest_spread(goals)
    whole = episodes[_LAGS - 1 :] == episodes[: 1 - _LAGS]  # the last three steps are of one
    number, places = episodes[_LAGS - 1 :][whole], achieved.astype(np.float64)
    change = np.diff(places, axis=0)[_LAGS - 2 :][whole]
    last = [actions[_LAGS - 1 - lag : len(actions) - lag][whole] for lag in range(_LAGS)]
    known = np.concatenate([np.ones((len(change), 1)), *last], axis=1)
    if len(goals) < FEWEST_EPISODES or widest == 0:
        return None
    pairs = [number[lag:] == number[:-lag] for lag in range(1, _LAGS + 1)]
    if pairs[-1].sum() < _ROWS_PER_WEIGHT * known.shape[1]:
        return None
    if not (np.isfinite(change).all() and np.isfinite(known).all()):
        return None
    left = change - known @ np.linalg.lstsq(known, change, rcond=None)[0]
    largest = _OUTLIER * np.median(np.abs(left), axis=0)
    left = left.clip(-largest, largest)
    first, *later = (
        (left[lag:] * left[:-lag])[both].mean(axis=0) for lag, both in enumerate(pairs, start=1)
    )
    variance = -first - np.abs(later).max(axis=0)
    noisy = (variance > 0) & (2 * variance >= _BULK * change.var(axis=0))
    return float(np.sqrt(np.where(noisy, variance, 0.0)).max() / widest)
