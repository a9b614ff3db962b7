"""`--env` takes an environment of a user's own: by what returns it, or by a registered id."""

import sys
from dataclasses import replace

import pytest

from goalscope.diagnostics.material.channels_first import NotDict
from goalscope.diagnostics.record import read_run
from goalscope.errors import UserError
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.observing import UnusableEnvironment
from goalscope.training.envs.own import shown_by
from goalscope.training.envs.tasks import PIXEL_POINT
from goalscope.training.runs.run import train
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings, SettingsError
from goalscope.training.runs.validation import check

MAKER = """
import gymnasium as gym
import numpy as np
from gymnasium import spaces

from goalscope.training.envs.pixel_point import PixelPointEnv


class Lights(gym.Env):
    '''Three lamps, of which the lit one is to be named: no goals, discrete actions.'''

    action_space = spaces.Discrete(3)

    def __init__(self, side=36):
        self.observation_space = spaces.Dict(
            camera=spaces.Box(0, 255, (side, side, 3), np.uint8), clock=spaces.Box(0, 1, (1,))
        )

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.look(), {}

    def step(self, action):
        reward = float(action == self.lit)
        self.steps += 1
        return self.look(), reward, False, self.steps == 10, {}

    def look(self):
        self.lit = int(self.np_random.integers(3))
        image = np.zeros(self.observation_space["camera"].shape, np.uint8)
        image[:, 12 * self.lit : 12 * self.lit + 12] = 255
        return {"camera": image, "clock": np.float32([self.steps / 10])}


def lights():
    return Lights()


def tiny():
    return Lights(side=20)


def point():
    return gym.wrappers.TimeLimit(PixelPointEnv(), 25)


class Paid(gym.RewardWrapper):
    def reward(self, reward):
        return reward + 1

    def compute_reward(self, achieved, desired, info):
        return self.unwrapped.compute_reward(achieved, desired, info) + 1


def paid():
    return gym.wrappers.TimeLimit(Paid(PixelPointEnv()), 25)


class Endless(PixelPointEnv):
    goal_task = None


def endless():
    return Endless()


def vector():
    return gym.make("Pendulum-v1")
"""
REGISTERED = "goalscope.training.envs.making:PixelPoint-v0"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The file whose functions return environments; its module's name is of no other test."""
    file = tmp_path_factory.mktemp("own") / "own_environments_here.py"
    file.write_text(MAKER)
    path = list(sys.path)
    yield str(file)
    sys.path[:] = path


def settings(out, env, **changes) -> RunSettings:
    given = RunSettings(
        arm="plain",
        out=out,
        env=env,
        algorithm="ppo",
        total_steps=64,
        learning_starts=32,
        batch_size=16,
        net_arch=(16,),
        every=Cadence(sensitivity=50),
        evaluation=EvaluationSettings(every=64, episodes=2),
        threads=1,
        device="cpu",
    )
    return replace(given, **changes)


def test_a_task_without_goals_trains_is_evaluated_and_goes_on(own, tmp_path):
    run = settings(tmp_path / "run", f"{own}:lights")
    train(run)
    train(replace(run, total_steps=96))
    record = read_run(tmp_path / "run")
    assert [line.details["lost_environments"] for line in record.resumes] == [True]
    assert [line for line in record.lines if line.event == "failure"] == []
    returns = [line.values for line in record.lines if "evaluation/policy.return" in line.values]
    assert len(returns) >= 2
    assert all("evaluation/policy.success_rate" not in values for values in returns)
    assert any("features/critic.camera.spread" in line.values for line in record.lines)
    kept = record.info.settings
    assert {key for key in kept if key.startswith("env.")} == {"env.id", "env.pixels", "env.goals"}


def test_a_registered_id_is_as_good_and_says_its_task():
    shown = shown_by(REGISTERED)
    assert shown.task == PIXEL_POINT
    assert shown.goals
    assert shown.keeps
    assert shown.images == ("pixels",)


def test_hindsight_and_shared_frames_work_where_the_environment_keeps_its_state(own, tmp_path):
    asked = settings(
        tmp_path / "run",
        f"{own}:point",
        arm="pixel-her-drq",
        algorithm="td3",
        learning_starts=48,
        evaluation=EvaluationSettings(every=0),
    )
    check(asked)
    train(asked)
    assert read_run(tmp_path / "run").failures == []


def test_images_are_shown_as_agents_see_them(own):
    env = make_environment(settings("", f"{own}:lights").environment)
    assert env.observation_space["camera"].shape == (3, 36, 36)
    assert env.reset(seed=0)[0]["camera"].shape == (3, 36, 36)


@pytest.mark.parametrize(
    ("maker", "changes", "says"),
    [
        ("lights", {"algorithm": "sac"}, "--algorithm ppo"),
        ("lights", {"arm": "goal-only", "algorithm": "ppo"}, "hindsight"),
        ("endless", {"arm": "pixel-her", "algorithm": "sac"}, "TimeLimit"),
        ("point", {"arm": "plain+stack4"}, "shows what it shows"),
        ("point", {"camera": "close"}, "--camera is of goalscope's own tasks"),
        ("tiny", {}, "too small"),
        ("nothing", {}, "cannot be imported"),
        ("paid", {"arm": "pixel-her+target-clip", "algorithm": "sac"}, "rewards from -1 to 0"),
        ("lights", {"arm": "plain+gain"}, "called pixels"),
        ("lights", {"arm": "plain+goal-std"}, "standardises goals"),
    ],
)
def test_what_it_cannot_be_asked_for_is_refused(own, tmp_path, maker, changes, says):
    with pytest.raises(UserError, match=says) as caught:
        check(settings(tmp_path, f"{own}:{maker}", **changes))
    assert isinstance(caught.value, SettingsError | UnusableEnvironment)


def test_what_is_no_dict_or_not_there_is_refused(own, tmp_path):
    with pytest.raises(NotDict, match="Dict"):
        check(settings(tmp_path, f"{own}:vector"))
    with pytest.raises(UnusableEnvironment, match="module:function"):
        check(settings(tmp_path, "NoSuchTask-v0"))
