"""What a task is about: declared by environments, kept in run.json, known of old records."""

import json
import subprocess
import sys
from dataclasses import asdict

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecMonitor

from goalscope.diagnostics.material.declared_task import declared_task, environment_id
from goalscope.diagnostics.material.labelled_set import gather_labelled_set
from goalscope.diagnostics.material.wandering import ProbeSetError
from goalscope.diagnostics.record import Task, Unusable, fetch_task, fit
from goalscope.diagnostics.record.task import guessed_task
from goalscope.training.envs.pixel_point import PixelPointEnv

POINT = "goalscope.training.envs.making:PixelPoint-v0"  # also in a process that knows none yet
OWN = Task("Mine-v0", "inch", "mm", 25.4, tolerance=2.0, target="point", proprioception=("a", "b"))


class Mine(gym.Wrapper):
    """An environment of a user's own, with a task of its own."""

    goal_task = OWN


class Silent(gym.Env):
    """One that says nothing, but has an attribute that no process can send to another."""

    observation_space = action_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    task = staticmethod(lambda: None)

    def reset(self, *, seed=None, options=None):
        return np.zeros(2, np.float32), {}


def test_a_task_survives_run_json():
    for task in (OWN, PixelPointEnv.goal_task, fetch_task("FetchPush-v4")):
        assert fit(json.loads(json.dumps(asdict(task))), Task, "run.json") == task


def test_what_a_later_version_added_is_left_out():
    assert fit({**asdict(OWN), "colour": "red"}, Task, "run.json") == OWN


@pytest.mark.parametrize("part", [{"scale": 0}, {"scale": "x"}, {"tolerance": -1}, {"unit": None}])
def test_a_task_that_makes_no_sense_is_refused(part):
    with pytest.raises(Unusable, match=next(iter(part))):
        fit({**asdict(OWN), **part}, Task, "run.json")


def test_distances_are_shown_in_their_unit():
    push = fetch_task("FetchPush-v4")
    assert (push.shown(push.tolerance), push.in_words(push.tolerance)) == (5, "5 cm")
    assert push.key_unit == "cm"
    assert OWN.in_words(2) == "50.8 mm"
    assert Task("x").in_words(0.5) == "0.5 goal units"
    assert Task("x").key_unit == "goal_units"


@pytest.mark.parametrize(
    ("info", "name", "target", "unit"),
    [
        ({"settings": {"env.id": "FetchPush-v4"}}, "FetchPush-v4", "object", "m"),
        ({"settings": {"env.id": "FetchReach-v4"}}, "FetchReach-v4", "gripper", "m"),
        (
            {"probe_set": {"source": "random actions in a FetchReach-v4 of its own, seed 1"}},
            "FetchReach-v4",
            "gripper",
            "m",
        ),
        ({"settings": {"env.id": "Maze-v1"}}, "Maze-v1", "achieved_goal", "goal units"),
        ({"settings": {}, "probe_set": None}, "unknown", "achieved_goal", "goal units"),
        ({}, "unknown", "achieved_goal", "goal units"),
    ],
)
def test_a_record_from_before_tasks_were_kept(info, name, target, unit):
    task = guessed_task(info.get("settings", {}), info.get("probe_set") or {})
    assert (task.name, task.target, task.unit) == (name, target, unit)


def test_of_an_unknown_task_no_distance_is_guessed():
    task = guessed_task({"env.id": "Maze-v1"}, {})
    assert (task.tolerance, task.goal_range, task.negligible, task.episode_steps) == (None,) * 4


@pytest.mark.parametrize("make", [DummyVecEnv, SubprocVecEnv])
def test_a_declared_task_is_found_through_wrappers_and_processes(make):
    for wrapped, found in (
        (lambda: Mine(PixelPointEnv()), OWN),
        (lambda: gym.Wrapper(PixelPointEnv()), PixelPointEnv.goal_task),
        (Silent, Task("Silent")),
    ):
        env = VecMonitor(make([wrapped]))
        assert declared_task(env) == found
        assert env.reset() is not None  # nothing has ended over the question
        env.close() if make is DummyVecEnv else env.venv.close()


def test_an_environment_without_a_task_is_known_by_name():
    assert declared_task(gym.make("Pendulum-v1")) == Task("Pendulum-v1")
    stock = Silent()
    stock.spec = EnvSpec("FetchPush-v4")  # as gymnasium-robotics registers it, which declares none
    assert declared_task(stock) == fetch_task("FetchPush-v4")
    assert declared_task(Silent()) == Task("Silent")
    assert declared_task(None) == Task("unknown")


def test_what_a_task_does_not_name_is_read_from_the_goals():
    class Nameless(gym.Wrapper):
        goal_task = Task("nameless")

    labelled, extra = gather_labelled_set(Nameless(PixelPointEnv()))
    assert set(labelled.targets) == {"achieved_goal", "desired_goal"}
    assert np.array_equal(
        labelled.targets["achieved_goal"], labelled.observations["achieved_goal"].astype(float)
    )
    assert extra == {}


def test_a_task_that_counts_on_info_there_is_not_is_refused():
    with pytest.raises(ProbeSetError, match=r"info\['a'\]") as caught:
        gather_labelled_set(Mine(PixelPointEnv()))
    assert "\n" not in str(caught.value)


def test_reading_a_task_needs_no_torch():
    code = (
        "import sys; from goalscope.diagnostics.record import Task; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("make", [DummyVecEnv, SubprocVecEnv])
def test_an_environments_id_is_known_through_wrappers_and_processes(make):
    for maker, name in (
        (lambda: Mine(gym.make(POINT, image_size=36)), "PixelPoint-v0"),
        (Silent, "Silent"),
    ):
        assert environment_id(maker()) == name
        env = VecMonitor(make([maker]))
        assert environment_id(env) == name
        env.close()
