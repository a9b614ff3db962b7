"""The command itself: help, its version, what it refuses, and what it imports to answer."""

import errno
import json
import os
import subprocess
import sys

import pytest
from helpers.command import goalscope, refused
from helpers.synthetic_runs import SHORT, write_arms

import goalscope as package
from goalscope.cli.arms import Arms
from goalscope.cli.main import COMMANDS, main

HEAVY = {"torch", "stable_baselines3", "captum", "mujoco", "gymnasium_robotics"}
IMPORTED_BY = """
import json, sys
from goalscope.cli.main import main
for command in json.loads(sys.argv[1]):
    try:
        main(command)
    except SystemExit:
        pass
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported_by(*commands: list[object]) -> set[str]:
    """The packages that commands, one after another, have imported by the time they end."""
    given = json.dumps([[str(argument) for argument in command] for command in commands])
    command = [sys.executable, "-c", IMPORTED_BY, given]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_lists_the_commands_and_imports_nothing_for_it():
    assert not imported_by(["--help"]) & (HEAVY | {"numpy", "tyro", "rich"})
    done = goalscope("--help")
    assert done.returncode == 0
    for command, summary in COMMANDS.items():
        assert f"{command} " in done.stdout
        assert summary in done.stdout


def test_what_needs_no_agent_imports_none():
    helps = (["train", "--help"], ["doctor", "--help"], ["report", "--help"])
    assert not imported_by(["arms"], *helps) & HEAVY


def test_reading_records_and_making_pages_imports_no_agent(tmp_path):
    runs = write_arms(tmp_path / "runs", 1, SHORT)
    compare = ["compare", *runs, "--out", tmp_path / "page"]
    assert not imported_by(["report", runs[0]], compare) & HEAVY
    assert (runs[0] / "report.html").exists()
    assert (tmp_path / "page" / "comparison.html").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_shows_an_example(command):
    done = goalscope(command, "--help")
    assert done.returncode == 0
    assert f"For example: goalscope {command}" in " ".join(done.stdout.split())


def test_version():
    done = goalscope("--version")
    assert (done.returncode, done.stdout) == (0, f"goalscope {package.__version__}\n")


def test_the_package_runs_as_the_command_does():
    done = subprocess.run(
        [sys.executable, "-m", "goalscope", "arms"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == 0
    assert "pixel-her-drq-norm" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], ["which command?", "train"]),
        (["comprae"], ["no command 'comprae'", "did you mean compare?"]),
        (["--colour"], ["no command '--colour'"]),
        (["train"], ["give the name of an arm", "goalscope arms lists them", "--out"]),
        (["train", "pixel-her", "--colour", "red", "--out", "x"], ["--colour"]),
        (["report"], ["give the folder of the run"]),
        (["probe"], ["give a run, a checkpoint"]),
        (["compare"], ["compare what?", "and not both", "goalscope compare --help"]),
        (["compare", "a", "--arm", "b=c"], ["compare what?"]),
        (["study"], ["--out"]),
        (["study", "--out", "x"], ["needs an arm and a seed"]),
        (
            ["study", "assy", "--out", "x"],
            ["did you mean assay", "preset (assay, demo, ladder, push)"],
        ),
        (["study", "pixel-hor", "--out", "x"], ["did you mean pixel-her"]),
        (["study", "pixel-her", "--seeds", "--out", "x"], ["needs an arm and a seed"]),
        (["train", "pixel-her", "--env", "PixelPoint-v0", "--out", ""], ["--out is empty"]),
        (["train", "pixel-her", "--env", "PixelPoint-v0", "--out="], ["--out is empty"]),
        (["study", "pixel-her", "--env", "PixelPoint-v0", "--out", ""], ["--out is empty"]),
        (["demo", "--out", ""], ["--out is empty"]),
        (["demo", "--out", "."], ["--out . names no new folder"]),
        (["probe-set", "--env", "PixelPoint-v0", "--out", ""], ["--out is empty"]),
        (["compare", "a", "b", "--out", ""], ["--out is empty"]),
        (["report", ""], ["an argument is empty"]),
    ],
)
def test_what_cannot_be_understood_is_said_in_one_line(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(goalscope(*arguments), *says)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "look after the disk"),
        (errno.EIO, "look after the disk"),
        (errno.EEXIST, "give another path"),
        (errno.EACCES, "give another path"),
    ],
)
def test_the_remedy_is_the_disk_s_or_another_path(monkeypatch, capsys, number, remedy):
    def refuse(self):
        raise OSError(number, os.strerror(number), "there")

    monkeypatch.setattr(Arms, "run", refuse)
    assert main(["arms"]) == 2
    assert capsys.readouterr().err == f"goalscope: there: {os.strerror(number)}; {remedy}\n"


def test_an_interrupt_claims_no_more_than_is_known(monkeypatch, capsys):
    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Arms, "run", stop)
    assert main(["arms"]) == 130
    assert capsys.readouterr().err == "goalscope: interrupted\n"
