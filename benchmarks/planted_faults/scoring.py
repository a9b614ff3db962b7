"""How good the diagnosis is: what was named against what was planted, counted.

Faults and controls are scored apart: of a control, whatever is named is a false alarm.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmarks.planted_faults.diagnosis import NOTHING, Diagnosis
from goalscope.training.evaluation.episodes import wilson_interval

GOALS = {"named_first": 0.90, "named_among_two": 0.95, "false_alarms": 0.05}


def named_first(diagnosis: Diagnosis) -> bool:
    """Whether the first that is named was planted; of a control, whether nothing is."""
    expected = diagnosis.checks or (NOTHING,)
    return diagnosis.first in expected


def named_among_two(diagnosis: Diagnosis) -> bool:
    """Whether one that was planted is among the first two named; of a control, as `named_first`."""
    if not diagnosis.checks:
        return named_first(diagnosis)
    return any(check in diagnosis.named[:2] for check in diagnosis.checks)


def first_are_planted(diagnosis: Diagnosis) -> bool:
    """Whether those that were planted are named before everything else."""
    return set(diagnosis.named[: len(diagnosis.checks)]) == set(diagnosis.checks)


def all_named(diagnosis: Diagnosis) -> bool:
    """Whether every one that was planted is named at all."""
    return set(diagnosis.checks) <= set(diagnosis.named)


def confusion(diagnoses: Sequence[Diagnosis]) -> pd.DataFrame:
    """Return how many runs of each fault (rows) had each check named first (columns).

    Columns: the checks of the faults, in the faults' order, then others that were named, and
    "nothing".
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


def scores(diagnoses: Sequence[Diagnosis], seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return the scores as JSON values, each share with its 95 % Wilson interval and its goal.

    Args:
        diagnoses: of single faults and of controls.
        seconds: name of a number of seconds -> seconds.
    """
    faulty = [d for d in diagnoses if d.checks]
    healthy = [d for d in diagnoses if not d.checks]
    planted = dict.fromkeys(d.planted for d in diagnoses)
    per_fault = {}
    for name in planted:
        own = [d for d in diagnoses if d.planted == name]
        per_fault[name] = {
            "runs": len(own),
            "named_first": sum(map(named_first, own)),
            "named_among_two": sum(map(named_among_two, own)),
        }
    return {
        "named_first": _share(faulty, named_first, GOALS["named_first"]),
        "named_among_two": _share(faulty, named_among_two, GOALS["named_among_two"]),
        "false_alarms": _share(
            healthy, lambda d: not named_first(d), GOALS["false_alarms"], at_most=True
        ),
        "per_fault": per_fault,
        "seconds": dict(seconds),
    }


def combination_scores(diagnoses: Sequence[Diagnosis]) -> dict[str, Any]:
    """Return the scores of runs with several faults, as JSON values."""
    return {
        "named_first": _share(diagnoses, named_first),
        "named_among_two": _share(diagnoses, named_among_two),
        "both_before_all_else": _share(diagnoses, first_are_planted),
        "both_named": _share(diagnoses, all_named),
    }


def combinations(diagnoses: Sequence[Diagnosis]) -> pd.DataFrame:
    """Return one row per run with several faults: what was planted, and what was named."""
    return pd.DataFrame(
        [
            {
                "planted": d.planted,
                "seed": d.seed,
                "named": " ".join(d.named) or NOTHING,
                "one_named_first": named_first(d),
                "one_among_first_two": named_among_two(d),
                "both_before_all_else": first_are_planted(d),
                "both_named": all_named(d),
            }
            for d in diagnoses
        ]
    )


def _share(
    diagnoses: Sequence[Diagnosis],
    counts: Callable[[Diagnosis], bool],
    goal: float | None = None,
    *,
    at_most: bool = False,
) -> dict[str, Any]:
    runs, count = len(diagnoses), sum(map(counts, diagnoses))
    if not runs:
        return {"runs": 0}
    low, high = wilson_interval(count, runs)
    found = {"runs": runs, "count": count, "share": count / runs, "low": low, "high": high}
    if goal is not None:
        found["goal"] = goal
        found["met"] = count / runs <= goal if at_most else count / runs >= goal
    return found
