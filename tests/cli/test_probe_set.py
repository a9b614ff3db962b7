"""`goalscope probe-set`: one file that every run is asked about."""

import pytest
from helpers.command import goalscope, refused

from goalscope.diagnostics.material.probe_set import load_probe_set
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.run import make_probe_set

MAKER = """
from helpers.point_env import PointEnv

def make():
    return PointEnv()

def broken():
    raise RuntimeError("no licence")

def other():
    return 42
"""


def test_of_an_environment_of_ours_it_is_that_of_every_run(tmp_path, all_states):
    file = tmp_path / "probe.safetensors"
    flags = ["--env", "PixelPoint-v0", "--image-size", "36"]
    done = goalscope("probe-set", *flags, "--out", file)
    assert done.returncode == 0, done.stderr
    assert "128 states" in done.stdout
    assert f"--probe-set {file}" in done.stdout
    settings = EnvironmentSettings(id="PixelPoint-v0", image_size=36)
    assert load_probe_set(file).sha256 == make_probe_set(settings).sha256
    refused(goalscope("probe-set", *flags, "--out", file), "is there already")


def test_of_an_environment_of_a_users_own(tmp_path):
    (tmp_path / "maker_here.py").write_text(MAKER)
    made = ["--env", f"{tmp_path}/maker_here.py:make"]
    sets = []
    for seed in (3, 3, 4):
        file = tmp_path / f"{len(sets)}.safetensors"
        done = goalscope("probe-set", *made, "--size", 8, "--seed", seed, "--out", file)
        assert done.returncode == 0, done.stderr
        sets.append(load_probe_set(file))
    assert len(sets[0]) == 8
    assert sets[0].sha256 == sets[1].sha256 != sets[2].sha256


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--env", "maker_bad.py:broken", "--out", "a"], "RuntimeError: no licence"),
        (["--env", "maker_bad.py:other", "--out", "a"], "returns a int"),
        (["--env", "nowhere.py:make", "--out", "a"], "there is no file nowhere.py"),
        (["--env", "maker_bad.py:nothing", "--out", "a"], "cannot be imported"),
        (["--env", "PixelPint-v0", "--out", "a"], "PixelPoint-v0"),
        (["--out", "no/folder/a"], "no folder"),
        (["--out", "."], "give a file in it: probe_set.safetensors"),
        ([], "--out"),
        (["--env", "maker_bad.py:make", "--size", "0", "--out", "a"], "2 states or more"),
        (["--env", "PixelPoint-v0", "--seed", "-1", "--out", "a"], "a seed is 0 or more"),
    ],
)
def test_what_is_refused(tmp_path, monkeypatch, flags, says):
    (tmp_path / "maker_bad.py").write_text(MAKER)
    monkeypatch.chdir(tmp_path)
    refused(goalscope("probe-set", *flags), says)
    assert not (tmp_path / "a").exists()
