"""The examples run as they are written."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.command import goalscope

from goalscope.diagnostics.record import read_run

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
SMALLER = {  # than the README's run
    "20_000": "105",
    "3_000": "105",
    "eval_freq=500": "eval_freq=35",
    "=20)": "=3)",
}


@pytest.fixture
def run(monkeypatch):
    """Return what runs an example as a script, in this process, where imports are paid for."""

    def run(name: str, *arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    return run


def test_watch_my_agent(tmp_path, run):
    run("watch_my_agent.py", str(tmp_path / "mine"), "120")
    record = read_run(tmp_path / "mine")
    assert record.end is not None
    assert record.failures == []


def test_one_instrument(tmp_path, run):
    run("one_instrument.py", str(tmp_path), "160")
    header = (tmp_path / "progress.csv").read_text().splitlines()[0]
    assert "gradient/critic_loss.pixels.update_ratio" in header


def test_ask_a_probe(capsys, run):
    run("ask_a_probe.py")
    out = capsys.readouterr().out
    assert "pixels: 256 fused features" in out
    assert "critic.desired_goal.q_goal_swap" in out


def test_the_readmes_own_environment_runs_as_it_stands(tmp_path, monkeypatch, few_figures):
    (script, *_) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len([line for line in script.splitlines() if line]) == 15
    for long, short in SMALLER.items():
        assert long in script
        script = script.replace(long, short)
    (tmp_path / "mine.py").write_text(script)
    command = [sys.executable, "mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    monkeypatch.chdir(tmp_path)
    patterns = ["--arm", "base=runs/base-*", "--arm", "fix=runs/fix-*", "--baseline", "base"]
    for arguments in (sorted(Path("runs").iterdir()), patterns):
        done = goalscope("compare", *arguments, "--out", "page")
        assert done.returncode == 0, done.stderr
        said = json.loads(Path("page/verdict.json").read_text())
        assert said["runs"] == {"base": ["base-0", "base-1"], "fix": ["fix-0", "fix-1"]}
        assert "Success at the last evaluation of all runs (step 105)" in done.stdout
        assert "do not share one probe set" not in done.stderr
