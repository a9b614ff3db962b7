"""Evaluation against stock SB3; it leaves training bit for bit as it was; what is due, when."""

import json

import numpy as np
import pytest
from conftest import POINT
from gymnasium import Wrapper
from helpers.identity import assert_identical, generators, trained
from stable_baselines3.common.evaluation import evaluate_policy

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.record import read_run
from goalscope.diagnostics.record.successes import wilson_interval
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import PIXEL_POINT
from goalscope.training.evaluation.episodes import (
    EvaluationCallback,
    NotEvaluable,
    evaluate,
)


@pytest.fixture
def env():
    made = make_environment(POINT)
    yield made
    made.close()


class ToGoal:
    """Moves the point straight to the goal."""

    def predict(self, observation, deterministic=False):
        assert deterministic
        move = observation["desired_goal"] - observation["achieved_goal"]
        return np.clip(move, -1, 1), None


def test_a_skilful_policy_succeeds_and_an_untrained_one_does_not(env, make_agent):
    skilful = evaluate(ToGoal(), env, 4)
    assert skilful.successes == skilful.episodes == 4
    assert max(skilful.final_distances) < 0.5  # what counts as reached
    untrained = evaluate(make_agent(), env, 4)
    assert untrained.success_rate < 1
    assert untrained.final_distance > skilful.final_distance
    assert untrained.mean_return < skilful.mean_return


def test_it_equals_the_episodes_played_by_hand_and_stock_sb3(env, make_agent):
    agent = make_agent()
    found = evaluate(agent, env, 3, seed=11)
    distances, successes, returns = [], [], []
    for seed in (11, 12, 13):
        observation, _ = env.reset(seed=seed)
        rewards = []
        for _ in range(25):
            action, _ = agent.policy.predict(observation, deterministic=True)
            observation, reward, _, _, info = env.step(action)
            rewards.append(reward)
        apart = observation["achieved_goal"] - observation["desired_goal"]
        distances.append(float(np.sqrt((apart**2).sum())))
        successes.append(info["is_success"])
        returns.append(sum(rewards))
    assert found.final_distances == pytest.approx(distances, rel=1e-6)
    assert found.successes == sum(successes)
    assert found.mean_return == np.mean(returns)
    assert found.final_distance == pytest.approx(np.median(distances), rel=1e-6)
    assert found.final_distance_mean == pytest.approx(np.mean(distances), rel=1e-6)

    class Seeded(Wrapper):
        """Gives stock SB3's evaluation, which cannot seed, the same starts."""

        seeds = iter((11, 12, 13, None))

        def reset(self, **kwargs):
            return self.env.reset(seed=next(self.seeds))

    stock, _ = evaluate_policy(agent, Seeded(env), n_eval_episodes=3, warn=False)
    assert found.mean_return == stock


@pytest.mark.parametrize("task", [PIXEL_POINT.name, "FetchReach-v4", "FetchPush-v4"])
def test_goals_that_are_not_observed_count_all_the_same(task):
    class Idle:
        def predict(self, observation, deterministic):
            return np.zeros_like(env.action_space.low), None

    found = []
    for goals in (True, False):
        settings = EnvironmentSettings(id=task, pixels=False, state=True, goals=goals)
        env = make_environment(settings)
        found.append(evaluate(Idle(), env, 2))
        env.close()
    assert found[0].final_distances == pytest.approx(found[1].final_distances, rel=1e-5)
    assert found[0].successes == found[1].successes


def test_distances_of_a_fetch_task_are_in_centimetres():
    env = make_environment(EnvironmentSettings(id="FetchReach-v4", pixels=False))
    observation, _ = env.reset(seed=5)
    far = np.linalg.norm(observation["achieved_goal"] - observation["desired_goal"])

    class Idle:
        def predict(self, observation, deterministic):
            return np.zeros(4, np.float32), None

    found = evaluate(Idle(), env, 1, seed=5)
    env.close()
    assert found.final_distance == pytest.approx(100 * far, abs=1)  # the arm settles a little
    assert found.metrics()["evaluation/policy.final_distance_cm"] == found.final_distance


def test_every_evaluation_meets_the_same_starts(env):
    first = evaluate(ToGoal(), env, 3)
    env.reset(seed=1)
    env.step(env.action_space.sample())
    assert evaluate(ToGoal(), env, 3) == first
    assert evaluate(ToGoal(), env, 3, seed=5) != first


