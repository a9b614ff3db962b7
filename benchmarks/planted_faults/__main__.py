"""Plants known faults in runs that are otherwise healthy, and scores whether the report names them.

Run with `make faults`, or `python -m benchmarks.planted_faults`. A run that was finished before is
not made again, one that was cut off is made anew. Writes docs/results/faults.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import tyro

from benchmarks.planted_faults import scoring
from benchmarks.planted_faults.diagnosis import check_ranges, diagnose
from benchmarks.planted_faults.figures import write_confusion, write_learning
from benchmarks.planted_faults.page import learning_summary, results_page
from benchmarks.planted_faults.running import PlannedRun, read_outcome
from benchmarks.planted_faults.sets import SEEDS, SetName, make_missing, planned_runs
from goalscope.diagnostics.record import write_json_atomically
from goalscope.diagnostics.record.metrics import SUCCESS_RATE
from goalscope.reports.numbers.runs import load_run

LEARNING_FILE = "learning.csv"
_SUCCESS = SUCCESS_RATE.key()


@dataclass(frozen=True)
class PlantedFaults:
    """Plant known faults and score whether the diagnosis names them."""

    sets: tuple[Literal["setting", "scoring", "combinations"], ...] = (
        "setting",
        "scoring",
        "combinations",
    )
    """Sets of runs to make; thresholds are set on the first and scored on the others."""

    learning: bool = False
    """Train the healthy controls for longer instead, and store their success."""

    run: bool = True
    """Make the runs that are missing; with --no-run only what is there is scored."""

    parallel: int = 2
    """Runs at a time, each on one core."""

    folder: Path = Path("studies/faults")
    """Folder of the runs."""

    out: Path = Path("docs/results/faults")
    """Folder of the results."""


def main(options: PlantedFaults) -> None:
    """Make what is missing, and write what it says."""
    options.out.mkdir(parents=True, exist_ok=True)
    if options.learning:
        _learn(options)
        return
    if options.run:
        every = [run for name in options.sets for run in planned_runs(name, options.folder)]
        make_missing(every, options.parallel)
    _score(options)


def _learn(options: PlantedFaults) -> None:
    runs = planned_runs("learning", options.folder)
    if options.run:
        make_missing(runs, options.parallel)
    tables: dict[str, list[pd.DataFrame]] = {}
    rows = []
    for run in _finished(runs):
        table = load_run(run.folder).metrics[_SUCCESS]
        tables.setdefault(run.planted.name, []).append(table)
        rows.append(table.assign(control=run.planted.name, seed=run.seed))
    if not rows:
        print("no control has been trained to its end; leave out --no-run")
        return
    learning = pd.concat(rows).rename(columns={"value": "success_rate"})
    columns = ["control", "seed", "step", "update", "success_rate"]
    learning[columns].to_csv(options.out / LEARNING_FILE, index=False)
    write_learning(tables, options.out / "learning")
    print(learning_summary(learning).to_string())


def _score(options: PlantedFaults) -> None:
    """Write tables, figure and page from the runs that are there."""
    names: tuple[SetName, ...] = ("setting", "scoring", "combinations")
    planned = {name: planned_runs(name, options.folder) for name in names}
    there = {name: _finished(runs) for name, runs in planned.items()}
    if not there["scoring"]:
        print("no run of the scoring set has been made; leave out --no-run")
        return
    ranges = pd.DataFrame(map(vars, check_ranges(there["setting"])))
    ranges.to_csv(options.out / "ranges.csv", index=False)
    diagnoses = list(map(diagnose, there["scoring"]))
    counts = scoring.confusion(diagnoses)
    counts.to_csv(options.out / "confusion.csv")
    write_confusion(counts, len(SEEDS["scoring"]), options.out / "confusion")
    combined = None
    if there["combinations"]:
        pairs = list(map(diagnose, there["combinations"]))
        combined = scoring.combination_scores(pairs)
        scoring.combinations(pairs).to_csv(options.out / "combinations.csv", index=False)
    found = scoring.scores(diagnoses, _seconds(there["scoring"]))
    write_json_atomically(options.out / "scores.json", {**found, "combinations": combined})
    learning_file = options.out / LEARNING_FILE
    learning = pd.read_csv(learning_file) if learning_file.exists() else None
    missing = {name: len(planned[name]) - len(there[name]) for name in names}
    page = results_page(found, combined, learning, {k: v for k, v in missing.items() if v})
    (options.out / "README.md").write_text(page, encoding="utf-8")
    print(page)


def _finished(runs: Sequence[PlannedRun]) -> list[PlannedRun]:
    return [run for run in runs if read_outcome(run) is not None]


def _seconds(runs: Sequence[PlannedRun]) -> dict[str, float]:
    outcomes = [outcome for outcome in map(read_outcome, runs) if outcome is not None]
    found: dict[str, float] = {}
    for kind in ("processor", "wall"):
        seconds = [getattr(outcome, f"{kind}_seconds") for outcome in outcomes]
        found |= {f"{kind}_median": statistics.median(seconds), f"{kind}_most": max(seconds)}
    return found


if __name__ == "__main__":
    main(tyro.cli(PlantedFaults))
