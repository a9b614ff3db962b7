"""Signals reach every process of a run; only the one that the user started answers, and notes."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from goalscope.training.runs.interrupts import (
    STOP_SIGNALS,
    kept_from_workers,
    stop_signals_noted,
)

BLOCKED = "import signal; print(len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"


def test_processes_started_inside_never_see_one():
    command = [sys.executable, "-c", BLOCKED]
    with kept_from_workers():
        inside = subprocess.run(command, capture_output=True, text=True, check=True)
    outside = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (inside.stdout, outside.stdout) == ("3\n", "0\n")


WAITS = """
import os, signal
from goalscope.training.runs.interrupts import kept_from_workers
try:
    with kept_from_workers():
        os.kill(os.getpid(), signal.SIGINT)
        print("all that was inside")
except KeyboardInterrupt:
    print("then interrupted")
"""


def test_one_that_comes_meanwhile_waits():
    # In a process with one thread: any other would be handed the signal.
    done = subprocess.run([sys.executable, "-c", WAITS], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["all that was inside", "then interrupted"]


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_is_noted_and_nothing_interrupted(number):
    usual = signal.signal(number, signal.default_int_handler)
    with stop_signals_noted() as asked:
        assert asked() is None
        os.kill(os.getpid(), number)
        assert asked() == number
    assert signal.signal(number, usual) is signal.default_int_handler


def test_what_somebody_chose_to_ignore_stays_ignored():
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    with stop_signals_noted() as asked:
        os.kill(os.getpid(), signal.SIGHUP)
        assert asked() is None
    signal.signal(signal.SIGHUP, usual)


IN_A_TERMINAL = """
import sys, time
from goalscope.training.runs.interrupts import stop_signals_noted
with stop_signals_noted() as asked:
    print("begun", flush=True)
    while asked() is None:
        time.sleep(0.01)
    print("nobody reads this", flush=True)
    open(sys.argv[1], "w").write(str(asked()))
"""


def test_a_terminal_that_closes_is_a_signal_and_no_error(tmp_path):
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", IN_A_TERMINAL, str(tmp_path / "noted")])
    assert os.read(terminal, 100).startswith(b"begun")
    os.close(terminal)
    assert os.waitpid(child, 0)[1] == 0
    assert (tmp_path / "noted").read_text() == str(int(signal.SIGHUP))


@pytest.mark.parametrize("moment", ["workers import", "the study begins"])
def test_a_study_interrupted_early_says_so_in_one_line(tmp_path, moment):
    folder = tmp_path / "study"
    command = [sys.executable, "-m", "goalscope", "study", "pixel-her", "--seeds", "0", "1"]
    command += ["--env", "FetchReach-v4", "--image-size", "36", "--out", str(folder)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    awaited = folder / {"workers import": "study.json", "the study begins": ".lock"}[moment]
    while not awaited.exists() or ("json" in awaited.name and "running" not in awaited.read_text()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    if moment == "workers import":
        time.sleep(1.5)  # they have begun to, and take longer
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to every process
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("goalscope: interrupted")
    assert "Traceback" not in said
    assert folder.exists() == (moment == "workers import")
