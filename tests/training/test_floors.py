"""Floors against episodes played by hand; what is shipped is whole and can be measured again."""

import gymnasium as gym
import gymnasium_robotics
import numpy as np
import pytest
from stable_baselines3 import SAC, HerReplayBuffer

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.record.floors import (
    FLOORS_FILE,
    Floor,
    floor_settings,
    floors_of,
    read_floors,
    write_floors,
)
from goalscope.reports.claims.floors import recorded_floors
from goalscope.reports.numbers.runs import load_run
from goalscope.training.envs.observing import UnusableEnvironment
from goalscope.training.envs.tasks import FETCH_TASKS, PIXEL_POINT, TASKS
from goalscope.training.evaluation.floors import measure_floors


@pytest.fixture(scope="module")
def measured():
    return measure_floors("FetchPush-v4", 6, seed=3)


def play(task, act, episodes, seed):
    """Return successes and final distances in cm, in plain gymnasium."""
    gym.register_envs(gymnasium_robotics)
    env = gym.make(task)
    successes, distances = 0, []
    for number in range(episodes):
        observation, _ = env.reset(seed=seed + number)
        for _ in range(50):
            observation, _, terminated, truncated, info = env.step(act(env.action_space))
            assert not terminated
        assert truncated
        successes += int(info["is_success"])
        apart = observation["achieved_goal"] - observation["desired_goal"]
        distances.append(100 * np.linalg.norm(apart))
    env.close()
    return successes, distances


def test_the_idle_floor_is_that_of_zero_actions(measured):
    successes, distances = play("FetchPush-v4", lambda space: np.zeros(4, np.float32), 6, 3)
    assert measured.noop.successes == successes
    assert measured.noop.episodes == 6
    assert measured.noop.final_distance == pytest.approx(np.median(distances), abs=1e-4)
    assert measured.noop.final_distance_mean == pytest.approx(np.mean(distances), abs=1e-4)


def test_the_random_floor_is_that_of_uniform_actions(measured):
    generator = np.random.default_rng([3, 1])

    def act(space):
        return generator.uniform(-1, 1, 4).astype(np.float32)

    successes, distances = play("FetchPush-v4", act, 6, 3)
    assert measured.random.successes == successes
    assert measured.random.final_distance == pytest.approx(np.median(distances), abs=1e-4)


def test_floors_are_the_same_for_the_same_seed(measured):
    assert measure_floors("FetchPush-v4", 6, seed=3) == measured
    assert measure_floors("FetchPush-v4", 6, seed=4) != measured


def test_floors_survive_a_file(measured, tmp_path):
    write_floors(tmp_path / "floors.json", [measured])
    assert read_floors(tmp_path / "floors.json") == {"FetchPush-v4": measured}
    call = "measure_floors('FetchPush-v4', episodes=6, seed=3)"
    assert call in (tmp_path / "floors.json").read_text()


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_its_floors(task):
    floors = floors_of(task)
    assert floors.env == task
    simulator = {"mujoco", "gymnasium-robotics"} if task in FETCH_TASKS else set()
    assert set(floors.versions) == {"gymnasium", "numpy"} | simulator
    for floor in (floors.noop, floors.random):
        assert floor.episodes >= 1000
        low, high = floor.interval
        assert 0 <= low <= floor.success_rate <= high < 0.2
        assert high - low < 0.05
        unit = TASKS[task].shown(TASKS[task].tolerance)
        assert unit < floor.final_distance < 20 * unit


def test_a_task_without_floors_has_none():
    assert floors_of("MyOwn-v0") is None
    assert floor_settings("MyOwn-v0") == {}


def test_a_watched_run_of_a_stock_environment_keeps_the_floors_of_its_task(tmp_path):
    gym.register_envs(gymnasium_robotics)
    model = SAC(
        "MultiInputPolicy",
        gym.make("FetchReach-v4"),
        learning_starts=60,
        buffer_size=100,
        replay_buffer_class=HerReplayBuffer,
        policy_kwargs={"net_arch": [8]},
        seed=0,
    )
    model.learn(62, callback=ModalityDiagnostics(tmp_path / "run"))
    (idle, random) = recorded_floors([load_run(tmp_path / "run")])
    shipped = floors_of("FetchReach-v4")
    assert (idle.rate, idle.episodes) == (shipped.noop.success_rate, shipped.noop.episodes)
    assert (random.low, random.high) == shipped.random.interval


def test_a_floor_knows_its_interval():
    floor = Floor(70, 1000, 15.0, 16.0, -46.0)
    assert floor.success_rate == 0.07
    assert floor.interval == pytest.approx((0.0558, 0.0875), abs=2e-4)


def test_what_has_no_floor_is_said():
    with pytest.raises(UnusableEnvironment, match="did you mean"):
        measure_floors("FetchPsh-v4", 1)
    with pytest.raises(ValueError, match="0 episodes"):
        measure_floors("FetchReach-v4", 0)


def test_the_shipped_floors_of_the_point_can_be_measured_again():
    shipped = floors_of(PIXEL_POINT.name)
    assert measure_floors(PIXEL_POINT.name, shipped.noop.episodes, shipped.seed) == shipped


@pytest.mark.slow
def test_the_shipped_idle_floor_of_reach_can_be_measured_again():
    shipped = floors_of("FetchReach-v4")
    assert measure_floors("FetchReach-v4", shipped.noop.episodes, shipped.seed) == shipped
    assert FLOORS_FILE.exists()
