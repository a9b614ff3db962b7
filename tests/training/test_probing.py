"""Probing what was saved: every checkpoint of a run, one of them, an SB3 file; bad input first."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from conftest import POINT
from safetensors.torch import load_file, save_file
from sb3_contrib import TQC
from stable_baselines3 import SAC, TD3, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from goalscope.diagnostics.material import labelled_set
from goalscope.diagnostics.material.channels_first import NotDict
from goalscope.diagnostics.material.labelled_set import gather_labelled_set
from goalscope.diagnostics.material.probe_set import gather_probe_set
from goalscope.diagnostics.material.wandering import ProbeSetError
from goalscope.diagnostics.offline_probes import ProbeMaterial, probe_agent
from goalscope.diagnostics.record import RecordWriter, RunInfo, read_arrays, read_run
from goalscope.errors import UserError
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.observing import UnusableEnvironment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import PIXEL_POINT
from goalscope.training.probing import checkpoints as probing
from goalscope.training.probing.ablating import ablate_run
from goalscope.training.probing.checkpoints import probe_run, run_of, shifted
from goalscope.training.probing.zips import ModelError, probe_zip
from goalscope.training.runs.checkpoint.folder import POLICY, CheckpointError, list_checkpoints
from goalscope.training.runs.run import train
from goalscope.training.runs.settings import EvaluationSettings, RunSettings


@pytest.fixture(scope="module", autouse=True)
def few_episodes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labelled_set, "_WALKS", 12)
        probing._labelled.cache_clear()
        yield
        probing._labelled.cache_clear()


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


def make_point():
    return make_environment(POINT)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "mine.zip"
    env = make_vec_env(make_point, n_envs=1)
    options = {"replay_buffer_class": HerReplayBuffer, "buffer_size": 200, "learning_starts": 60}
    model = TD3("MultiInputPolicy", env, batch_size=16, seed=3, **options)
    model.learn(80)
    model.save(path)
    env.close()
    return path


def test_an_sb3_file_of_ones_own(saved, tmp_path):
    line = probe_zip(saved, make_point, tmp_path / "out", "TD3", trust=True)
    record = read_run(tmp_path / "out")
    assert record.info.seed == 3
    assert line.update == record.measurements[0].update > 0
    assert "signal/critic.goal.share" in record.measurements[0].values
    assert "sensitivity/critic.desired_goal.q_goal_swap" in record.measurements[0].values
    assert "attribution/critic.pixels.shapley_share" in record.probes[0].values


def test_a_file_of_tqc(tmp_path):
    model = TQC("MultiInputPolicy", make_vec_env(make_point), buffer_size=10, seed=3)
    model.save(tmp_path / "tqc.zip")
    model.get_env().close()
    line = probe_zip(tmp_path / "tqc.zip", make_point, tmp_path / "out", "TQC", trust=True)
    assert "attribution/critic.pixels.shapley_share" in line.values
    assert "sensitivity/critic.pixels.q_swap" in read_run(tmp_path / "out").measurements[0].values


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
            checkpoint_every=1_000,
            evaluation=EvaluationSettings(every=0),
        )
    )
    found = probe_run(run, list_checkpoints(run)[-1].folder)[-1].values
    assert "attribution/actor.pixels.shapley_share" in found
    assert "goal_map/actor.goal.action_alignment" in found
    assert any(key.startswith("content/critic") for key in found)


class AsGymnasiumHasIt(gym.ObservationWrapper):
    """Images (H, W, C) and goals of double precision, as stock environments observe."""

    def __init__(self, env):
        super().__init__(env)
        image = gym.spaces.Box(0, 255, (36, 36, 3), np.uint8)
        self.observation_space = gym.spaces.Dict(
            **{  # in their order
                key: image
                if key == "pixels"
                else gym.spaces.Box(-np.inf, np.inf, space.shape, np.float64)
                for key, space in env.observation_space.spaces.items()
            }
        )

    def observation(self, observation):
        seen = {k: v.astype(np.float64) for k, v in observation.items() if k != "pixels"}
        return {**seen, "pixels": observation["pixels"].transpose(1, 2, 0)}


def test_images_and_goals_as_stock_environments_observe_them(tmp_path):
    def make():
        return AsGymnasiumHasIt(make_point())

    model = SAC("MultiInputPolicy", make_vec_env(make), buffer_size=10, seed=3)
    model.save(tmp_path / "theirs.zip")  # SB3 has turned the images for its networks
    model.get_env().close()
    assert model.observation_space["pixels"].shape == (3, 36, 36)
    line = probe_zip(tmp_path / "theirs.zip", make, tmp_path / "theirs", trust=True)
    ours = SAC("MultiInputPolicy", make_vec_env(make_point), buffer_size=10, seed=3)
    ours.save(tmp_path / "ours.zip")
    ours.get_env().close()
    expected = probe_zip(tmp_path / "ours.zip", make_point, tmp_path / "ours", trust=True)
    assert line.values == pytest.approx(expected.values, rel=1e-4, nan_ok=True)
    one, other = read_run(tmp_path / "theirs"), read_run(tmp_path / "ours")
    assert one.measurements[0].values == pytest.approx(
        other.measurements[0].values, rel=1e-4, nan_ok=True
    )


def test_an_environment_that_cannot_be_made_is_said_in_one_line(saved, tmp_path):
    def broken():
        raise RuntimeError("no licence")

    with pytest.raises(UnusableEnvironment, match=r"cannot be made \(RuntimeError: no licence\)"):
        probe_zip(saved, broken, tmp_path / "out", "TD3", trust=True)
    with pytest.raises(NotDict, match="observes a Box"):
        probe_zip(saved, lambda: gym.make("Pendulum-v1"), tmp_path / "out", "TD3", trust=True)
    assert not (tmp_path / "out").exists()


def test_an_sb3_file_is_not_unpickled_without_trust(saved, tmp_path):
    with pytest.raises(ModelError, match=r"pickled.*--trust"):
        probe_zip(saved, make_point, tmp_path / "out", "TD3")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["another environment", "another algorithm", "no file", "damaged"])
def test_sb3_files_that_cannot_be_probed(saved, tmp_path, kind):
    path, maker, algorithm = saved, make_point, "TD3"
    if kind == "another environment":
        maker = lambda: make_environment(EnvironmentSettings(id="PixelPoint-v0", image_size=48))  # noqa: E731
    if kind == "another algorithm":
        algorithm = "SAC"
    if kind == "no file":
        path = tmp_path / "nowhere.zip"
    if kind == "damaged":
        path = tmp_path / "damaged.zip"
        path.write_bytes(saved.read_bytes()[:1000])
    with pytest.raises(ModelError) as error:
        probe_zip(path, maker, tmp_path / "out", algorithm, trust=True)
    assert "\n" not in str(error.value)
    if kind == "another environment":
        assert "not trained in this environment" in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("inside", [False, True])
def test_a_zip_that_would_fill_the_memory_is_not_unpacked(tmp_path, inside):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data", bytes(50_000_000))
    path = tmp_path / "bomb.zip"
    path.write_bytes(bomb.getvalue())
    if inside:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("policy.pth", bomb.getvalue())
    with pytest.raises(ModelError, match="would unpack"):
        probe_zip(path, make_point, tmp_path / "out", "TD3", trust=True)


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
        env=POINT.id,
        image_size=POINT.image_size,
        batch_size=16,
        evaluation=EvaluationSettings(every=0),
    )
    with pytest.raises(ProbeSetError, match="observes no goals"):
        probe_run(train(settings))


def test_what_is_neither_a_run_nor_a_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="neither a run nor a checkpoint"):
        run_of(tmp_path)
