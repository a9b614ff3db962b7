"""Success that SB3's EvalCallback measures: recorded as it is logged, and nothing changed by it."""

import logging

import numpy as np
import pytest
from helpers.identity import assert_identical
from helpers.point_env import PointEnv
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.callbacks import EvalCallback, EveryNTimesteps
from stable_baselines3.common.monitor import Monitor

from goalscope.diagnostics import FeatureStatistics, ModalityDiagnostics
from goalscope.diagnostics.logged_evaluations import evaluation_values
from goalscope.diagnostics.record import read_run
from goalscope.diagnostics.record.metrics import (
    EVALUATION_EPISODES,
    EVALUATION_RETURN,
    SUCCESS_HIGH,
    SUCCESS_LOW,
    SUCCESS_RATE,
)
from goalscope.diagnostics.record.successes import Successes, wilson_interval
from goalscope.reports import Thresholds, write_report
from goalscope.reports.claims.success import run_success_sentence, success_sentence
from goalscope.reports.figures.style import arm_styles
from goalscope.reports.figures.success import success_plot
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run

STEPS = 60
UPDATES = [0, 19, 39]


class Tells(PointEnv):
    """Says in which half of the plane the point ends, and calls that success."""

    def step(self, action):
        observation, reward, terminated, truncated, _ = super().step(action)
        return observation, reward, terminated, truncated, {"is_success": self.point[0] > 0}


def evaluator(env=Tells, **options):
    options = {"n_eval_episodes": 8, "eval_freq": 20, "verbose": 0} | options
    made = Monitor(env())
    made.reset(seed=7)  # EvalCallback itself seeds nothing
    return EvalCallback(made, **options)


def trained(*callbacks):
    model = SAC(
        "MultiInputPolicy",
        Tells(),
        replay_buffer_class=HerReplayBuffer,
        buffer_size=100,
        learning_starts=20,
        batch_size=16,
        policy_kwargs={"net_arch": [16]},
        seed=0,
    )
    return model.learn(STEPS, callback=list(callbacks))


@pytest.mark.parametrize("first", [True, False])
def test_each_evaluation_is_recorded_with_its_interval(tmp_path, first):
    watch, evaluation = ModalityDiagnostics(tmp_path / "run"), evaluator()
    model = trained(*([watch, evaluation] if first else [evaluation, watch]))
    run = load_run(tmp_path / "run")
    table = run.evaluations
    assert table["step"].tolist() == [20, 40, 60]
    assert table["update"].tolist() == UPDATES
    assert (table["episodes"] == 8).all()
    for row in table.itertuples():
        assert (row.low, row.high) == wilson_interval(round(8 * row.value), 8)
    returns = run.metrics[EVALUATION_RETURN.key()]["value"]
    assert returns.iloc[-1] == evaluation.last_mean_reward
    settings = run.settings
    assert settings["evaluation.by"] == "EvalCallback"
    assert (settings["evaluation.episodes"], settings["evaluation.deterministic"]) == (8, True)
    assert watch.failures == {}
    assert not any("Evaluations" in type(f).__name__ for f in model.logger.output_formats)


def test_the_page_shows_it(tmp_path, few_figures):
    trained(ModalityDiagnostics(tmp_path / "run"), evaluator())
    page = write_report(tmp_path / "run")
    assert "of 8 episodes" in page.success
    plot = success_plot({"run": [load_run(tmp_path / "run")]}, arm_styles(["run"]), by_update=False)
    assert plot.title == "Success"
    assert "As evaluated by SB3's EvalCallback: 8 episodes" in plot.caption
    assert "istance" not in plot.caption
    assert len(plot.make().axes) == 1


def test_reading_it_changes_nothing(tmp_path):
    plain = evaluator(log_path=str(tmp_path / "plain"))
    watched = evaluator(log_path=str(tmp_path / "watched"))
    one = trained(plain)
    other = trained(watched, ModalityDiagnostics(tmp_path / "run"))
    assert_identical(one, other)
    for name in ("timesteps", "results", "successes"):
        logs = (np.load(tmp_path / f"{kind}/evaluations.npz") for kind in ("plain", "watched"))
        first, second = (log[name] for log in logs)
        assert np.array_equal(first, second)


def test_one_inside_another_callback_is_found(tmp_path):
    trained(EveryNTimesteps(10, evaluator(eval_freq=1)), FeatureStatistics(tmp_path / "run"))
    assert load_run(tmp_path / "run").settings["evaluation.episodes"] == 8


def test_of_several_the_episodes_are_not_known(tmp_path):
    trained(evaluator(), evaluator(n_eval_episodes=2), FeatureStatistics(tmp_path / "run"))
    run = load_run(tmp_path / "run")
    assert "evaluation.by" not in run.settings
    assert run.evaluations["episodes"].isna().all()


def test_an_environment_that_tells_nothing_of_success(tmp_path):
    trained(evaluator(PointEnv), FeatureStatistics(tmp_path / "run"))
    run = load_run(tmp_path / "run")
    assert run.evaluations.empty
    assert EVALUATION_RETURN.key() in run.metrics


def test_an_evaluation_of_ours_is_the_one_that_counts(tmp_path):
    class Ours(FeatureStatistics):
        def _on_rollout_start(self):
            super()._on_rollout_start()
            if self.num_timesteps == 0:
                self.record("evaluation", lambda _: Successes(1, 4).metrics())

    trained(evaluator(), Ours(tmp_path / "run"))
    assert load_run(tmp_path / "run").evaluations["episodes"].tolist() == [4]


def test_what_cannot_be_read_is_counted_and_training_goes_on(tmp_path, caplog):
    class Odd(EvalCallback):
        def _on_step(self):
            self.logger.record("eval/success_rate", "very good")
            self.logger.dump(self.num_timesteps)
            return True

    watch = FeatureStatistics(tmp_path / "run")
    with caplog.at_level(logging.WARNING):
        trained(Odd(Monitor(Tells())), watch)
    assert watch.failures["evaluation"] == STEPS
    assert read_run(tmp_path / "run").end is not None


@pytest.mark.parametrize(("rate", "episodes"), [(0.5, None), (0.55, 8), (1.5, 8)])
def test_an_interval_that_is_not_known_is_left_out(rate, episodes):
    found = evaluation_values({"eval/success_rate": rate}, episodes)
    assert found == {SUCCESS_RATE.key(): rate}
    whole = evaluation_values({"eval/success_rate": np.float32(0.7)}, 10)
    assert whole[EVALUATION_EPISODES.key()] == 10
    assert (whole[SUCCESS_LOW.key()], whole[SUCCESS_HIGH.key()]) == wilson_interval(7, 10)
    assert evaluation_values({"rollout/success_rate": 0.5}, 8) == {}


def test_a_rate_of_an_unknown_number_of_episodes_is_said_and_not_tested(tmp_path):
    for seed in (0, 1):
        watch = FeatureStatistics(tmp_path / f"run-{seed}")
        trained(evaluator(), evaluator(n_eval_episodes=2), watch)
    folders = {"a": [tmp_path / "run-0"], "b": [tmp_path / "run-1"]}
    said = run_success_sentence(load_run(tmp_path / "run-0"))
    assert "how many they are is not known" in said
    assert "how many they are is not known" in success_sentence(load_arms(folders), Thresholds())
