"""A point in a square: exact enough to be worked out by hand, and a proper environment."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_env_for_gymnasium
from helpers.command import TINY, goalscope, refused
from stable_baselines3.common.env_checker import check_env

from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.diagnostics.record import read_run
from goalscope.diagnostics.record.metrics import SUCCESS_RATE
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.observing import UnusableEnvironment
from goalscope.training.envs.pixel_point import PixelPointEnv
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import PIXEL_POINT, task_of
from goalscope.training.envs.visibility import goal_units_per_pixel, object_pixels
from goalscope.training.runs.run import train
from goalscope.training.runs.settings import EvaluationSettings, RunSettings

SETTINGS = EnvironmentSettings(id=PIXEL_POINT.name, image_size=36)


@pytest.mark.filterwarnings("ignore:.*WARN:UserWarning")  # goals are unbounded, as in Fetch
def test_it_is_a_proper_environment():
    env = make_environment(SETTINGS)
    check_env(env.unwrapped)
    check_env_for_gymnasium(env.unwrapped, skip_render_check=True)
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert set(info) == {"is_success", "goal_distance", "point_position", "point_velocity"}


def test_it_says_what_its_task_is_about():
    env = make_environment(SETTINGS)
    assert declared_task(env) == task_of(SETTINGS.id)
    assert env.spec.max_episode_steps == task_of(SETTINGS.id).episode_steps
    assert set(task_of(SETTINGS.id).probe_targets.values()) <= set(env.reset(seed=0)[1])


def test_an_action_moves_the_point_and_walls_stop_it():
    env = PixelPointEnv()
    start = env.reset(seed=1)[0]["achieved_goal"]
    action = np.array([0.5, -1.0], np.float32)
    observation, *_, info = env.step(action)
    np.testing.assert_allclose(observation["achieved_goal"], start + action, rtol=1e-6)
    np.testing.assert_allclose(info["point_velocity"], action, rtol=1e-5)
    for _ in range(11):
        observation, *_, info = env.step(np.array([1.0, 5.0], np.float32))
    assert np.array_equal(observation["achieved_goal"], [5, 5])
    assert np.array_equal(info["point_velocity"], [0, 0])


def test_whoever_goes_to_the_goal_is_rewarded_there():
    env = make_environment(SETTINGS)
    observation, _ = env.reset(seed=2)
    rewards, ended = [], False
    while not ended:
        apart = observation["desired_goal"] - observation["achieved_goal"]
        observation, reward, terminated, ended, info = env.step(np.clip(apart, -1, 1))
        assert not terminated
        assert reward == (0 if info["goal_distance"] <= 0.5 else -1)
        rewards.append(reward)
    assert len(rewards) == 25
    assert info["is_success"] == 1
    assert rewards[0] == -1
    assert rewards[-1] == 0
    assert info["goal_distance"] < 1e-5


def where(frame: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return the middle of what has that colour, in the square's own coordinates."""
    axis = np.linspace(-5, 5, frame.shape[1])
    rows, columns = np.nonzero((frame == np.array(colour)[:, None, None]).all(axis=0))
    return np.array([axis[columns].mean(), -axis[rows].mean()])


def test_the_picture_shows_point_and_goal_where_they_are():
    observation, _ = PixelPointEnv(image_size=84).reset(seed=4)
    pixel = 10 / 83
    for key, colour in (("achieved_goal", (230, 230, 230)), ("desired_goal", (230, 40, 40))):
        seen = where(observation["pixels"], colour)
        np.testing.assert_allclose(seen, observation[key], atol=pixel)
    hidden, _ = PixelPointEnv(image_size=84, goal_marker=False).reset(seed=4)
    assert np.array_equal(hidden["desired_goal"], observation["desired_goal"])
    assert not (hidden["pixels"][0] > hidden["pixels"][1]).any()  # nothing red


def test_a_move_of_less_than_a_pixel_is_seen():
    env = PixelPointEnv()
    before = env.reset(seed=0)[0]["pixels"]
    small = np.array([0.1 * env.size_of_pixel(), 0], np.float32)
    assert not np.array_equal(env.step(small)[0]["pixels"], before)


