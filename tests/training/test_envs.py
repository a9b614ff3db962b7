"""The pixel environments on real, rendered Fetch tasks."""

import gymnasium as gym
import gymnasium_robotics
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_env_for_gymnasium
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.preprocessing import is_image_space

from goalscope.training import PixelGoalEnv
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.observing import UnusableEnvironment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import FETCH_TASKS

gym.register_envs(gymnasium_robotics)


@pytest.fixture
def make():
    made = []

    def maker(**settings) -> PixelGoalEnv:
        made.append(make_environment(EnvironmentSettings(**settings)))
        return made[-1]

    yield maker
    for env in made:
        env.close()


@pytest.mark.filterwarnings("ignore:.*WARN:UserWarning")  # goals are unbounded, it is a wrapper
@pytest.mark.parametrize("task", FETCH_TASKS)
def test_every_fetch_task_is_a_proper_environment(make, task):
    env = make(id=task, image_size=36, proprioception=True)
    check_env(env)
    check_env_for_gymnasium(env, skip_render_check=True)
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation["pixels"].shape == (3, 36, 36)
    assert observation["pixels"].dtype == np.uint8
    assert observation["achieved_goal"].dtype == np.float32
    assert is_image_space(env.observation_space["pixels"])
    assert ("object_position" in info) == ("Reach" not in task)


def test_the_picture_is_the_environments_own(make):
    own = gym.make("FetchPush-v4", render_mode="rgb_array", width=84, height=84)
    own.unwrapped.model.vis.quality.offsamples = 0
    own.reset(seed=3)
    env = make(id="FetchPush-v4")
    observation, _ = env.reset(seed=3)
    difference = np.abs(observation["pixels"].transpose(1, 2, 0).astype(int) - own.render())
    own.close()
    assert difference.max() <= 2  # the same on llvmpipe


def test_the_goal_marker_is_drawn_where_the_goal_is_and_can_be_hidden(make):
    shown, hidden = make(), make(goal_marker=False)
    frames = [env.reset(seed=2)[0]["pixels"].astype(int) for env in (shown, hidden)]
    changed = np.abs(frames[0] - frames[1]).sum(axis=0) > 60
    assert 1 <= changed.sum() < 200
    # It follows the goal: another goal, other pixels.
    other = shown.reset(seed=3)[0]["pixels"].astype(int)
    moved = np.abs(other - hidden.reset(seed=3)[0]["pixels"].astype(int)).sum(axis=0) > 60
    assert (moved != changed).any()


@pytest.mark.parametrize("task", FETCH_TASKS)
def test_rendering_leaves_the_physics_alone(make, task):
    plain = gym.make(task)
    env = make(id=task, image_size=36)
    plain.reset(seed=5)
    env.reset(seed=5)
    generator = np.random.default_rng(0)
    for _ in range(50):
        action = generator.uniform(-1, 1, 4).astype(np.float32)
        state = plain.step(action)[0]
        env.step(action)
    for part in ("qpos", "qvel", "qacc_warmstart", "time"):
        left, right = (getattr(e.unwrapped.data, part) for e in (plain, env))
        assert np.array_equal(left, right), part
    assert np.array_equal(state["observation"], env.unwrapped._get_obs()["observation"])
    plain.close()


def test_the_same_seed_gives_the_same_pixels(make):
    first, second = make(image_size=36), make(image_size=36)
    start = [env.reset(seed=7)[0]["pixels"] for env in (first, second)]
    assert np.array_equal(*start)
    action = np.array([0.5, -0.5, 0.1, 0], np.float32)
    for _ in range(5):
        assert np.array_equal(first.step(action)[0]["pixels"], second.step(action)[0]["pixels"])
    assert np.array_equal(first.reset(seed=7)[0]["pixels"], start[0])


def test_the_environment_can_be_made_anew_from_its_spec(make):
    env = make(image_size=36, frame_stack=2, goal_marker=False)
    again = gym.make(env.spec)
    assert again.observation_space == env.observation_space
    assert np.array_equal(again.reset(seed=1)[0]["pixels"], env.reset(seed=1)[0]["pixels"])
    again.close()


def test_frames_are_stacked_oldest_first_and_goals_are_not(make):
    env = make(image_size=36, frame_stack=3)
    observation, _ = env.reset(seed=0)
    assert observation["pixels"].shape == (9, 36, 36)
    assert observation["desired_goal"].shape == (3,)
    assert is_image_space(env.observation_space["pixels"])
    assert np.array_equal(observation["pixels"][:3], observation["pixels"][6:])
    first = observation["pixels"][6:]
    action = np.array([1, 1, 0, 0], np.float32)
    observation = env.step(action)[0]
    assert np.array_equal(observation["pixels"][:3], first)
    assert np.array_equal(observation["pixels"][3:6], first)
    assert not np.array_equal(observation["pixels"][6:], first)


