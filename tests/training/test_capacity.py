"""What a run takes is known before it starts."""

from pathlib import Path

import pytest

from goalscope.cli.machine import check_run
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.visibility import object_pixels
from goalscope.training.replay.sizes import GIB
from goalscope.training.runs.capacity import room_for
from goalscope.training.runs.settings import RunSettings


def settings(**changes) -> RunSettings:
    plan = {"total_steps": 8_000_000, "n_envs": 8, "buffer_size": 1_000_000, "fast": True}
    return RunSettings("pixel-her", Path("runs"), **(plan | changes))


def test_the_plans_buffer_in_memory_and_on_disk():
    memory = room_for(settings(frames="memory"))
    assert memory.memory / GIB == pytest.approx(20.2, abs=0.2)
    assert memory.disk == 0
    disk = room_for(settings(frames="disk"))
    assert disk.memory / GIB < 0.3
    assert disk.disk > memory.memory - GIB


def test_features_that_are_kept_are_counted():
    frozen = "pixel-her+inverse-dynamics+decoupled-encoder+frozen-encoder"
    plan = {"buffer_size": 1_000_000, "n_envs": 8, "total_steps": 8_000_000, "frames": "disk"}
    rooms = {
        fast: room_for(RunSettings(frozen, Path("runs"), fast=fast, **plan)).memory
        for fast in (True, False)
    }
    width = RunSettings(frozen, Path("runs")).agent.cnn_dim
    assert rooms[True] - rooms[False] == 1_000_000 * 2 * width * 4


def test_what_does_not_fit_is_said_with_a_remedy():
    huge = room_for(settings(fast=False, buffer_size=10**10))
    assert "--frames disk" in huge.problem
    (finding, *_) = check_run(settings(fast=False, buffer_size=10**10))
    assert finding.fatal
    assert "\n" not in finding.remedy


def test_sb3s_own_buffer_takes_what_is_measured_of_it():
    stock = room_for(settings(fast=False))
    assert stock.memory / GIB == pytest.approx(39.5, abs=0.2)


def test_the_object_is_larger_from_close():
    default = object_pixels(EnvironmentSettings())
    close = object_pixels(EnvironmentSettings(camera="close"))
    assert 2 <= default < 16 < close
    assert object_pixels(EnvironmentSettings(id="FetchReach-v4")) is None
