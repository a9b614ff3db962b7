"""Probing what SB3 saved: files of any algorithm, and files that cannot be trusted or read."""

import io
import zipfile

import gymnasium as gym
import numpy as np
import pytest
from conftest import POINT
from sb3_contrib import TQC
from stable_baselines3 import SAC, TD3, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from goalscope.diagnostics.material.channels_first import NotDict
from goalscope.diagnostics.record import RecordError, read_run
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.observing import UnusableEnvironment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.probing.zips import ModelError, probe_zip

pytestmark = pytest.mark.usefixtures("few_walks")


def make_point():
    return make_environment(POINT)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "mine.zip"
    env = make_vec_env(make_point, n_envs=1)
    options = {
        "replay_buffer_class": HerReplayBuffer,
        "buffer_size": 200,
        "learning_starts": 60,
        "policy_kwargs": {"net_arch": [16]},
    }
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
    with pytest.raises(RecordError, match="already holds a run"):  # before anything is asked
        probe_zip(saved, lambda: 1 / 0, tmp_path / "out", "TD3", trust=True)


def test_a_file_of_tqc(tmp_path):
    model = TQC("MultiInputPolicy", make_vec_env(make_point), buffer_size=10, seed=3)
    model.save(tmp_path / "tqc.zip")
    model.get_env().close()
    line = probe_zip(tmp_path / "tqc.zip", make_point, tmp_path / "out", "TQC", trust=True)
    assert "attribution/critic.pixels.shapley_share" in line.values
    assert "sensitivity/critic.pixels.q_swap" in read_run(tmp_path / "out").measurements[0].values


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
