"""Whether images come late: behind what moves in the vectors beside them."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LAGS = range(1, 11)  # steps
_FEWEST = 50  # pairs of steps of one episode; of fewer a correlation is chance


def lateness(motion: Floats, change: Floats, episodes: NDArray[np.int64]) -> float | None:
    """Return how much better images show what moved some steps before than what moves now.

    max over lags k and channels c of corr(motion_t, change_t+k,c), minus max over channels of
    corr(motion_t, change_t,c), over pairs of one episode. About 0 or below where a channel shows
    what moves now, as one of a stack of frames does, and 0.5 or more where all come k steps late.
    None where nothing moves, or of too few steps.

    Args:
        motion: (n,), how far each step moves the vectors.
        change: (n, C), how far it changes each channel of the image.
        episodes: int (n,), which episode each step is of; steps in their order.
    """
    if len(motion) < _FEWEST:
        return None
    now = _correlation(motion, change, episodes, 0)
    later = [c for k in LAGS if (c := _correlation(motion, change, episodes, k)) is not None]
    return max(later) - now if later and now is not None else None


def _correlation(
    motion: Floats, change: Floats, episodes: NDArray[np.int64], lag: int
) -> float | None:
    first, then = slice(None, len(motion) - lag), slice(lag, None)
    same = episodes[first] == episodes[then]
    one, other = motion[first][same], change[then][same]
    if len(one) < _FEWEST or np.ptp(one) == 0:
        return None
    other = other[:, np.ptp(other, axis=0) > 0]
    if not other.shape[1]:
        return None
    return float(np.corrcoef(one, other, rowvar=False)[0, 1:].max())
