"""Whether the controls learn: the success of their own episodes in training."""

from collections.abc import Sequence

import pandas as pd

from benchmarks.planted_faults.diagnosis import NOTHING, Diagnosis
from benchmarks.planted_faults.running import PlannedRun
from goalscope.diagnostics.record.metrics import ROLLOUT_EPISODES, ROLLOUT_SUCCESS_RATE
from goalscope.reports.numbers.runs import load_run

COLUMNS = ("control", "seed", "updates", "first_success", "last_success", "named")
_PART = 4  # the first quarter of the training against the last


def learning_table(runs: Sequence[PlannedRun], diagnoses: Sequence[Diagnosis]) -> pd.DataFrame:
    """Return one row per long run of a control: success early and late, and what was named.

    Success is that of the training episodes, 0..1, exploration included, in the first and in the
    last quarter of the updates.
    """
    rows = [
        (
            run.planted.name,
            run.seed,
            run.updates,
            *_success(run),
            " ".join(diagnosis.named) or NOTHING,
        )
        for run, diagnosis in zip(runs, diagnoses, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _success(run: PlannedRun) -> tuple[float, float]:
    found = load_run(run.folder).metrics
    rates, episodes = (found[m.key()] for m in (ROLLOUT_SUCCESS_RATE, ROLLOUT_EPISODES))
    both = rates.merge(episodes, on=["update", "step"], suffixes=("_rate", "_episodes"))
    early = both["update"] <= run.updates / _PART
    late = both["update"] > run.updates * (1 - 1 / _PART)
    return _mean(both[early]), _mean(both[late])


def _mean(part: pd.DataFrame) -> float:
    episodes = part["value_episodes"]
    return float((part["value_rate"] * episodes).sum() / episodes.sum())
