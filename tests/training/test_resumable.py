"""A restored environment goes on exactly as the one that was saved."""

import json

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import FrameStackObservation, NormalizeReward, TransformReward
from stable_baselines3.common.monitor import Monitor

from goalscope.training.envs.keeping import keeps
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.resumable import LOST, ResumableEnv
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


class Counting(gym.Wrapper):
    """Keeps how many steps it has seen, under a name that others may give, too."""

    steps = 0

    def step(self, action):
        self.steps += 1
        return super().step(action)

    def get_state(self):
        return {"pool": np.array([self.steps])}, {"elapsed_steps": self.steps}

    def set_state(self, arrays, values):
        assert arrays["pool"][0] == values["elapsed_steps"]
        self.steps = values["elapsed_steps"]


def wrapped():
    point = make_environment(EnvironmentSettings(id="PixelPoint-v0", image_size=36))
    return ResumableEnv(Counting(Monitor(Counting(point))))


def test_layers_that_give_one_name_are_kept_apart():
    saved, restored = wrapped(), wrapped()
    saved.reset(seed=0)
    roll(saved, [np.zeros(2)] * 7)
    saved.env.steps = 100
    arrays, values = saved.get_state()
    restored.set_state(arrays, json.loads(json.dumps(values)))
    assert [restored.env.steps, restored.env.env.env.steps] == [100, 7]
    assert restored.get_wrapper_attr("_elapsed_steps") == 7


@pytest.mark.parametrize(
    ("wrap", "kept"),
    [
        (lambda env: FrameStackObservation(env, 3), False),
        (lambda env: NormalizeReward(env), False),
        (lambda env: TransformReward(env, float), True),
        (lambda env: Counting(TransformReward(Counting(env), float)), True),
    ],
)
def test_a_wrapper_whose_state_is_not_kept_is_told(wrap, kept):
    env = wrap(make_environment(EnvironmentSettings(id="PixelPoint-v0", image_size=36)))
    assert keeps(env) == kept
    env.reset(seed=0)
    assert (LOST in ResumableEnv(env).get_state()[1]) == (not kept)
