"""When it changed: where the goal's share was least over training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goalscope.diagnostics.record.keys import GOAL
from goalscope.diagnostics.record.metrics import SIGNAL_SHARE
from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.deciding import NETWORKS
from goalscope.reports.claims.shares import without_share
from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import Window
from goalscope.reports.statistics.scales import Scale


@dataclass(frozen=True)
class Least:
    """The least of the goal's share over training.

    Attributes:
        network: whose signal.
        update: at which it was.
        mean: over the seeds there, on the logit scale. It has no interval: one around a number that
            was chosen as the lowest would be too low, and too narrow.
        updates: at which it was measured, and of which this one is the lowest.
    """

    network: str
    update: int
    mean: float
    updates: int


def least_shares(runs: Sequence[Run], assessment: Assessment) -> list[Least]:
    """Return the least of the goal's mean share of each network's signal; nothing where unmeasured.

    At an update at which every run was measured, and of those before the network has no share to
    judge any more.

    Args:
        runs: of the baseline.
        assessment: of these.
    """
    found = []
    for network in NETWORKS:
        tables = [run.metrics.get(SIGNAL_SHARE.key(network, GOAL)) for run in runs]
        series = [table.groupby("update")["value"].mean() for table in tables if table is not None]
        if not series or len(series) < len(runs):
            continue
        shared = sorted(set.intersection(*(set(own.index) for own in series)))
        shared = [update for update in shared if not _silent(runs, network, update, assessment)]
        values = np.array([own.loc[shared].to_numpy(dtype=float) for own in series])
        if not values.size or not np.isfinite(values).all():
            continue
        means = Scale.LOGIT.forward(Scale.LOGIT.clip(values)).mean(axis=0)
        place = int(means.argmin())
        mean = float(Scale.LOGIT.backward(means[place]))
        found.append(Least(network, int(shared[place]), mean, len(shared)))
    return found


def _silent(runs: Sequence[Run], network: str, update: int, assessment: Assessment) -> bool:
    window = Window("late", update, update)
    return bool(without_share(runs, network, window, assessment.study, assessment.thresholds))
