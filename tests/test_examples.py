"""The examples run as they are written."""

import subprocess
import sys
from pathlib import Path

from goalscope.diagnostics.record import read_run

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_watch_my_agent(tmp_path):
    run("watch_my_agent.py", str(tmp_path / "mine"), "140")
    record = read_run(tmp_path / "mine")
    assert record.end is not None
    assert record.failures == []


def test_one_instrument(tmp_path):
    run("one_instrument.py", str(tmp_path), "160")
    header = (tmp_path / "progress.csv").read_text().splitlines()[0]
    assert "gradient/critic_loss.pixels.update_ratio" in header


def test_ask_a_probe():
    out = run("ask_a_probe.py")
    assert "pixels: 256 fused features" in out
    assert "critic.desired_goal.q_goal_swap" in out
