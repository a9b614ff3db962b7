"""Agents as people write them: delayed actors, clipping optimisers, whatever keys, broken runs."""

import copy
import json
import logging

import gymnasium as gym
import numpy as np
import pytest
import torch
from helpers.more_keys import MoreKeys, vector_agent
from helpers.point_env import PointEnv
from stable_baselines3 import SAC, TD3
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import CSVOutputFormat, configure

from goalscope.diagnostics import FeatureStatistics, GradientBalance, ModalityDiagnostics
from goalscope.diagnostics.instruments.feature_statistics import FeatureInstrument
from goalscope.diagnostics.record import read_run
from goalscope.diagnostics.updates import routing as routing_module
from goalscope.reports.findings.diagnosis import diagnose
from goalscope.reports.numbers.runs import load_run

SIGNAL = "signal/{}.desired_goal.share"
GRADIENT = "gradient/{}.desired_goal.fusion_gradient"


def updates_of(folder, key):
    return [line.update for line in read_run(folder).measurements if key in line.values]


@pytest.mark.parametrize("delay", [2, 3])
def test_what_is_due_of_a_delayed_actor_stays_so_until_its_next_step(tmp_path, delay):
    callback = ModalityDiagnostics(tmp_path / "run", sensitivity_every=None)
    vector_agent(TD3, policy_delay=delay).learn(330, callback=callback)
    run = read_run(tmp_path / "run")
    assert run.failures == []
    critic = updates_of(tmp_path / "run", SIGNAL.format("critic"))
    actor = updates_of(tmp_path / "run", SIGNAL.format("actor"))
    steps = updates_of(tmp_path / "run", GRADIENT.format("actor_loss"))
    assert [update for update in critic if update >= 120] == [150, 200, 250, 300]
    for due in (150, 200, 250, 300):  # seen within one delay of it, and not twice
        assert len([u for u in actor if due <= u < due + delay]) == 1
        assert len([u for u in steps if due <= u < due + delay]) == 1
    # What is read before a step is the state after the update before it.
    assert all((update + 1) % delay == 0 for update in actor)
    assert all(update % delay == 0 for update in steps)


@pytest.mark.parametrize(("agent", "paid"), [(SAC, True), (TD3, False)])
def test_an_entropy_coefficient_is_told_of_agents_that_have_one(tmp_path, agent, paid):
    callback = ModalityDiagnostics(tmp_path / "run", sensitivity_every=None)
    vector_agent(agent).learn(40, callback=callback)
    assert bool(updates_of(tmp_path / "run", "training/entropy.coefficient")) is paid


def test_a_target_that_moves_late_is_said_to_follow(tmp_path):
    callback = FeatureStatistics(tmp_path / "run")
    vector_agent(TD3, policy_delay=3, tau=0.01).learn(40, callback=callback)
    rows = {(r["network"], r["group"]): r for r in read_run(tmp_path / "run").routing}
    assert rows["critic_target", "qf0"]["target"] == "follows the critic's qf0, tau 0.01"


def test_a_target_that_never_moves_is_said_to_stand_still(tmp_path):
    callback = FeatureStatistics(tmp_path / "run")
    vector_agent(SAC, tau=0.0).learn(60, callback=callback)
    rows = {(r["network"], r["group"]): r for r in read_run(tmp_path / "run").routing}
    assert rows["critic_target", "qf0"]["target"] == "did not move in the first 40 updates"


class Clipping(torch.optim.Adam):
    """Clips gradients, then steps as Adam does."""

    def step(self, closure=None):
        for group in self.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], 1e-3)
        return super().step(closure)


def test_an_optimiser_that_calls_the_step_of_its_base_counts_once(tmp_path):
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])  # torch hooks a class when it is used
    settings = {"policy_kwargs": {"net_arch": [16], "optimizer_class": Clipping}}
    agent = vector_agent(SAC, **settings)
    callback = ModalityDiagnostics(tmp_path / "run", gradients_every=1, sensitivity_every=None)
    agent.learn(46, callback=callback)
    assert read_run(tmp_path / "run").failures == []
    assert updates_of(tmp_path / "run", GRADIENT.format("critic_loss")) == [*range(1, 27)]
    # The gradients are the loss's own: what clipping makes of them shows in the step.
    lines = read_run(tmp_path / "run").measurements
    key = "gradient/critic_loss.action.weight_gradient"
    assert max(line.values.get(key, 0.0) for line in lines) > 1e-3


