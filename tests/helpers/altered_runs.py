"""Runs of a record with metrics put in their place, for checks that read a few of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from goalscope.reports.numbers.tables import Run

UPDATES = (0, 1, 50, 300, 550, 600)
Values = float | Sequence[tuple[int, float]]  # one for the whole run, or (update, value)


def with_metrics(run: Run, values: Mapping[str, Values], updates: Sequence[int] = UPDATES) -> Run:
    """Return the run with these metrics beside, or in place of, its own."""
    return replace(
        run, metrics={**run.metrics, **{k: table(v, updates) for k, v in values.items()}}
    )


def table(values: Values, updates: Sequence[int] = UPDATES) -> pd.DataFrame:
    """Return a metric's table."""
    rows = [(u, values) for u in updates] if isinstance(values, int | float) else list(values)
    places, numbers = zip(*rows, strict=True)
    return pd.DataFrame({"update": places, "step": places, "value": list(map(float, numbers))})
