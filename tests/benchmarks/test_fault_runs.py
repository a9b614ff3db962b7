"""The runs that faults are planted in: which there are, how one is made, when it counts."""

import csv
from pathlib import Path

import pytest
from helpers.faulty import planting

from benchmarks.planted_faults import scoring
from benchmarks.planted_faults.diagnosis import diagnose
from benchmarks.planted_faults.faults import FAULTS
from benchmarks.planted_faults.grounds import UPDATES
from benchmarks.planted_faults.ranges import check_ranges
from benchmarks.planted_faults.running import OUTCOME_FILE, PlannedRun, make_run, read_outcome
from benchmarks.planted_faults.sets import SEEDS, planned_runs
from goalscope.diagnostics.record import read_run


def test_controls_are_enough_and_of_three_tasks_and_two_algorithms(tmp_path):
    runs = planned_runs("controls", tmp_path)
    assert len(runs) >= 60
    grounds = [run.planted.ground for run in runs]
    assert len({ground.environment.id for ground in grounds}) == 3
    assert len({ground.algorithm for ground in grounds}) == 2


def test_sets_do_not_share_folders_and_thresholds_have_seeds_of_their_own(tmp_path):
    runs = [run for name in SEEDS for run in planned_runs(name, tmp_path)]
    assert len({run.folder for run in runs}) == len(runs)
    scored = {seed for name, seeds in SEEDS.items() if name != "setting" for seed in seeds}
    assert not scored & set(SEEDS["setting"])
    kinds = {run.planted.kind for run in planned_runs("setting", tmp_path)}
    assert kinds == {"known", "control"}  # no threshold sees a blind one


def test_a_run_counts_when_it_was_made_to_its_end(tmp_path):
    run = PlannedRun(planting("healthy_point"), 0, UPDATES, tmp_path / "run")
    assert read_outcome(run) is None
    run.folder.mkdir()
    assert read_outcome(run) is None
    outcome = f'{{"updates": {UPDATES}, "wall_seconds": 1, "processor_seconds": 1, "ended": "x"}}'
    (run.folder / OUTCOME_FILE).write_text(outcome)
    assert read_outcome(run).ended == "x"
    assert read_outcome(PlannedRun(run.planted, 0, UPDATES + 1, run.folder)) is None


def test_a_short_run_is_made_and_diagnosed(tmp_path):
    run = PlannedRun(planting("healthy_push_state_td3"), 0, 12, tmp_path / "run")
    run.folder.mkdir()
    (run.folder / "run.json").write_text("{}")  # left of a run that was cut off
    outcome = make_run(run)
    assert read_outcome(run) == outcome
    assert outcome.ended == "finished"
    assert not read_run(run.folder).failures
    assert {entry.planted for entry in check_ranges([run])} == {"healthy_push_state_td3"}
    found = diagnose(run)
    assert (found.ground, found.seed, found.named) == ("push_state_td3", 0, ())


RESULTS = Path(__file__).parents[2] / "docs/results/faults"


def named_on_the_page() -> list[str]:
    """Return the known faults that the committed scores say are named in the first of their tasks.

    And the controls: of those nothing is to be named.
    """
    rows = csv.DictReader((RESULTS / "diagnoses.csv").read_text().splitlines())
    named = {(row["planted"], row["ground"]) for row in rows if row["named_at_all"] == "True"}
    return [
        name
        for name, fault in FAULTS.items()
        if fault.kind != "blind" and (name, fault.grounds[0]) in named
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", named_on_the_page())
def test_a_known_fault_or_a_control_lasts_and_is_scored(tmp_path, name):
    planted = planting(name)
    run = PlannedRun(planted, 0, planted.ground.updates, tmp_path / name)
    outcome = make_run(run)
    assert (outcome.ended == "finished") == (name != "nan_gradient")
    assert not read_run(run.folder).failures
    assert scoring.named_at_all(diagnose(run))