def test_frames_are_stacked_oldest_first():
    env = PixelPointEnv(frame_stack=3)
    first = env.reset(seed=0)[0]["pixels"]
    assert first.shape == (9, 36, 36)
    assert np.array_equal(first[:3], first[6:])
    second = env.step(np.ones(2, np.float32))[0]["pixels"]
    assert np.array_equal(second[:6], first[3:])
    assert not np.array_equal(second[6:], first[6:])


def test_each_part_is_observed_as_asked():
    settings = EnvironmentSettings(
        id=PIXEL_POINT.name, pixels=False, goals=False, state=True, proprioception=True
    )
    env = make_environment(settings)
    assert set(env.observation_space) == {"state", "proprioception"}
    start = env.reset(seed=0)[1]["point_position"]
    observation, *_, info = env.step(np.ones(2, np.float32))
    expected = np.concatenate([info["point_position"], info["point_position"] - start])
    np.testing.assert_allclose(observation["state"], expected, atol=1e-6)
    assert np.array_equal(observation["state"], observation["proprioception"])


def test_it_can_be_made_anew_from_its_spec():
    env = make_environment(SETTINGS)
    again = gym.make(env.spec)
    assert again.observation_space == env.observation_space
    assert np.array_equal(again.reset(seed=1)[0]["pixels"], env.reset(seed=1)[0]["pixels"])


def test_how_much_a_pixel_spans_and_that_there_is_no_object():
    assert goal_units_per_pixel(make_environment(SETTINGS)) == pytest.approx(10 / 35)
    assert object_pixels(SETTINGS) is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"camera": "close"}, "has no cameras"),
        ({"offsamples": 4}, "no antialiasing"),
        ({"image_size": 35}, "too small for NatureCNN"),
        ({"frame_stack": 13, "image_size": 36}, "stack at most 12"),
        ({"pixels": False, "goals": False}, "nothing would be observed"),
    ],
)
def test_bad_settings_are_named_in_one_line(settings, says):
    with pytest.raises(UnusableEnvironment, match=says) as caught:
        make_environment(EnvironmentSettings(id=PIXEL_POINT.name, **settings))
    assert "\n" not in str(caught.value)


def test_an_arm_that_needs_a_camera_is_refused(tmp_path):
    train = ("train", "pixel-her+close-camera", *TINY, "--out", tmp_path / "run")
    refused(goalscope(*train), "PixelPoint-v0 has no cameras", "leave --camera and close-camera")
    assert not (tmp_path / "run").exists()


def test_the_record_is_in_its_own_unit(tmp_path):
    flags = ("--evaluation.every", "100", "--evaluation.episodes", "1")
    done = goalscope("train", "pixel-her", *TINY, *flags, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    run = read_run(tmp_path / "run")
    assert "env.renderer" not in run.info.settings
    keys = {key for line in run.lines for key in line.values}
    assert "evaluation/policy.final_distance_goal_units" in keys
    assert "training/relabelled.unmoved_fraction" in keys
    assert not [key for key in keys if "_cm" in key]


@pytest.mark.slow
def test_the_plans_baseline_learns_it_from_pixels_within_a_minute(tmp_path):
    settings = RunSettings(
        arm="pixel-her",
        out=tmp_path / "run",
        env=PIXEL_POINT.name,
        image_size=36,
        total_steps=1_500,
        cnn_dim=50,
        batch_size=32,
        lr=1e-3,
        gamma=0.9,
        tau=0.05,
        ent_coef="auto_0.1",
        net_arch=(64, 64),
        fast=True,
        evaluation=EvaluationSettings(every=1_500, episodes=50),
        threads=1,
    )
    run = read_run(train(settings))
    rates = [line.values.get(SUCCESS_RATE.key()) for line in run.measurements]
    first, last = [rate for rate in rates if rate is not None]
    assert first < 0.2
    assert last >= 0.95