def test_stacked_frames_pass_sb3_as_they_are():
    settings = EnvironmentSettings(id="FetchReach-v4", image_size=36, frame_stack=4)
    vector = make_vec_env(lambda: make_environment(settings), n_envs=2)
    assert vector.observation_space["pixels"].shape == (12, 36, 36)
    assert vector.reset()["pixels"].shape == (2, 12, 36, 36)
    vector.close()


@pytest.mark.parametrize(
    "settings",
    [
        {"id": "FetchPush-v4"},
        {"id": "FetchReach-v4"},
        {"id": "PixelPoint-v0"},
        {"id": "PixelPoint-v0", "dense_reward": True},
    ],
)
def test_rewards_of_a_batch_equal_those_of_the_steps(make, settings):
    env = make(image_size=36, **settings)
    observation, _ = env.reset(seed=0)
    achieved, desired, rewards = [], [], []
    for _ in range(30):
        observation, reward, *_ = env.step(env.action_space.sample())
        achieved.append(observation["achieved_goal"])
        desired.append(observation["desired_goal"])
        rewards.append(reward)
    compute_reward = env.get_wrapper_attr("compute_reward")
    batch = compute_reward(np.stack(achieved), np.stack(desired), [{}] * 30)
    assert np.array_equal(batch, rewards)
    assert np.array_equal(compute_reward(np.stack(achieved), np.stack(achieved), {}), [0] * 30)


def test_rewards_at_the_edge_of_success_survive_single_precision(make):
    env = make(id="FetchReach-v4", image_size=36)
    desired = np.random.default_rng(0).uniform(0.5, 1.5, (1000, 3))
    offset = np.random.default_rng(1).normal(size=(1000, 3))
    offset *= 0.05 / np.linalg.norm(offset, axis=1, keepdims=True)
    for nearness, success in ((1 - 1e-5, 0), (1 + 1e-5, -1)):
        achieved = desired + offset * nearness
        rewards = env.compute_reward(achieved.astype(np.float32), desired.astype(np.float32), {})
        assert (rewards == success).all()  # half a micrometre either side


def test_the_truth_is_in_info_and_never_in_the_observation(make):
    env = make(image_size=36, proprioception=True)
    _, info = env.reset(seed=0)
    before = {key: value for key, value in info.items() if "position" in key}
    robot = env.unwrapped
    for _ in range(10):
        observation, *_, info = env.step(np.array([0.3, 0.6, -0.4, 0], np.float32))
    grip = robot._utils.get_site_xpos(robot.model, robot.data, "robot0:grip")
    block = robot._utils.get_site_xpos(robot.model, robot.data, "object0")
    velocity = robot._utils.get_site_xvelp(robot.model, robot.data, "robot0:grip")
    np.testing.assert_allclose(info["gripper_position"], grip)
    np.testing.assert_allclose(info["object_position"], block)
    np.testing.assert_allclose(info["gripper_velocity"], velocity, atol=1e-9)
    block_velocity = robot._utils.get_site_xvelp(robot.model, robot.data, "object0")
    np.testing.assert_allclose(info["object_velocity"], block_velocity, atol=1e-9)
    assert not np.allclose(before["gripper_position"], grip)
    own = robot._get_obs()["observation"]
    np.testing.assert_allclose(
        observation["proprioception"], own[[0, 1, 2, 9, 10, 20, 21, 22, 23, 24]], atol=1e-6
    )


def test_proprioception_of_reach_is_its_gripper(make):
    env = make(id="FetchReach-v4", image_size=36, proprioception=True)
    observation, _ = env.reset(seed=0)
    own = env.unwrapped._get_obs()["observation"]
    np.testing.assert_allclose(observation["proprioception"], own, atol=1e-6)


def test_other_cameras_draw_other_pictures(make):
    pictures = [
        make(camera=camera).reset(seed=0)[0]["pixels"] for camera in (None, "head_camera_rgb")
    ]
    assert not np.array_equal(*pictures)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"id": "FetchPusher-v4"}, "did you mean FetchPush-v4"),
        ({"id": "Nonsense"}, "choose one of FetchReach-v4"),
        ({"camera": "nowhere"}, "choose one of head_camera_rgb"),
        ({"image_size": 20}, "too small"),
        ({"frame_stack": 0}, "at least 1"),
        ({"frame_stack": 13, "image_size": 36}, "stack at most 12"),
        ({"offsamples": -1}, "use 0 or more"),
        ({"id": "no_such_package:Thing-v0"}, "cannot be made"),
        ({"id": ""}, "cannot be made"),
    ],
)
def test_bad_settings_are_named_in_one_line(settings, says):
    with pytest.raises(UnusableEnvironment, match=says) as caught:
        make_environment(EnvironmentSettings(**settings))
    assert "\n" not in str(caught.value)
