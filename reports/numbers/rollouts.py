"""Success while training: of the episodes that were played to learn from, noise and all."""

import numpy as np
import pandas as pd

from goalscope.diagnostics.record.metrics import ROLLOUT_EPISODES, ROLLOUT_SUCCESS_RATE
from goalscope.reports.numbers.runs import Run

EPISODES = 100  # as SB3's own `rollout/success_rate`


def rollout_success(run: Run, episodes: int = EPISODES) -> pd.DataFrame | None:
    """Return the success of a run's last training episodes at each measurement of it.

    Args:
        run: the run.
        episodes: over how many, at least; over all there are until there are so many.

    Returns:
        Columns: integer `update` and `step`; float `value` (success rate, 0..1). None where no
        finite one was recorded.
    """
    rates = run.metrics.get(ROLLOUT_SUCCESS_RATE.key())
    if rates is None:
        return None
    counts = run.metrics.get(ROLLOUT_EPISODES.key())
    if counts is None:
        return rates
    joined = rates.merge(counts, on=["update", "step"], suffixes=("", "_of"))
    joined = joined[np.isfinite(joined["value"]) & (joined["value_of"] > 0)]
    if joined.empty:
        return None
    played = np.concatenate([[0.0], np.cumsum(joined["value_of"])])
    won = np.concatenate([[0.0], np.cumsum(joined["value"] * joined["value_of"])])
    first = np.searchsorted(played, played[1:] - episodes, side="right") - 1
    first = np.maximum(first, 0)
    smooth = (won[1:] - won[first]) / (played[1:] - played[first])
    return pd.DataFrame({"update": joined["update"], "step": joined["step"], "value": smooth})
