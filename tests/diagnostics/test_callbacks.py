"""The callbacks as a user meets them: what is recorded, where it goes, and what failure costs."""

import logging
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from conftest import POINT
from helpers.identity import assert_identical
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.callbacks import CheckpointCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import configure

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.callbacks import FeatureStatistics, GoalSensitivity
from goalscope.diagnostics.instruments import gradient_balance as instruments_module
from goalscope.diagnostics.record import RecordError, read_run
from goalscope.probes import UnsupportedPolicy
from goalscope.training.envs.making import make_environment


def test_the_stdout_table_survives_the_long_keys(make_agent, tmp_path, capsys):
    agent = make_agent(verbose=1)
    agent.learn(90, log_interval=1, callback=FeatureStatistics(tmp_path / "run"))
    out = capsys.readouterr().out
    assert "rollout/" in out
    assert "features/" not in out


def test_tensorboard_gets_the_same_numbers(make_agent, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    agent = make_agent()
    agent.set_logger(configure(str(tmp_path / "tb"), ["tensorboard"]))
    agent.learn(90, log_interval=1, callback=FeatureStatistics(tmp_path / "run"))
    events = EventAccumulator(str(tmp_path / "tb"))
    events.Reload()
    logged = [e.value for e in events.Scalars("signal/critic.goal.share")]
    recorded = [
        line.values["signal/critic.goal.share"]
        for line in read_run(tmp_path / "run").measurements
        if "signal/critic.goal.share" in line.values
    ]
    finite = [value for value in logged if np.isfinite(value)]
    assert finite
    assert all(np.isclose(recorded, value, rtol=1e-5).any() for value in finite)


def test_a_measurement_that_raises_costs_nothing_but_itself(
    make_agent, tmp_path, monkeypatch, caplog
):
    plain = make_agent()
    plain.learn(75)

    def broken(*_: object) -> None:
        raise RuntimeError("the gradients are upside down")

    monkeypatch.setattr(instruments_module, "gradient_balance", broken)
    agent = make_agent()
    callback = ModalityDiagnostics(tmp_path / "run")
    with caplog.at_level(logging.WARNING, logger="goalscope"):
        agent.learn(75, callback=callback)
    assert_identical(plain, agent)
    warnings = [r.getMessage() for r in caplog.records if r.name == "goalscope"]
    assert len(warnings) == 2  # the dry run, and the first measurement: each told once
    assert "gradient_balance failed (RuntimeError: the gradients are upside down)" in warnings[1]
    run = read_run(tmp_path / "run")
    assert callback.failures == {"dry_run": 1, "gradient_balance": len(run.failures) - 1}
    assert len(run.failures) > 10
    assert run.failures[-1].details["count"] == len(run.failures) - 1
    assert any("signal/critic.goal.share" in line.values for line in run.measurements)
    assert run.end is not None


def test_a_run_that_torch_ends_for_its_nan_was_cut_off(make_agent, tmp_path):
    agent = make_agent()

    class Poison(ModalityDiagnostics):
        def _on_step(self) -> bool:
            if self.model._n_updates == 15:
                with torch.no_grad():
                    self.model.actor.features_extractor.extractors["pixels"].linear[0].weight[0] = (
                        torch.nan
                    )
            return super()._on_step()

    with pytest.raises(ValueError, match="constraint"):  # torch refuses to sample a NaN policy
        agent.learn(140, callback=Poison(tmp_path / "run", features_every=1))
    run = read_run(tmp_path / "run")
    assert run.end is None
    assert run.lines


def test_a_second_run_into_the_same_folder_is_refused(make_agent, tmp_path):
    make_agent().learn(62, callback=ModalityDiagnostics(tmp_path / "run"))
    before = (tmp_path / "run" / "measurements.jsonl").read_bytes()
    with pytest.raises(RecordError, match="already holds a run"):
        ModalityDiagnostics(tmp_path / "run")
    assert (tmp_path / "run" / "measurements.jsonl").read_bytes() == before


def test_learning_on_continues_the_same_record(make_agent, tmp_path):
    agent = make_agent()
    callback = ModalityDiagnostics(tmp_path / "run")
    agent.learn(75, callback=callback)
    agent.learn(15, callback=callback, reset_num_timesteps=False)
    run = read_run(tmp_path / "run")
    updates = [u.update for u in run.measurements if "signal/critic.goal.share" in u.values]
    assert updates == sorted(updates)
    assert max(updates) > 15


def test_a_watched_agent_can_be_saved_as_it_trains(make_agent, tmp_path):
    agent = make_agent()
    saving = CheckpointCallback(10, str(tmp_path / "saved"))
    agent.learn(80, callback=[ModalityDiagnostics(tmp_path / "run"), saving])
    loaded = SAC.load(tmp_path / "saved" / "rl_model_80_steps.zip", env=agent.get_env())
    for one, other in zip(
        agent.policy.state_dict().values(), loaded.policy.state_dict().values(), strict=True
    ):
        assert one.shape == other.shape
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in agent.policy.modules())


