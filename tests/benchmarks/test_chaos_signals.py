"""A signal to every process of a run, or the death of one of them: saved, one line, no orphans."""

import signal

import pytest
from helpers.command import goalscope

from benchmarks.chaos.signals import (
    environment_killed,
    run_killed,
    signalled,
    study_signalled,
    training,
)
from goalscope.diagnostics.record import read_run
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.warnings import run_warnings

UPDATE = 13


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_a_run_that_all_are_told_to_end_saves_itself(number, tmp_path):
    assert signalled(number, tmp_path / "run", UPDATE) == []


@pytest.mark.slow
def test_a_study_that_all_are_told_to_end_saves_its_runs(tmp_path):
    assert study_signalled(signal.SIGTERM, tmp_path / "study", UPDATE) == []


@pytest.mark.slow
def test_a_study_whose_reader_is_ended_with_it_saves_its_runs(tmp_path):
    assert study_signalled(signal.SIGINT, tmp_path / "study", UPDATE, unread=True) == []


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_no_environment_behind(tmp_path):
    assert run_killed(tmp_path / "run", UPDATE) == []


def test_a_run_whose_environment_was_killed_goes_on_with_new_episodes(tmp_path):
    out = tmp_path / "run"
    assert environment_killed(out, UPDATE) == []
    ended = goalscope(*training(out))
    assert ended.returncode == 0, ended.stderr
    run = read_run(out)
    assert run.end is not None
    assert [line.details["lost_environments"] for line in run.resumes] == [True]
    (said,) = run_warnings(load_run(out))
    assert "environments begun anew" in said
