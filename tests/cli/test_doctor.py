"""The doctor: what it says of a machine that works, and of one that does not."""

import re
from dataclasses import fields

import psutil
import pytest
import torch

from goalscope.cli import machine
from goalscope.cli.doctor import Doctor
from goalscope.cli.machine import Finding
from goalscope.training.envs.opengl import RenderingError, renderer_name
from goalscope.training.runs.settings import StudySettings


def test_a_machine_that_works(capsys):
    assert Doctor().run() == 0
    said = capsys.readouterr().out
    for word in ("python", "torch", "mujoco", "memory", "disk", "torch threads"):
        assert word in said
    assert renderer_name().split()[0] in said
    assert "missing" not in said


def test_the_time_of_a_frame_is_that_of_drawing_alone():
    found = {finding.what: finding.value for finding in machine.check_rendering()}
    milliseconds = float(found["FetchPush frame, 84x84"].removesuffix(" ms"))
    assert 0.01 < milliseconds < 1000


@pytest.mark.parametrize(
    "error", [RenderingError("no OpenGL; run: apt-get install x"), AssertionError("[a]\nb")]
)
def test_whatever_stops_drawing_is_said_in_one_line_and_fails(monkeypatch, capsys, error):
    def fail() -> str:
        raise error

    monkeypatch.setattr(machine, "renderer_name", fail)
    assert Doctor().run() == 2
    lines = [line for line in capsys.readouterr().out.splitlines() if "OpenGL renderer: " in line]
    assert len(lines) == 1
    assert lines[0].endswith(" ".join(str(error).split()))
    assert lines[0].startswith("missing")


def test_little_memory_is_a_note_and_no_failure(monkeypatch, capsys):
    little = psutil.virtual_memory()._replace(available=2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    monkeypatch.setattr(machine, "CHECKS", (machine.check_room,))
    assert Doctor().run() == 0
    said = capsys.readouterr().out
    assert "note  memory: " in said
    assert "--buffer-size" in said
    assert "12,000" in said  # half of a GiB in pairs of 21,168 bytes


def test_a_gpu_that_is_not_used_is_a_note(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine.Path, "exists", lambda path: str(path) == "/dev/nvidia0")
    monkeypatch.setattr(machine, "renderer_name", lambda: "llvmpipe (LLVM 15.0.6, 256 bits)")
    monkeypatch.setattr(machine, "_milliseconds_per_frame", lambda: 3.0)
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    findings = [*machine.check_torch(), *machine.check_rendering()]
    noted = {finding.what: finding.remedy for finding in findings if finding.remedy}
    assert set(noted) == {"torch device", "OpenGL renderer"}
    assert "pytorch.org" in noted["torch device"]
    assert not any(finding.fatal for finding in findings)


@pytest.mark.parametrize(("load", "noted"), [(0.5, False), (1000.0, True)])
def test_a_machine_that_others_keep_busy_is_a_note(monkeypatch, load, noted):
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (load, 0.0, 0.0))
    threads = next(found for found in machine.check_torch() if found.what == "torch threads")
    assert bool(threads.remedy) is noted


def test_the_sign_follows_what_was_found():
    signs = [
        Finding("a", "b").sign,
        Finding("a", "b", "c").sign,
        Finding("a", "b", "c", fatal=True).sign,
    ]
    assert [sign.split("]")[1].split("[")[0] for sign in signs] == ["ok", "note", "missing"]


def test_an_arm_gets_its_time_and_trains_flags(capsys, monkeypatch):
    monkeypatch.setattr(machine, "CHECKS", ())
    monkeypatch.setattr(machine, "check_run", lambda settings: [])
    sizes = {"env": "PixelPoint-v0", "image_size": 36, "batch_size": 16}
    assert Doctor(arm="pixel-her", total_steps=1_100, norm=True, **sizes).run() == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "1,100 steps and 1,000 updates: about" in said
    assert "on this machine (measured on 16 updates)" in said
    shares = [int(share) for share in re.findall(r"\w+ing (\d+) %", said)]
    assert len(shares) == 5
    assert sum(shares) == pytest.approx(100, abs=3)  # each of them is rounded


def test_what_is_left_out_is_as_of_train():
    shared = fields(StudySettings)
    assert {f.name: f.default for f in fields(Doctor) if f.name in {s.name for s in shared}} == {
        f.name: f.default for f in shared
    }


def test_ppo_gets_its_time_without_a_flag_that_is_not_its_own(capsys, monkeypatch):
    monkeypatch.setattr(machine, "CHECKS", ())
    sizes = {"env": "PixelPoint-v0", "image_size": 36, "batch_size": 16, "learning_starts": 100}
    assert Doctor(arm="plain", algorithm="ppo", n_envs=2, total_steps=1_000, **sizes).run() == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "rollout plain, 100 transitions" in said
    assert "1,000 steps and 700 updates: about" in said


def test_no_time_is_measured_where_the_run_cannot_start(monkeypatch):
    fatal = [Finding("replay", "too large", "a remedy", fatal=True)]
    monkeypatch.setattr(machine, "CHECKS", ())
    monkeypatch.setattr(machine, "check_run", lambda settings: fatal)
    monkeypatch.setattr(machine, "check_time", lambda settings: pytest.fail("it was tried"))
    assert Doctor(arm="pixel-her").run() == 2