def test_several_environments_and_updates_per_step(tmp_path):
    env = make_vec_env(lambda: make_environment(POINT), n_envs=2, seed=0)
    agent = SAC(
        "MultiInputPolicy",
        env,
        replay_buffer_class=HerReplayBuffer,
        learning_starts=110,
        batch_size=16,
        buffer_size=400,
        gradient_steps=3,
        policy_kwargs={"net_arch": [16]},
        seed=0,
    )
    agent.learn(140, callback=ModalityDiagnostics(tmp_path / "run", sensitivity_every=20))
    env.close()
    run = read_run(tmp_path / "run")
    assert run.failures == []
    gradients = [
        u for u in run.measurements if "gradient/critic_loss.goal.update_ratio" in u.values
    ]
    assert [line.update for line in gradients][:10] == list(range(1, 11))
    assert gradients[2].step == gradients[0].step  # three updates in one step of two environments


def test_agents_that_cannot_be_watched_are_refused_in_one_line(make_agent, tmp_path):
    agent = make_agent()
    other = ModalityDiagnostics(tmp_path / "run", goal_keys=("achieved_goal", "target"))
    with pytest.raises(UnsupportedPolicy, match="goal_keys names target") as caught:
        agent.learn(8, callback=other)
    assert "\n" not in str(caught.value)
    state = SAC("MlpPolicy", "Pendulum-v1", learning_starts=5)
    with pytest.raises(UnsupportedPolicy, match="Dict observation"):
        state.learn(8, callback=GoalSensitivity())


def test_kill_9_leaves_every_whole_line(tmp_path, few_figures):
    folder = tmp_path / "run"
    command = [
        *(sys.executable, "-m", "goalscope.cli.main", "train", "pixel-her"),
        *("--env", "PixelPoint-v0", "--image-size", "36", "--batch-size", "16"),
        *("--total-steps", "100000", "--threads", "1", "--every.features", "1"),
        *("--every.gradients", "1", "--net-arch", "16", "--out", str(folder)),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        record = folder / "measurements.jsonl"
        for _ in range(600):
            if record.exists() and record.stat().st_size > 50_000:
                break
            time.sleep(0.1)
            assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    run = read_run(folder)
    assert run.end is None
    assert len(run.measurements) >= record.read_bytes().count(b"\n") - 1
    updates = [u.update for u in run.measurements if "signal/critic.goal.share" in u.values]
    assert updates == list(range(len(updates)))

    from goalscope.reports import write_report

    report = write_report(folder)
    assert report.page.exists()
    assert any("cut off" in warning for warning in report.warnings)


def test_arm_seed_and_environment_are_recorded(make_agent, tmp_path):
    for name, given, seed in (("own", {"arm": "mine", "seed": 7}, 7), ("agents", {}, 0)):
        make_agent().learn(62, callback=ModalityDiagnostics(tmp_path / name, **given))
        info = read_run(tmp_path / name).info
        assert (info.arm, info.seed) == (given.get("arm"), seed)
    assert info.environment == {
        "id": "PixelPoint-v0",
        "observation of achieved_goal": "float32 (2,), -inf to inf",
        "observation of desired_goal": "float32 (2,), -inf to inf",
        "observation of pixels": "uint8 (3, 36, 36), 0 to 255",
        "action": "float32 (2,), -1 to 1",
    }
