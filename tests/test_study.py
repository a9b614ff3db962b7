"""A study keeps its failures, goes on without them, and does only what is missing."""

import json
from dataclasses import replace

import pytest

from goalscope.diagnostics.record import read_run
from goalscope.training.environments import EnvironmentSettings
from goalscope.training.settings import Cadence, EvaluationSettings, RunSettings
from goalscope.training.study import StudyError, read_failures, run_study


def settings(folder, seed) -> RunSettings:
    return RunSettings(
        arm="pixel-her",
        out=folder / f"pixel-her-seed{seed}",
        total_steps=150,
        seed=seed,
        learning_starts=100,
        batch_size=16,
        environment=EnvironmentSettings(id="FetchReach-v4", image_size=36),
        cadence=Cadence(sensitivity=50),
        evaluation=EvaluationSettings(every=0),
    )


def test_a_failed_run_is_listed_and_only_it_is_done_again(tmp_path):
    folder = tmp_path / "study"
    runs = [settings(folder, seed) for seed in (0, 1)]
    runs[0].out.mkdir(parents=True)
    (runs[0].out / "run.json").write_text("{}")  # somebody else's
    with pytest.raises(StudyError, match="1 of 2 runs failed: pixel-her-seed0 .*already holds"):
        run_study(runs, folder, parallel=2)
    assert read_run(runs[1].out).end is not None
    assert list(read_failures(folder)) == ["pixel-her-seed0"]
    states = [row["state"] for row in json.loads((folder / "study.json").read_text())["runs"]]
    assert states == ["failed", "finished"]
    written = (runs[1].out / "measurements.jsonl").stat().st_mtime_ns
    (runs[0].out / "run.json").unlink()
    assert run_study(runs, folder, parallel=2) == [run.out for run in runs]
    assert read_failures(folder) == {}
    assert (runs[1].out / "measurements.jsonl").stat().st_mtime_ns == written
    digests = {read_run(run.out).info["probe_set"]["sha256"] for run in runs}
    assert len(digests) == 1


def test_a_run_that_dies_without_a_word_does_not_take_the_others_along(tmp_path):
    folder = tmp_path / "study"
    runs = [replace(settings(folder, 0), device="meta"), settings(folder, 1)]
    with pytest.raises(StudyError, match="1 of 2 runs failed"):
        run_study(runs, folder, parallel=1)
    assert read_run(runs[1].out).end is not None