class Stop(Exception):
    pass


class StopsAt(BaseCallback):
    """Raises in a step of the environment, as Ctrl-C may."""

    def _on_step(self):
        if self.num_timesteps == 40:
            raise KeyboardInterrupt
        return True


def broken_off(agent, callback, where, monkeypatch):
    """Let an exception end a watched training: between updates, or within one."""
    if where == "rollout":
        with pytest.raises(KeyboardInterrupt):
            agent.learn(100, callback=[callback, StopsAt()])
        return
    step = agent.actor.optimizer.step
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(None)
        if len(calls) == 20:
            raise Stop
        return step(*args, **kwargs)

    monkeypatch.setattr(agent.actor.optimizer, "step", interrupted)
    with pytest.raises(Stop):
        agent.learn(100, callback=callback)
    monkeypatch.undo()


def hooks_on(agent):
    modules = [hook for m in agent.policy.modules() for hook in (*m._forward_hooks.values(),)]
    optimisers = (agent.actor.optimizer, agent.critic.optimizer)
    return len(modules) + sum(
        len(o._optimizer_step_pre_hooks) + len(o._optimizer_step_post_hooks) for o in optimisers
    )


@pytest.mark.parametrize("where", ["rollout", "update"])
def test_hooks_end_with_the_training_that_an_exception_ended(tmp_path, monkeypatch, where):
    agent = vector_agent(SAC)
    callback = ModalityDiagnostics(tmp_path / "run", features_every=1, gradients_every=1)
    broken_off(agent, callback, where, monkeypatch)
    record = (tmp_path / "run" / "measurements.jsonl").read_bytes()
    agent.learn(60, reset_num_timesteps=where == "rollout")
    assert (tmp_path / "run" / "measurements.jsonl").read_bytes() == record
    assert hooks_on(agent) == 0


@pytest.mark.parametrize("where", ["rollout", "update"])
def test_the_same_callback_goes_on_after_an_exception(tmp_path, monkeypatch, where):
    agent = vector_agent(SAC)
    callback = ModalityDiagnostics(
        tmp_path / "run", features_every=1, gradients_every=1, sensitivity_every=None
    )
    broken_off(agent, callback, where, monkeypatch)
    agent.learn(60, callback=callback, reset_num_timesteps=False)
    assert callback.failures == {}
    pairs = [
        (line.step, line.update, key)
        for line in read_run(tmp_path / "run").measurements
        for key in line.values
    ]
    assert len(pairs) == len(set(pairs))
    assert hooks_on(agent) == 0


ANY_KEYS = {
    "buttons": gym.spaces.MultiBinary(3),
    "gears": gym.spaces.MultiDiscrete([2, 5]),
    "mode": gym.spaces.Discrete(4),
}


def test_discrete_keys_are_described_and_measured(tmp_path):
    callback = ModalityDiagnostics(
        tmp_path / "run", settings={"width": np.int64(3), "path": tmp_path, "seen": np.ones(2)}
    )
    env = MoreKeys(PointEnv(), **ANY_KEYS)
    vector_agent(SAC, env=env).learn(40, callback=callback)
    run = read_run(tmp_path / "run")
    assert callback.failures == {}
    widths = {b["name"]: b["width"] for b in run.info.networks["critic"]["blocks"]}
    assert widths == {
        **{"achieved_goal": 2, "desired_goal": 2},
        **{"buttons": 3, "gears": 7, "mode": 4},
    }
    assert run.info.settings["width"] == 3
    assert run.nonfinite() == {}
    found = {key: v for line in run.measurements for key, v in line.values.items()}
    assert found["transitions/replay.mode.differs"] == 0


def test_what_is_written_at_the_start_never_ends_training(
    tmp_path, monkeypatch, caplog, few_figures
):
    def broken(*_, **__):
        raise TypeError("Object of type Gear is not JSON serializable")

    monkeypatch.setattr("goalscope.diagnostics.watch.describe_run", broken)
    monkeypatch.setattr(routing_module, "parameter_groups", broken)
    monkeypatch.setattr("goalscope.diagnostics.material.probe_set.ProbeSet.save", broken)
    callback = ModalityDiagnostics(tmp_path / "run")
    with caplog.at_level(logging.WARNING, logger="goalscope"):
        vector_agent(SAC).learn(40, callback=callback)
    told = [r.getMessage() for r in caplog.records if r.name == "goalscope"]
    assert {name: sum(f"{name} failed" in m for m in told) for name in callback.failures} == (
        dict.fromkeys(("run_info", "routing", "probe_set"), 1)
    )
    run = read_run(tmp_path / "run")
    assert "Gear is not JSON" in run.failures[0].details["cause"]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["name"] == "run"
    assert updates_of(tmp_path / "run", SIGNAL.format("critic"))

    from goalscope.reports import write_report

    assert write_report(tmp_path / "run").page.exists()