def test_generators_and_module_modes_stay_as_they_were(env, make_agent):
    agent = make_agent()
    agent.policy.train()
    agent.critic.eval()
    modes = [module.training for module in agent.policy.modules()]
    before = generators()
    evaluate(agent, env, 1)
    evaluate(agent.policy, env, 1)
    assert generators() == before
    assert [module.training for module in agent.policy.modules()] == modes
    assert True in modes
    assert False in modes


@pytest.mark.parametrize(("successes", "episodes"), [(0, 20), (1, 20), (7, 50), (20, 20)])
def test_the_interval_is_wilsons(successes, episodes):
    z, p = 1.959963984540054, successes / episodes
    middle = (p + z**2 / (2 * episodes)) / (1 + z**2 / episodes)
    half = z / (1 + z**2 / episodes)
    half *= np.sqrt(p * (1 - p) / episodes + z**2 / (4 * episodes**2))
    low, high = wilson_interval(successes, episodes)
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-12)
    assert 0 <= low <= p <= high <= 1


def test_what_cannot_be_evaluated_is_said(env):
    with pytest.raises(ValueError, match="0 episodes"):
        evaluate(ToGoal(), env, 0)
    with pytest.raises(ValueError, match="0 steps"):
        EvaluationCallback(env, print, 0)
    with pytest.raises(ValueError, match="-1 episodes"):
        EvaluationCallback(env, print, 10, episodes=-1)

    class Silent(Wrapper):
        def step(self, action):
            return *self.env.step(action)[:-1], {}

    with pytest.raises(NotEvaluable, match="is_success"):
        evaluate(ToGoal(), Silent(env), 1)


def test_evaluating_moves_no_weight_no_generator_and_no_other_number(make_agent, env, tmp_path):
    alone = trained(make_agent, ModalityDiagnostics(tmp_path / "alone", sensitivity_every=None))
    left_alone = generators()
    action = alone.action_space.sample()
    diagnostics = ModalityDiagnostics(tmp_path / "beside", sensitivity_every=None)
    callback = EvaluationCallback(env, diagnostics.record, 50, episodes=1)
    beside = trained(make_agent, [callback, diagnostics])
    assert generators() == left_alone
    assert np.array_equal(beside.action_space.sample(), action)
    assert_identical(alone, beside)
    assert diagnostics.failures == {}
    records = [read_run(tmp_path / name) for name in ("alone", "beside")]
    added = [line for line in records[1].lines if "evaluation/policy.episodes" in line.values]
    assert [line for line in records[1].lines if line not in added] == list(records[0].lines)
    assert [(line.step, line.update) for line in added] == [(0, 0), (50, 0), (80, 20)]
    assert records[1].lines[-1].event == "end"
    assert set(added[0].values) == {
        f"evaluation/policy.{name}"
        for name in (
            "success_rate",
            "success_low",
            "success_high",
            "episodes",
            "final_distance_goal_units",
            "final_distance_mean_goal_units",
            "return",
        )
    }
    last = evaluate(beside, env, 1).metrics()
    assert added[-1].values == pytest.approx(last)


def test_a_failing_evaluation_is_counted_and_training_goes_on(make_agent, env, tmp_path):
    class Broken(Wrapper):
        def reset(self, **kwargs):
            raise RuntimeError("no camera")

    diagnostics = ModalityDiagnostics(tmp_path / "run", sensitivity_every=None)
    trained(make_agent, [EvaluationCallback(Broken(env), diagnostics.record, 100), diagnostics])
    assert diagnostics.failures == {"evaluation": 2}
    assert [line.details["cause"] for line in read_run(tmp_path / "run").failures] == [
        "RuntimeError: no camera"
    ] * 2


def test_what_is_due_follows_from_the_steps_and_survives_a_resume():
    env = None

    class Agent:
        num_timesteps = 0

    def watch(steps, state=None, ends=False):
        found = []
        callback = EvaluationCallback(
            env, lambda name, measure: found.append(Agent.num_timesteps), 20, episodes=1
        )
        callback.model = Agent()
        if state is not None:
            callback.load_state_dict(json.loads(json.dumps(state)))
        for Agent.num_timesteps in steps:
            callback.on_rollout_start()
        if ends:
            callback.on_training_end()
        return found, callback.state_dict()

    whole, _ = watch(range(0, 105, 8), ends=True)
    assert whole == [0, 24, 40, 64, 80, 104]
    first, state = watch(range(0, 57, 8))
    second, _ = watch(range(56, 105, 8), state, ends=True)
    assert first + second == whole
    assert watch([0, 8, 16], {"last_step": 104})[0] == [0]  # a second `learn` begins anew
    assert watch([0], ends=True)[0] == [0]
