"""What works without the extras, and what is said where one is needed."""

import subprocess
import sys

import pytest
from helpers.code_blocks import DOCS, code_blocks, file_of
from helpers.command import goalscope, refused

from goalscope.cli import machine
from goalscope.extras import EXTRAS, MissingExtra, require_extra

LEFT_OUT = [module for extra in EXTRAS.values() for module in extra.modules]
# As if they were not installed, and nothing that only comes along with them was either.
BLOCKED = f"""
import runpy, sys
sys.modules |= dict.fromkeys({[*LEFT_OUT, "OpenGL", "glfw", "tensorboard", "wandb", "mlflow"]})
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
from goalscope.cli.main import main
sys.exit(main(["report", "runs/eager"]))
"""


@pytest.fixture
def nothing_more(monkeypatch):
    """Makes every extra look left out."""
    for module in LEFT_OUT:
        monkeypatch.setitem(sys.modules, module, None)


def test_an_agent_is_watched_and_its_page_drawn_without_any_extra(tmp_path):
    scripts = [text for _, text in code_blocks(DOCS / "tutorial.md") if file_of(text)]
    (tmp_path / "train.py").write_text(scripts[0].replace("learn(240,", "learn(105,"))
    command = [sys.executable, "-c", BLOCKED, "train.py", "eager", "1e-2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "eager" / "report.html").exists()


def test_a_study_on_a_cluster_needs_ray(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)
    command = ("study", "pixel-her", "--executor", "ray", "--out", "study")
    refused(goalscope(*command), "pip install 'goalscope[cluster]'")


@pytest.mark.usefixtures("nothing_more")
@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("train", "pixel-her", "--out", "run"), "fetch"),
        (("study", "pixel-her", "--seeds", "0", "--out", "study"), "fetch"),
        (("probe-set", "--env", "FetchPush-v4", "--out", "states"), "fetch"),
        (("demo", "--out", "demo"), "fetch"),
        (("doctor", "--arm", "pixel-her"), "fetch"),
        (("probe", "run"), "probes"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_a_command_that_needs_an_extra_names_it_and_leaves_nothing(
    tmp_path, monkeypatch, command, extra
):
    monkeypatch.chdir(tmp_path)
    refused(goalscope(*command), f"pip install 'goalscope[{extra}]'")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("nothing_more")
def test_the_doctor_calls_what_was_left_out_a_note():
    assert machine.check_rendering() == []
    found = machine.check_extras()
    assert [finding.what for finding in found] == [f"goalscope[{name}]" for name in EXTRAS]
    assert all(finding.remedy and not finding.fatal for finding in found)


def test_only_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(MissingExtra, match=r"^the Fetch tasks need mujoco, not installed"):
        require_extra("fetch")
    monkeypatch.undo()
    require_extra("fetch")
