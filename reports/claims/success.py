"""Success at the evaluations of a run, and whether it lies above the floor."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from goalscope.diagnostics.record.keys import parse
from goalscope.diagnostics.record.metrics import (
    SUCCESS_RATE,
)
from goalscope.reports.claims.arm_success import ArmSuccess, arm_success, success_test
from goalscope.reports.claims.floors import RecordedFloor, highest_floor
from goalscope.reports.numbers.runs import Arms, Run, evaluation_keys
from goalscope.reports.numbers.tables import number
from goalscope.reports.numbers.windows import comparable, has_finished
from goalscope.reports.statistics.formatting import capital, count, percent
from goalscope.reports.statistics.outcomes import Outcome, Verdict, decide
from goalscope.reports.statistics.thresholds import Thresholds

SUCCESS = SUCCESS_RATE.key()
_MANY_ARMS = 4  # more would bury those that learn
_NOT_TOLD_APART = "not told apart from the floor"
_HOW_MANY = "how many they are is not known, so it has no interval and is not tested"
_BELOW = ", which is a finding of its own"


def run_success_sentence(run: Run) -> str:
    """Return what the last evaluation of a run came to, beside the floor."""
    table = run.evaluations
    if table.empty:
        return "Success: no evaluation in this record."
    last = table.iloc[-1]
    if not np.isfinite(last["value"]):
        return f"Success: the last evaluation of {run.title} holds no usable number."
    words = (
        f"Success: at its last evaluation (step {last['step']:,.0f}, update {last['update']:,.0f}) "
        f"{run.title} succeeds in"
    )
    if not np.isfinite(last[["low", "high", "episodes"]].to_numpy(dtype=float)).all():
        return f"{words} {percent(last['value'])} of its episodes; {_HOW_MANY}."
    words += (
        f" {_rate(last['value'], last['low'], last['high'])} of "
        f"{count(round(last['episodes']), 'episode')}"
    )
    floor = highest_floor([run])
    if floor is None:
        return f"{words}; its record holds no floor to compare with."
    if last["low"] > floor.high:
        standing = "above the floor"
    elif last["high"] < floor.low:
        standing = f"below the floor{_BELOW}"
    else:
        standing = "not told apart from the floor"
    return f"{words}, {standing}: {_floor_words(floor)}."


def success_sentence(arms: Arms, thresholds: Thresholds) -> str:
    """Return what each arm's seeds came to at the last step at which all runs were evaluated.

    An arm lies above the floor where its t-interval over seeds does, and the
    Wilson interval of all its episodes, too: seeds that all failed agree without telling much. In
    brackets the range of both. Where arms are many, those that cannot be told from the floor are
    named together, all but the first.
    """
    rows = last_evaluations(arms)
    if not rows:
        return "Success: no evaluation in these records."
    steps = sorted({int(row["step"]) for row in rows})
    where = f"step {steps[0]:,}" if len(steps) == 1 else f"steps {steps[0]:,} to {steps[-1]:,}"
    floor = highest_floor([run for runs in arms.values() for run in runs])
    evaluated = {row["arm"] for row in rows}
    successes = arm_successes(arms, thresholds)
    words = {arm: _arm_words(successes[arm], floor, thresholds) for arm in arms if arm in evaluated}
    flat = [
        arm
        for arm in [*arms][1:]
        if floor
        and successes[arm].interval is not None
        and _standing(successes[arm], floor, thresholds)[1] == _NOT_TOLD_APART
    ]
    together = flat if len(arms) > _MANY_ARMS and len(flat) > 1 else []
    singles = {
        arm: percent(found.rates[0])
        for arm, found in successes.items()
        if arm != next(iter(arms)) and found.interval is not None and len(arms[arm]) == 1
    }
    apart = {*together, *(singles if len(singles) > 1 else ())}
    clauses = [f"{arm} {said}" for arm, said in words.items() if arm not in apart]
    if len(singles) > 1:
        named = ", ".join(f"{arm} {rate}" for arm, rate in singles.items())
        clauses.append(f"of one seed each, which is no test: {named}")
    clauses += _left_out({arm: runs for arm, runs in arms.items() if arm not in evaluated})
    if together:
        either = " either" if words.get(next(iter(arms)), "").endswith(_NOT_TOLD_APART) else ""
        clauses.append(f"{_NOT_TOLD_APART}{either}: {', '.join(together)}")
    beside = f"floor: {_floor_words(floor)}" if floor else "not all records hold one floor"
    runs = "of all runs" if len(evaluated) == len(arms) else "of the arms that reached it"
    first, *others = ("; ".join(clauses[at : at + 2]) for at in range(0, len(clauses), 2))
    said = [f"Success at the last evaluation {runs} ({where}): {first} ({beside})."]
    said += [f"{pair if pair.split()[0].strip(',') in arms else capital(pair)}." for pair in others]
    return " ".join(said)


def _left_out(arms: Arms) -> list[str]:
    """Return why arms have no number beside the others, those that share a reason together."""
    alike: dict[str, list[str]] = defaultdict(list)
    for arm, runs in arms.items():
        if all(run.evaluations.empty for run in runs):
            alike["{was} not evaluated"].append(arm)
        else:
            how = "ended" if any(map(has_finished, runs)) else "{was} cut off"
            how = "{are} still" if any(run.record.going for run in runs) else how
            last = max(run.steps for run in runs)
            alike[f"{how} at step {last:,} and {{are}} left out"].append(arm)
    return [
        ", ".join(group)
        + " "
        + (
            why.format(was="was", are="is")
            if len(group) == 1
            else why.format(was="were", are="are")
        )
        for why, group in alike.items()
    ]


@dataclass(frozen=True)
class ArmStanding:
    """What an arm came to beside the floor.

    Attributes:
        rate: mean success over its seeds, 0..1.
        above: whether it lies above the floor, or leans so; None where that was not tested.
        words: where it stands, as the page says it.
    """

    rate: float
    above: bool | None
    words: str


def arm_standings(arms: Arms, thresholds: Thresholds) -> dict[str, ArmStanding]:
    """Return arm -> where it stands, of arms with a number; empty where records hold no one floor.

    Two seeds are enough to stand above it (leaning), as they are for every claim.
    """
    floor = highest_floor([run for runs in arms.values() for run in runs])
    standings = {}
    for arm, found in arm_successes(arms, thresholds).items():
        if floor and found.interval:
            standings[arm] = ArmStanding(found.interval.mean, *_standing(found, floor, thresholds))
    return standings


def learning_sentence(arms: Arms, thresholds: Thresholds) -> str:
    """Return which arms succeed above the floor where the first does not; empty where none does.

    Nor where the first was not held against the floor.
    """
    baseline = next(iter(arms))
    standings = arm_standings(arms, thresholds)
    above = {arm: percent(found.rate) for arm, found in standings.items() if found.above}
    if not above or baseline not in standings or standings[baseline].above is not False:
        return ""
    named = ", ".join(f"{arm} ({rate})" for arm, rate in above.items())
    return f"Look first at what learns here where {baseline} does not: {named}"


def arm_successes(arms: Arms, thresholds: Thresholds) -> dict[str, ArmSuccess]:
    """Return arm -> its success at the last step at which all evaluated runs were evaluated."""
    rows = last_evaluations(arms)
    return {
        arm: arm_success(runs, [row for row in rows if row["arm"] == arm], thresholds)
        for arm, runs in arms.items()
    }


def _arm_words(found: ArmSuccess, floor: RecordedFloor | None, thresholds: Thresholds) -> str:
    if found.interval is None and found.rates:
        return f"{percent(float(np.mean(found.rates)))} of its episodes, and {_HOW_MANY}"
    if found.interval is None:
        return f"has no usable number ({found.sample.gaps})"
    words, interval = percent(found.interval.mean), found.interval
    if interval.seeds >= thresholds.seeds_to_test:
        words = _rate(interval.mean, interval.low, interval.high)
    words += f" over {count(interval.seeds, 'seed')}"
    return f"{words}, {_standing(found, floor, thresholds)[1]}" if floor else words


def _standing(
    success: ArmSuccess, floor: RecordedFloor, thresholds: Thresholds
) -> tuple[bool | None, str]:
    """Return `above` and `words` of an `ArmStanding`, by the rules of every claim."""
    over = _against(success, floor.high, thresholds)
    under = _against(success, floor.low, thresholds)
    seeds = count(len(success.sample.numbers), "seed")
    few = f" ({'; '.join(part for part in (seeds, success.sample.gaps) if part)})"
    if over.outcome is Outcome.NOT_TESTED:
        return None, f"not tested against the floor ({over.reason})"
    if over.speaks == "for":
        return True, "above the floor" if over.way is None else f"leaning above the floor{few}"
    if under.speaks == "against":
        way = f"below the floor{_BELOW}" if under.way is None else f"leaning below the floor{few}"
        return False, way
    return False, _NOT_TOLD_APART


def _against(success: ArmSuccess, mark: float, thresholds: Thresholds) -> Verdict:
    """Return where an arm's success lies, judged by itself."""
    return decide([success_test(success, mark, thresholds)], thresholds)[0]