def test_a_relative_folder_stays_where_it_was(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    callback = ModalityDiagnostics("run")
    monkeypatch.chdir(tmp_path / "elsewhere")
    vector_agent(SAC).learn(40, callback=callback)
    assert callback.failures == {}
    found = {path.name for path in (tmp_path / "run").iterdir()}
    assert found == {"run.json", "measurements.jsonl", "routing.json", "probe_set.safetensors"}
    assert not any((tmp_path / "elsewhere").iterdir())


def test_an_instrument_whose_keys_are_not_known_costs_its_own_alone(tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("no rehearsal")

    monkeypatch.setattr(FeatureInstrument, "keys", broken)
    agent = vector_agent(SAC)
    agent.set_logger(configure(str(tmp_path / "log"), ["csv"]))
    callback = ModalityDiagnostics(tmp_path / "run")
    agent.learn(10, callback=callback)
    assert callback.failures == {"dry_run": 1}
    (output,) = (f for f in agent.logger.output_formats if isinstance(f, CSVOutputFormat))
    assert GRADIENT.format("critic_loss") in output.keys
    assert SIGNAL.format("critic") not in output.keys


def test_curves_in_tensorboard_begin_with_a_number(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    agent = vector_agent(SAC)
    agent.set_logger(configure(str(tmp_path / "log"), ["tensorboard", "csv"]))
    callback = GradientBalance(tmp_path / "run", every=1)
    agent.learn(60, log_interval=1, callback=callback)
    events = EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    ours = [tag for tag in events.Tags()["scalars"] if tag.startswith("gradient/")]
    assert len(ours) > 10
    for tag in ours:
        assert np.isfinite([event.value for event in events.Scalars(tag)]).all(), tag


def test_an_agent_can_be_copied_while_it_is_watched(tmp_path):
    class Copies(BaseCallback):
        def _on_step(self):
            self.copied = copy.deepcopy(self.model.policy)
            return True

    callback = ModalityDiagnostics(tmp_path / "run")
    vector_agent(SAC).learn(30, callback=[callback, Copies()])
    assert callback.failures == {}


def test_none_of_this_changes_an_agent(tmp_path):
    for cls, settings in (
        (TD3, {"policy_delay": 3}),
        (SAC, {"policy_kwargs": {"net_arch": [16], "optimizer_class": Clipping}}),
    ):
        weights = []
        for callback in (
            None,
            ModalityDiagnostics(tmp_path / cls.__name__, features_every=1, gradients_every=1),
        ):
            agent = vector_agent(cls, env=MoreKeys(PointEnv(), **ANY_KEYS), **settings)
            agent.learn(60, callback=callback)
            weights.append(agent.policy.state_dict())
        for name, value in weights[0].items():
            assert torch.equal(value, weights[1][name]), name
        assert callback.failures == {}


class Poisoned(ModalityDiagnostics):
    """The actor's first weight turns NaN in the middle of training."""

    def _on_step(self):
        if self.model._n_updates == 15:
            with torch.no_grad():
                next(self.model.actor.parameters())[0] = torch.nan
        return super()._on_step()


def test_an_agent_that_acts_by_nan_is_measured_to_its_end(tmp_path):
    """TD3 goes on, where SAC's distribution refuses."""
    callback = Poisoned(tmp_path / "run", features_every=1, gradients_every=1, sensitivity_every=10)
    vector_agent(TD3).learn(140, callback=callback)
    assert callback.failures == {}
    assert max(updates_of(tmp_path / "run", SIGNAL.format("actor"))) > 20
    assert read_run(tmp_path / "run").nonfinite()[SIGNAL.format("actor")] == 15
    first, *_ = diagnose(load_run(tmp_path / "run")).findings
    assert first.check.name == "nan"
