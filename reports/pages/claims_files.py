"""The outcomes as files: the links for verdict.json, claims.csv and windows.csv for tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.early_call import EarlyCall
from goalscope.reports.claims.links import JudgedQuantity, Link
from goalscope.reports.numbers.runs import Arms
from goalscope.reports.numbers.tables import number, write_rows
from goalscope.reports.numbers.windows import TIMES, Times, window_numbers
from goalscope.reports.statistics.outcomes import Verdict
from goalscope.reports.statistics.seed_tests import SeedTest
from goalscope.reports.text.sentences import equivalence_in_words

# 3: links and rivals per network (null for what is of neither) and, for C7, half; outcomes by a
# false discovery rate (adjusted_p; of quantities only p_value and side); grade and drowned of C1
# and C2; counter_examples of C7; the window "middle". 4: findings by arm and seed.
CLAIMS_SCHEMA = 4


def links_content(
    assessment: Assessment,
    by_step: Assessment | None,
    words: Mapping[str, Any],
    calls: Sequence[EarlyCall] = (),
) -> dict[str, Any]:
    """Return what verdict.json says of the links: JSON values, what is not finite as null.

    Args:
        assessment: by update.
        by_step: the same by environment step, where arms differ in updates per step.
        words: sentences, warnings and the like, taken over as they are.
        calls: how soon each outcome could have been called.
    """
    return {
        "schema": CLAIMS_SCHEMA,
        "baseline": assessment.baseline,
        "arms": list(assessment.arms),
        **words,
        "thresholds": asdict(assessment.thresholds),
        "windows": _windows(assessment.times),
        "sensitivity_family": assessment.study.family,
        "tests": assessment.tests,
        "left_out": dict(assessment.times.left_out),
        "claims": [_link(link) for link in assessment.links],
        "by_step": None
        if by_step is None
        else {
            "windows": _windows(by_step.times),
            "claims": [_link(link) for link in by_step.links],
        },
        "early_calls": [_call(call) for call in calls],
    }


def write_claims_table(assessment: Assessment, path: Path) -> None:
    """Write one row per quantity, arm and time: numbers, interval, difference, outcome."""
    rows = []
    for link in assessment.links:
        for judged in (*link.quantities, *link.beside):
            rows.append(
                {
                    "link": link.name,
                    "network": link.network or "",
                    "half": link.half or "",
                    "time": link.time,
                    "arm": link.arm,
                    "link_outcome": str(link.verdict),
                    "link_grade": link.grade,
                    "link_p": _cell(link.verdict.p_value),
                    "link_adjusted_p": _cell(link.verdict.adjusted_p),
                    **{k: _cell(v) for k, v in _judged(judged).items()},
                }
            )
    write_rows(path, rows, list(dict.fromkeys(key for row in rows for key in row)))


def write_windows_table(arms: Arms, times: Times, path: Path) -> None:
    """Write one row per run and metric: its number at each of the four times.

    An empty cell was not measured in that window; NaN held a value that was not finite.
    """
    rows: list[dict[str, Any]] = []
    for arm, runs in arms.items():
        for run in runs:
            keys = list(run.metrics)
            numbers = [window_numbers(run, keys, times.windows[time]) for time in TIMES]
            for key, *values in zip(keys, *numbers, strict=True):
                row: dict[str, Any] = {"arm": arm, "run": run.name, "seed": run.seed, "metric": key}
                for time, value in zip(TIMES, values, strict=True):
                    row[time] = "" if value is None else number(value)
                rows.append(row)
    write_rows(path, rows, ["arm", "run", "seed", "metric", *TIMES])


def _windows(times: Times) -> dict[str, Any]:
    return {
        time: None
        if window is None
        else {"first": window.first, "last": window.last, "axis": window.axis}
        for time, window in times.windows.items()
    }


def _call(call: EarlyCall) -> dict[str, Any]:
    return {
        "link": call.link,
        "network": call.network,
        "arm": call.arm,
        "axis": call.axis,
        "settled": call.settled,
        "outcomes": [{"until": cut, "outcome": words} for cut, words in call.outcomes.items()],
    }


def _link(link: Link) -> dict[str, Any]:
    content = {
        "link": link.name,
        "network": link.network,
        "half": link.half,
        "time": link.time,
        "arm": link.arm,
        **verdict_content(link.verdict),
        "grade": link.grade or None,
        "drowned": None if link.drowned is None else verdict_content(link.drowned),
        "counter_examples": list(link.counter_examples),
        "parts": [_with_points(judged) for judged in link.quantities],
        "beside": [_judged(judged) for judged in link.beside],
    }
    return {key: json_values(value) for key, value in content.items()}


def verdict_content(verdict: Verdict) -> dict[str, Any]:
    """Return an outcome as JSON values."""
    return {
        "outcome": verdict.outcome.value,
        "leaning": verdict.way,
        "reason": verdict.reason,
        "p_value": verdict.p_value,
        "adjusted_p": verdict.adjusted_p,
    }


def test_content(test: SeedTest) -> dict[str, Any]:
    """Return a test by itself as JSON values; no outcome, which only a family of tests has."""
    side = None if test.p_value is None else test.side
    return {"side": side, "p_value": test.p_value, "reason": test.reason}


def _with_points(judged: JudgedQuantity) -> dict[str, Any]:
    points = {"points": [asdict(point) for point in judged.points]} if judged.points else {}
    return _judged(judged) | points


def _judged(judged: JudgedQuantity) -> dict[str, Any]:
    quantity = judged.quantity
    threshold = None if judged.difference else quantity.threshold
    content: dict[str, Any] = {
        "quantity": quantity.label,
        "metric": quantity.name,
        "unit": quantity.unit,
        "scale": quantity.scale.value,
        "threshold": threshold,
        "claim": None if threshold is None else "above" if quantity.above else "below",
        "seeds": dict(judged.sample.numbers),
        "failed": list(judged.sample.failed),
        "missing": list(judged.sample.missing),
        "excluded": dict(judged.sample.excluded),
    }
    if judged.interval is not None:
        content |= {k: v for k, v in asdict(judged.interval).items() if k != "seeds"}
    if judged.difference is not None:
        content |= {f"difference_{k}": v for k, v in asdict(judged.difference).items()}
    if judged.equivalence is not None:
        content |= {f"equivalence_{k}": v for k, v in asdict(judged.equivalence).items()}
        content["equivalence_in_words"] = equivalence_in_words(quantity, judged.equivalence)
    if judged.unpaired is not None:
        content |= {f"unpaired_{k}": v for k, v in asdict(judged.unpaired).items()}
    if judged.test is not None:
        content |= test_content(judged.test)
    return content


def json_values(value: Any) -> Any:
    """Return JSON values, numbers with seven significant digits, null where not finite."""
    if isinstance(value, Mapping):
        return {key: json_values(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(entry) for entry in value]
    if isinstance(value, float):
        return float(number(value)) if math.isfinite(value) else None
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_cell(v)}" for key, v in value.items())
    return "; ".join(map(_cell, value)) if isinstance(value, list | tuple) else str(value)
