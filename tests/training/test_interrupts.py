"""Ctrl-C reaches every process of a terminal; only the one that the user started answers."""

import os
import signal
import subprocess
import sys
import time

import pytest

from goalscope.training.runs.interrupts import interrupts_kept_from_workers

BLOCKED = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"


def test_processes_started_inside_never_see_one():
    command = [sys.executable, "-c", BLOCKED]
    with interrupts_kept_from_workers():
        inside = subprocess.run(command, capture_output=True, text=True, check=True)
    outside = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (inside.stdout, outside.stdout) == ("True\n", "False\n")


WAITS = """
import os, signal
from goalscope.training.runs.interrupts import interrupts_kept_from_workers
try:
    with interrupts_kept_from_workers():
        os.kill(os.getpid(), signal.SIGINT)
        print("all that was inside")
except KeyboardInterrupt:
    print("then interrupted")
"""


def test_one_that_comes_meanwhile_waits():
    # In a process with one thread: any other would be handed the signal.
    done = subprocess.run([sys.executable, "-c", WAITS], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["all that was inside", "then interrupted"]


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
