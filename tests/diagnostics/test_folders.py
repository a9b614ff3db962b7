"""Where a record goes when nobody says, and which training cannot be watched."""

from pathlib import Path

import pytest
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.folders import fresh
from goalscope.diagnostics.record import read_run
from goalscope.probes import UnsupportedPolicy


def test_the_record_lies_in_the_loggers_folder_each_training_its_own(make_agent, tmp_path):
    for name in ("goalscope", "goalscope-2"):
        agent = make_agent()
        agent.set_logger(configure(str(tmp_path / "logs"), ["csv"]))
        agent.learn(62, callback=ModalityDiagnostics())
        assert read_run(tmp_path / "logs" / name).end is not None


def test_without_a_loggers_folder_it_lies_in_runs(make_agent, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # within a second, perhaps
        make_agent().learn(62, callback=ModalityDiagnostics())
    assert len([read_run(folder) for folder in (tmp_path / "runs").iterdir()]) == 2


def test_a_folder_is_claimed_by_making_it(tmp_path):
    wanted = tmp_path / "runs" / "a"
    assert [fresh(wanted).name for _ in range(3)] == ["a", "a-2", "a-3"]


def test_training_in_another_thread_is_refused(make_agent, tmp_path):
    class ParallelTrainCallback(BaseCallback):
        def _on_step(self) -> bool:
            return True

    callbacks = [ParallelTrainCallback(), ModalityDiagnostics(tmp_path / "run")]
    with pytest.raises(UnsupportedPolicy, match="ParallelTrainCallback") as refused:
        make_agent().learn(62, callback=callbacks)
    assert "\n" not in str(refused.value)
    assert not Path(tmp_path / "run").exists()


def test_being_told_of_the_end_twice_ends_the_record_once(make_agent, tmp_path):
    callback = ModalityDiagnostics(tmp_path / "run")
    make_agent().learn(62, callback=callback)
    callback.on_training_end()  # as rl_zoo3 does, after whatever ended `learn`
    ends = [line for line in read_run(tmp_path / "run").lines if line.event == "end"]
    assert len(ends) == 1
