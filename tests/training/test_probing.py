"""Probing what a run saved: every checkpoint, one of them; and input that cannot be probed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import POINT
from safetensors.torch import load_file, save_file

from goalscope.diagnostics.material.labelled_set import gather_labelled_set
from goalscope.diagnostics.material.probe_set import gather_probe_set
from goalscope.diagnostics.material.wandering import ProbeSetError
from goalscope.diagnostics.offline_probes import ProbeMaterial, probe_agent
from goalscope.diagnostics.record import RecordWriter, RunInfo, read_arrays, read_run
from goalscope.errors import UserError
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import PIXEL_POINT
from goalscope.training.probing.ablating import ablate_run
from goalscope.training.probing.checkpoints import probe_run, run_of, shifted
from goalscope.training.runs.checkpoint.folder import POLICY, CheckpointError, list_checkpoints
from goalscope.training.runs.run import train
from goalscope.training.runs.settings import EvaluationSettings, RunSettings

pytestmark = pytest.mark.usefixtures("few_walks")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train(
        RunSettings(
            arm="pixel-her-drq",
            out=tmp_path_factory.mktemp("trained") / "run",
            total_steps=140,
            env=POINT.id,
            image_size=POINT.image_size,
            batch_size=16,
            net_arch=(16,),
            checkpoint_every=70,
            evaluation=EvaluationSettings(every=0),
        )
    )


@pytest.fixture
def run(trained, tmp_path):
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_a_labelled_set_tells_the_truth_in_order(tmp_path):
    env = make_environment(EnvironmentSettings(id="FetchPush-v4", image_size=36))
    found, extra = gather_labelled_set(env)
    env.close()
    rows = 12 * 10
    assert set(found.targets) == {"gripper", "object", "object_velocity", "desired_goal"}
    assert found.observations["pixels"].shape == (rows, 3, 36, 36)
    assert extra["proprioception"].shape == (rows, 6)
    np.testing.assert_allclose(
        found.targets["object"], found.observations["achieved_goal"], atol=1e-6
    )
    first = found.previous == np.arange(rows)
    assert first.sum() == 12
    inside = ~first
    # What the step before led to is what is now observed.
    np.testing.assert_allclose(
        found.next_achieved[found.previous[inside]], found.observations["achieved_goal"][inside]
    )


def test_every_checkpoint_is_probed_and_nothing_twice(run):
    lines = probe_run(run)
    steps = [checkpoint.step for checkpoint in list_checkpoints(run)]
    assert [line.step for line in lines] == steps == [0, 70, 140]
    families = {key.partition("/")[0] for key in lines[-1].values}
    assert families == {"attribution", "augmentation", "content", "goal_map", "prediction"}
    assert "augmentation/critic.pixels.augmentation_over_signal" in lines[-1].values
    span = lines[-1].values["augmentation/camera.goal_units_per_pixel"]
    assert span == pytest.approx(10 / 35)
    assert lines[-1].values["augmentation/camera.shift_goal_units"] == pytest.approx(4 * span)
    assert 0 < lines[-1].values["content/critic.pixels.raw_point_goal_units"] < np.inf
    record = read_run(run)
    assert [line.values for line in record.probes] == [line.values for line in lines]
    assert set(read_arrays(run)) == set(steps)
    written = (run / "probes.jsonl").stat().st_mtime_ns
    assert probe_run(run) == record.probes
    assert (run / "probes.jsonl").stat().st_mtime_ns == written


def test_an_interrupted_call_goes_on_where_it_was(run):
    class Interrupt(Exception):
        pass

    def stop(_):
        raise Interrupt

    with pytest.raises(Interrupt):
        probe_run(run, done=stop)
    assert [line.step for line in read_run(run).probes] == [0]
    assert [line.step for line in probe_run(run)] == [0, 70, 140]


def test_one_checkpoint_of_a_run(run):
    chosen = list_checkpoints(run)[1].folder
    assert run_of(chosen) == (run, chosen)
    assert [line.step for line in probe_run(run, chosen)] == [70]


def test_probing_changes_nothing_of_the_agent(make_agent):
    agent = make_agent(learning_starts=60)
    agent.learn(80)
    env = make_environment(POINT)
    labelled, extra = gather_labelled_set(env)
    material = ProbeMaterial(
        gather_probe_set(env, seed=0), labelled, extra, PIXEL_POINT, shifted(4)
    )
    env.close()
    before = {k: v.clone() for k, v in agent.policy.state_dict().items()}
    gradients = [None if p.grad is None else p.grad.clone() for p in agent.policy.parameters()]
    generators = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = probe_agent(agent.policy, material), probe_agent(agent.policy, material)
    assert first.values == pytest.approx(second.values, nan_ok=True)
    after = agent.policy.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    for parameter, gradient in zip(agent.policy.parameters(), gradients, strict=True):
        assert (parameter.grad is None) == (gradient is None)
        assert gradient is None or torch.equal(parameter.grad, gradient)
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert np.array_equal(np.random.get_state()[1], generators[1])  # noqa: NPY002


def test_episodes_without_an_input_stand_beside_what_else_was_found(run):
    line = ablate_run(run, ["pixels"], episodes=2)
    assert line.step == 140
    played = {key for key in line.values if key.startswith("ablation/")}
    assert "ablation/policy.pixels.shuffled_success_rate" in played
    assert "ablation/critic.bias_mean" in played
    again = ablate_run(run, ["goal"], episodes=2)
    assert played < set(again.values)
    probed = probe_run(run)[-1]
    assert {key: again.values[key] for key in played}.items() <= probed.values.items()
    assert "attribution/critic.pixels.shapley_share" in probed.values
    assert read_arrays(run)
    with pytest.raises(UserError, match="at least 2"):
        ablate_run(run, ["pixels"], episodes=1)


@pytest.mark.parametrize("algorithm", ["tqc", "ppo"])
def test_runs_of_other_algorithms(algorithm, tmp_path):
    run = train(
        RunSettings(
            arm="plain",
            algorithm=algorithm,
            out=tmp_path / "run",
            total_steps=64,
            learning_starts=32,
            env=POINT.id,
            image_size=POINT.image_size,
            batch_size=16,
            net_arch=(16,),
            checkpoint_every=1_000,
            evaluation=EvaluationSettings(every=0),
        )
    )
    found = probe_run(run, list_checkpoints(run)[-1].folder)[-1].values
    assert "attribution/actor.pixels.shapley_share" in found
    assert "goal_map/actor.goal.action_alignment" in found
    assert any(key.startswith("content/critic") for key in found)


def test_a_run_without_checkpoints(tmp_path):
    RecordWriter(tmp_path / "mine", RunInfo())
    with pytest.raises(CheckpointError, match="no checkpoints to probe"):
        probe_run(tmp_path / "mine")


def test_a_checkpoint_of_another_environment(run):
    folder = list_checkpoints(run)[-1].folder
    path = folder / "checkpoint.json"
    content = json.loads(path.read_text())
    content["configuration"]["environment.image_size"] = 64
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="not of the agent and environment"):
        probe_run(run, folder)


def test_a_damaged_checkpoint(run):
    folder = list_checkpoints(run)[-1].folder
    tensors = load_file(folder / POLICY)
    save_file(dict(list(tensors.items())[:3]), folder / POLICY)
    with pytest.raises(CheckpointError, match="damaged"):
        probe_run(run, folder)


def test_an_arm_without_goals_has_nothing_to_be_asked(tmp_path):
    settings = RunSettings(
        arm="reach-pixel",
        out=tmp_path / "run",
        total_steps=120,
        env="FetchReach-v4",
        image_size=POINT.image_size,
        batch_size=16,
        net_arch=(16,),
        evaluation=EvaluationSettings(every=0),
    )
    with pytest.raises(ProbeSetError, match="observes no goals"):
        probe_run(train(settings))


def test_what_is_neither_a_run_nor_a_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="neither a run nor a checkpoint"):
        run_of(tmp_path)