def _rate(rate: float, low: float, high: float) -> str:
    return f"{percent(rate)} [{percent(low).removesuffix(' %')} to {percent(high)}]"


def _floor_words(floor: RecordedFloor) -> str:
    rate = _rate(floor.rate, floor.low, floor.high)
    return f"an agent that {floor.label} succeeds in {rate} of {count(floor.episodes, 'episode')}"


def last_evaluations(arms: Arms) -> list[dict[str, Any]]:
    """Return a row for each evaluated run: its evaluation at the last step that all have reached.

    Keys: `arm`, `run`, `label`, `step`, `update`, `value`, `low`, `high`, `episodes`, `distance`.
    """
    return [
        {
            "arm": arm,
            "run": run.name,
            "label": run.label,
            **dict(zip(map(str, table), table.to_numpy(dtype=object)[-1], strict=True)),
        }
        for arm, run, table in _common_evaluations(arms)
    ]


def mean_success(arms: Arms) -> dict[tuple[str, str], float]:
    """Return (arm, run label) -> mean success rate over the steps: the area under its curve.

    Each evaluation after step 0 stands for the steps since the one before, the first for as many as
    the second. Up to the last step at which all runs were evaluated; NaN where an evaluation was.
    Where arms end at the same rate, as at 0 or 100 %, it still tells which of them learnt sooner.
    """
    found = {}
    for arm, run, table in _common_evaluations(arms):
        later = table[table["step"] > 0]
        if len(later):
            steps, rates = later["step"].to_numpy(float), later["value"].to_numpy(float)
            each = np.diff(steps)
            each = np.append(each[:1], each) if len(each) else np.ones(1)
            # Rounded: curves of the same area are equal, whatever the order of their numbers.
            found[arm, run.label] = round(float(each @ rates / each.sum()), 12)
    return found


