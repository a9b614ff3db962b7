"""An input that a policy uses costs success when it is withheld, another nothing."""

from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
from conftest import POINT

from goalscope.errors import UserError
from goalscope.training.envs.making import make_environment
from goalscope.training.evaluation.ablation import ablate, mean_with_interval
from goalscope.training.evaluation.value_bias import _return, bias_values


class ToGoal:
    """Goes straight to the goal it is shown from where it is shown to be; it looks at no image."""

    def predict(self, observation, deterministic=False):
        move = observation["desired_goal"] - observation["achieved_goal"]
        return np.clip(move, -1, 1), None


@pytest.fixture(scope="module")
def found():
    env = make_environment(POINT)
    yield ablate(ToGoal(), env, ["pixels", "desired_goal", "goal"], episodes=12, seed=5)
    env.close()


def test_what_is_used_costs_and_what_is_not_costs_nothing(found):
    assert found["ablation/policy.success_rate"] == 1
    for way in ("shuffled", "blanked", "delayed"):
        assert found[f"ablation/policy.pixels.{way}_success_rate"] == 1
        assert found[f"ablation/policy.pixels.{way}_return_loss_mean"] == 0
    for key in ("desired_goal", "goal"):
        for way in ("shuffled", "blanked"):
            assert found[f"ablation/policy.{key}.{way}_success_high"] < 0.8
            assert found[f"ablation/policy.{key}.{way}_return_loss_low"] > 0
    # A goal that stays where it is loses nothing by being five steps old; where one is does.
    assert found["ablation/policy.desired_goal.delayed_success_rate"] == 1
    assert found["ablation/policy.goal.delayed_return_loss_mean"] > 0


def test_an_input_that_there_is_not_is_refused():
    env = make_environment(POINT)
    with pytest.raises(UserError, match=r"depth names no input.* achieved_goal"):
        ablate(ToGoal(), env, ["depth"], 2, 0)
    env.close()


def test_the_bias_is_of_value_minus_return():
    found = bias_values([1.0, 2.0, 6.0], [0.0, 0.0, 3.0])
    assert found["ablation/critic.bias_mean"] == pytest.approx(2)
    half = 4.302652729911275 * 1 / np.sqrt(3)  # t of 2 degrees of freedom
    assert found["ablation/critic.bias_low"] == pytest.approx(2 - half)
    assert found["ablation/critic.discounted_return"] == 1
    assert mean_with_interval([2.0, 2.0]) == {"mean": 2, "low": 2, "high": 2}


class Counting(gym.Env):
    """Pays 1 at each step."""

    def reset(self, *, seed=None, options=None):
        return {}, {}

    def step(self, action):
        return {}, 1.0, False, False, {}


def test_the_return_is_played_past_a_time_limit_and_no_other_end():
    still = SimpleNamespace(predict=lambda *_, **__: (0, None))
    expected = sum(0.9**step for step in range(29))
    limited = gym.wrappers.TimeLimit(Counting(), 4)
    limited.reset()
    assert _return(still, limited, {}, 0.9, 29) == pytest.approx(expected)

    class Cut(gym.Wrapper):
        def step(self, action):
            return {}, 1.0, False, True, {}

    assert _return(still, Cut(Counting()), {}, 0.9, 29) is None
