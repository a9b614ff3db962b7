"""Plants faults in runs that are otherwise healthy, and scores whether the report names them.

Run with `make faults`, or `python -m benchmarks.planted_faults`. A run that was finished before is
not made again, one that was cut off is made anew. Writes docs/results/faults from what is there.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import tyro

from benchmarks.planted_faults import scoring
from benchmarks.planted_faults.diagnosis import Diagnosis, diagnose
from benchmarks.planted_faults.figures import write_confusion
from benchmarks.planted_faults.learning import learning_table
from benchmarks.planted_faults.page import Made, results_page
from benchmarks.planted_faults.ranges import CheckRange, check_ranges
from benchmarks.planted_faults.running import PlannedRun, read_outcome
from benchmarks.planted_faults.sets import SCORED, SetName, make_missing, planned_runs
from benchmarks.planted_faults.told import KEPT
from goalscope.diagnostics.record import last_update, read_run, write_json_atomically
from goalscope.diagnostics.record.transition_metrics import UNASKED_FRACTION

NEWEST = UNASKED_FRACTION.key()  # that any run here has, one of the last added
RANGED: tuple[SetName, ...] = (
    "controls",
    "known",
    "setting",
)  # of blind ones no range is looked at


@dataclass(frozen=True)
class PlantedFaults:
    """Plant faults and score whether the diagnosis names them."""

    sets: tuple[SetName, ...] = SCORED
    """Sets of runs to make; "setting" is there for those who set thresholds, and never scored."""

    run: bool = True
    """Make the runs that are missing; with --no-run only what is there is scored."""

    parallel: int = 1
    """Runs at a time, each on one core."""

    folder: Path = Path("studies/faults")
    """Folder of the runs."""

    out: Path = Path("docs/results/faults")
    """Folder of the results."""


def main(options: PlantedFaults) -> None:
    """Make what is missing, and write what it says."""
    if options.run:
        runs = [run for name in options.sets for run in planned_runs(name, options.folder)]
        # Short runs first, one seed of everything: a set cut off has some of every fault.
        runs.sort(key=lambda run: (run.updates, run.seed))
        make_missing(runs, options.parallel)
    planned = {name: planned_runs(name, options.folder) for name in (*SCORED, "setting")}
    there = {name: _finished(runs) for name, runs in planned.items()}
    if not any(there[name] for name in SCORED):
        print("no run has been made; leave out --no-run")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    ranges = check_ranges([run for name in RANGED for run in there[name]])
    pd.DataFrame(map(vars, ranges)).to_csv(options.folder / "ranges.csv", index=False)
    made = {
        name: Made(len(there[name]), len(planned[name]), sum(map(_is_older, there[name])))
        for name in SCORED
    }
    _score(there, made, ranges, options.out)


def _score(
    there: dict[SetName, list[PlannedRun]],
    made: dict[SetName, Made],
    ranges: Sequence[CheckRange],
    out: Path,
) -> None:
    """Write tables, figure and page from the runs that are there."""
    diagnoses: dict[SetName, list[Diagnosis]] = {
        name: list(map(diagnose, there[name])) for name in SCORED
    }
    every = [diagnosis for found in diagnoses.values() for diagnosis in found]
    scoring.table(every).to_csv(out / "diagnoses.csv", index=False)
    groups = {
        "blind": diagnoses["blind"],
        "known": diagnoses["known"],
        "developing": diagnoses["developing"],
    }
    write_confusion(groups, out / "confusion")
    found = {
        "blind": scoring.fault_scores(diagnoses["blind"], "blind"),
        "known": scoring.fault_scores(diagnoses["known"], "known"),
        "developing": scoring.fault_scores(diagnoses["developing"], "developing"),
        "controls": scoring.control_scores(diagnoses["controls"]),
        "combinations": scoring.combination_scores(diagnoses["combinations"]),
        "seconds": _seconds([run for runs in there.values() for run in runs]),
    }
    rounds = {name: pd.read_csv(out / f"{name}_round_blind.csv") for name in KEPT}
    found["rounds"] = {
        name: scoring.round_scores(kept) for name, kept in rounds.items() if "tautology" in kept
    }
    write_json_atomically(out / "scores.json", found)
    learning = learning_table(there["learning"], diagnoses["learning"])
    page = results_page(found, learning, ranges, made)
    (out / "README.md").write_text(page, encoding="utf-8")
    print(page)


def _finished(runs: Sequence[PlannedRun]) -> list[PlannedRun]:
    return [run for run in runs if read_outcome(run) is not None]


def _is_older(run: PlannedRun) -> bool:
    """Whether a record of updates is from before the numbers that the newest checks read."""
    trained = last_update(run.folder) > 0
    return trained and not list(read_run(run.folder).lines.with_metric(NEWEST))


def _seconds(runs: Sequence[PlannedRun]) -> dict[str, float]:
    """Return the processor time of a run, its median and its most."""
    seconds = [o.processor_seconds for o in map(read_outcome, runs) if o is not None]
    return {"median": statistics.median(seconds), "most": max(seconds)}


if __name__ == "__main__":
    main(tyro.cli(PlantedFaults))