def _common_evaluations(arms: Arms) -> list[tuple[str, Run, pd.DataFrame]]:
    """Return arm, run and evaluations up to the last step that all evaluated runs have reached.

    All that count: a run that crashed or was cut short is left out (`comparable`).
    """
    all_runs = [run for runs in arms.values() for run in runs]
    counts = {id(run) for run in comparable(all_runs, "step")}
    tables = [
        (arm, run, table)
        for arm, runs in arms.items()
        for run in runs
        if id(run) in counts and not (table := run.evaluations).empty
    ]
    reached = min((int(table["step"].iloc[-1]) for _, _, table in tables), default=0)
    cut = [(arm, run, _until(table, reached)) for arm, run, table in tables]
    return [(arm, run, table) for arm, run, table in cut if len(table)]


def _until(table: pd.DataFrame, step: int) -> pd.DataFrame:
    inside = table["step"].to_numpy() <= step
    return table if inside.all() else table[inside]


def success_rows(arms: Arms) -> list[dict[str, Any]]:
    """Return the rows of success.csv: a row per run, numbers under the names of their keys."""
    task = next(iter(arms.values()))[0].task
    return [
        {
            **{name: row[name] for name in ("arm", "run", "step", "update")},
            **{parse(key).name: number(row[name]) for name, key in evaluation_keys(task).items()},
        }
        for row in last_evaluations(arms)
    ]
