"""A restored environment goes on exactly as the one that was saved."""

import json

import numpy as np
import pytest
from stable_baselines3.common.monitor import Monitor

from goalscope.training.envs.making import make_environment
from goalscope.training.envs.resumable import ResumableEnv
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import TASKS


def make(task: str, **settings) -> ResumableEnv:
    wanted = EnvironmentSettings(id=task, image_size=36, **settings)
    return ResumableEnv(Monitor(make_environment(wanted)))


def roll(env, actions):
    seen = []
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        seen.append((observation, reward, truncated, info.get("episode", {}).get("r")))
        if terminated or truncated:
            seen.append((env.reset()[0], 0.0, False, None))
    return seen


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("settings", [{"frame_stack": 3}, {"shuffled_pixels": True}])
def test_a_restored_environment_goes_on_exactly(task, settings):
    saved, restored = make(task, **settings), make(task, **settings)
    saved.action_space.seed(0)
    saved.reset(seed=5)
    roll(saved, [saved.action_space.sample() for _ in range(67)])  # into the second episode
    arrays, values = saved.get_state()
    restored.set_state({k: v.copy() for k, v in arrays.items()}, json.loads(json.dumps(values)))
    actions = [saved.action_space.sample() for _ in range(60)]
    for one, other in zip(roll(saved, actions), roll(restored, actions), strict=True):
        assert one[1:] == other[1:]
        for key in one[0]:
            assert np.array_equal(one[0][key], other[0][key]), key
    saved.close()
    restored.close()


def test_a_block_in_the_air_goes_on_in_an_environment_whose_block_lies_on_the_table():
    thrown, lying = make("FetchPush-v4"), make("FetchPush-v4")
    for env in (thrown, lying):
        env.reset(seed=1)
    robot = thrown.unwrapped
    place = robot._utils.get_joint_qpos(robot.model, robot.data, "object0:joint")
    robot._utils.set_joint_qpos(robot.model, robot.data, "object0:joint", place + np.eye(7)[2])
    roll(thrown, [thrown.action_space.sample()])
    arrays, values = thrown.get_state()
    lying.set_state(arrays, json.loads(json.dumps(values)))
    actions = [thrown.action_space.sample() for _ in range(20)]
    for one, other in zip(roll(thrown, actions), roll(lying, actions), strict=True):
        assert np.array_equal(one[0]["achieved_goal"], other[0]["achieved_goal"])
    thrown.close()
    lying.close()
