"""An environment's process ends with its run, without a word; and its death is no measurement's."""

import multiprocessing

import pytest

from goalscope.diagnostics.record import MEASUREMENTS_FILE
from goalscope.diagnostics.recorder import Recorder
from goalscope.errors import EnvironmentLost
from goalscope.training.runs import environment_processes
from goalscope.training.runs.environment_processes import serve


class Run:
    """The parent process, as its child sees it."""

    def __init__(self, alive):
        self.alive = alive

    def join(self, _):
        pass

    def is_alive(self):
        return self.alive


@pytest.fixture
def broken_pipe(monkeypatch):
    def worker(*_):
        raise ConnectionResetError

    monkeypatch.setattr(environment_processes, "_SB3_WORKER", worker)


def test_an_environment_ends_silently_with_a_run_that_was_killed(broken_pipe, monkeypatch):
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: Run(alive=False))
    serve()


def test_a_connection_of_the_environment_s_own_is_not_silenced(broken_pipe, monkeypatch):
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: Run(alive=True))
    with pytest.raises(ConnectionResetError):
        serve()


def test_a_lost_environment_is_no_failure_of_what_measured(tmp_path, caplog):
    recorder = Recorder(tmp_path / "run")
    with recorder.guarded("agreement", 3):
        raise EnvironmentLost("the process of environment 0 (1) was ended by signal 9")
    assert not recorder.failures
    assert caplog.text == ""
    assert not (tmp_path / "run" / MEASUREMENTS_FILE).exists()
