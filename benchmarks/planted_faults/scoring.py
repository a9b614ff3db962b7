"""How good the diagnosis is: what was named against what was planted, counted.

Runs of one fault are alike and are no sample of faults: a kind of fault counts once, as named where
more than half of its runs are. Of a control, whatever is named is a false finding, run by run.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from benchmarks.planted_faults.diagnosis import NOTHING, Diagnosis
from benchmarks.planted_faults.fault import Kind
from benchmarks.planted_faults.faults import FAULTS
from goalscope.diagnostics.record.successes import wilson_interval

GOALS: dict[Kind, float] = {
    "known": 0.90,
    "blind": 0.80,
    "developing": 0.90,
}  # of kinds of faults, named first
MOST_FALSE = 0.05  # of healthy controls
SOON = 1_000  # updates; the median time to a finding is to be below


def named_first(diagnosis: Diagnosis) -> bool:
    """Whether the first that is named was planted; of a control, whether nothing is.

    What was named before the fault began does not count.
    """
    expected = set(_expected(diagnosis)) - set(diagnosis.before)
    return diagnosis.first in expected


def named_at_all(diagnosis: Diagnosis) -> bool:
    """Whether one that was planted is named; of a control, as `named_first`."""
    return any(check in (diagnosis.named or (NOTHING,)) for check in _expected(diagnosis))


def all_named(diagnosis: Diagnosis) -> bool:
    """Whether every one that was planted is named at all."""
    return bool(diagnosis.checks) and set(diagnosis.checks) <= set(diagnosis.named)


def confusion(diagnoses: Sequence[Diagnosis]) -> pd.DataFrame:
    """Return how many runs of each fault (rows) had each check named first (columns).

    Columns: "nothing", the checks of the faults, in the faults' order, then others that were named.
    """
    expected = dict.fromkeys(check for d in diagnoses for check in d.checks)
    named = dict.fromkeys(d.first for d in diagnoses)
    columns = [NOTHING, *(expected | named)]
    counts = pd.crosstab(
        pd.Series([d.planted for d in diagnoses], name="planted"),
        pd.Series([d.first for d in diagnoses], name="named first"),
    )
    return counts.reindex(
        index=list(dict.fromkeys(d.planted for d in diagnoses)),
        columns=list(dict.fromkeys(columns)),
        fill_value=0,
    )


def fault_scores(diagnoses: Sequence[Diagnosis], kind: Kind) -> dict[str, Any]:
    """Return the scores of the faults of a kind, as JSON values.

    "named_first" and "named_at_all" count kinds of faults whose check is no tautology, with a 95 %
    Wilson interval over kinds; "with_tautologies" counts all kinds named first; "runs_named_before"
    runs in which something is named before the fault begins. A kind that was never named counts as
    infinitely late in the median, which is None where it is infinite itself.
    """
    per_fault = {d.planted: fault_row(diagnoses, d.planted) for d in diagnoses}
    scored = [row for name, row in per_fault.items() if not FAULTS[name].tautology]
    first = _share(scored, _mostly("named_first"))
    first |= {"goal": GOALS[kind]}
    if first["kinds"]:
        first["met"] = first["share"] >= first["goal"]
    times = [math.inf if row["since"] is None else row["since"] for row in scored]
    median = statistics.median(times) if times else math.inf
    found: dict[str, Any] = {
        "named_first": first,
        "named_at_all": _share(scored, _mostly("named_at_all")),
        "with_tautologies": _share(list(per_fault.values()), _mostly("named_first")),
        "median_updates_to_finding": median if math.isfinite(median) else None,
        "kinds_found": sum(map(math.isfinite, times)),
        "runs_named_before": sum(bool(d.before) for d in diagnoses),
        "runs": len(diagnoses),
        "per_fault": per_fault,
    }
    return found


def fault_row(diagnoses: Sequence[Diagnosis], name: str) -> dict[str, Any]:
    """Return how the runs of one fault were diagnosed, as JSON values."""
    own = [d for d in diagnoses if d.planted == name]
    times = [update for d in own for update in d.since]
    wrong = dict.fromkeys(d.first for d in own if not named_first(d))
    return {
        "runs": len(own),
        "named_first": sum(map(named_first, own)),
        "named_at_all": sum(map(named_at_all, own)),
        "since": statistics.median(times) if times else None,
        "instead": list(wrong),
    }


def round_scores(kept: pd.DataFrame) -> dict[str, Any]:
    """Return what a round of blind faults came to while it was blind, as `fault_scores` counts.

    Args:
        kept: as `table` returned it then, with whether a kind's check is a tautology of it.
    """
    kinds = kept.groupby("planted", sort=False)[["named_first", "named_at_all", "tautology"]]
    rows = [{"runs": len(own), **own.sum().to_dict()} for _, own in kinds]
    scored = [row for row in rows if not row["tautology"]]
    first = _share(scored, _mostly("named_first")) | {"goal": GOALS["blind"]}
    return {
        "named_first": first | {"met": first["share"] >= first["goal"]},
        "named_at_all": _share(scored, _mostly("named_at_all")),
        "with_tautologies": _share(rows, _mostly("named_first")),
    }


def control_scores(diagnoses: Sequence[Diagnosis]) -> dict[str, Any]:
    """Return in how many healthy runs something was named, as JSON values."""
    runs, false = len(diagnoses), sum(not named_first(d) for d in diagnoses)
    if not runs:
        return {"runs": 0}
    low, high = wilson_interval(false, runs)
    return {
        "runs": runs,
        "count": false,
        "share": false / runs,
        "low": low,
        "high": high,
        "goal": MOST_FALSE,
        "met": false / runs <= MOST_FALSE,
        "per_control": {d.planted: fault_row(diagnoses, d.planted) for d in diagnoses},
    }


def combination_scores(diagnoses: Sequence[Diagnosis]) -> dict[str, int]:
    """Return in how many runs with several faults one is named first, and all are named."""
    return {
        "runs": len(diagnoses),
        "named_first": sum(map(named_first, diagnoses)),
        "all_named": sum(map(all_named, diagnoses)),
    }


def table(diagnoses: Sequence[Diagnosis]) -> pd.DataFrame:
    """Return one row per run: what was planted in what, what was named, and when."""
    return pd.DataFrame(
        [
            {
                "planted": d.planted,
                "ground": d.ground,
                "seed": d.seed,
                "named": " ".join(d.named) or NOTHING,
                "named_first": named_first(d),
                "named_at_all": named_at_all(d),
                "all_named": all_named(d),
                "updates_to_finding": min(d.since, default=None),
            }
            for d in diagnoses
        ]
    )


def _expected(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return what may be named first: of a fault that no check is made for, nothing is right."""
    control = FAULTS.get(diagnosis.planted)
    return (NOTHING,) if control is not None and control.kind == "control" else diagnosis.checks


def _mostly(count: str) -> Callable[[dict[str, Any]], bool]:
    return lambda row: bool(2 * row[count] > row["runs"])


def _share(
    rows: Sequence[dict[str, Any]], counts: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    kinds, count = len(rows), sum(map(counts, rows))
    if not kinds:
        return {"kinds": 0}
    low, high = wilson_interval(count, kinds)
    return {"kinds": kinds, "count": count, "share": count / kinds, "low": low, "high": high}
