"""The probe set: the same for everybody, and disturbing nobody."""

import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers.point_env import LENGTH, PointEnv

from goalscope.diagnostics.material import labelled_set
from goalscope.diagnostics.material.probe_set import gather_probe_set, goal_grid, load_probe_set
from goalscope.diagnostics.material.wandering import ProbeSetError, wander
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.run import make_probe_set

POINT = EnvironmentSettings(id="PixelPoint-v0", image_size=36)


def test_gathered_twice_it_is_the_same_and_no_generator_moved(tmp_path, all_states):
    random.seed(0)
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    first = make_probe_set(POINT)
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])
    second = make_probe_set(POINT)
    assert first.sha256 == second.sha256
    assert len(first) == 128
    assert first.goals.shape == (49, 2)
    assert len(np.unique(first.observations["desired_goal"], axis=0)) == 32
    first.save(tmp_path / "probe_set.safetensors")
    loaded = load_probe_set(tmp_path / "probe_set.safetensors")
    assert loaded.sha256 == first.sha256
    assert loaded.source == first.source


def test_another_seed_is_another_set():
    env = make_environment(POINT)
    assert gather_probe_set(env, seed=1).sha256 != gather_probe_set(env, seed=2).sha256
    env.close()


def test_goals_on_a_table_make_a_square_grid():
    generator = np.random.default_rng(0)
    goals = np.concatenate([generator.uniform(1, 2, (500, 2)), np.full((500, 1), 0.42)], axis=1)
    grid = goal_grid(goals)
    assert grid.shape == (49, 3)
    assert np.allclose(grid[:, 2], 0.42)
    assert len(np.unique(grid[:, 0])) == 7


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist; give the file of a probe set: goalscope probe-set makes one"),
        (b"", "gather it again"),
        (b"not safetensors at all", "gather it again"),
    ],
)
def test_a_damaged_file_is_named_in_one_line(tmp_path, content, says):
    path = tmp_path / "probe_set.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProbeSetError, match=says) as caught:
        load_probe_set(path)
    assert "\n" not in str(caught.value)


class Short(PointEnv):
    """Refuses to go on after its last step, as many environments do."""

    def step(self, action):
        assert self.steps < LENGTH, "call reset before the next step"
        return super().step(action)


def test_episodes_shorter_than_a_walk_are_followed_by_others():
    steps = list(wander(Short(), seed=0, walks=3, steps=24, hold=3))
    assert [step.number for step in steps] == [*range(24)] * 3
    lengths = np.bincount([step.episode for step in steps]).tolist()
    assert lengths == [10, 10, 4] * 3
    for one, other in pairwise(steps):
        if one.episode == other.episode:
            assert other.observation is one.following
    assert len(gather_probe_set(Short())) == 128
    assert len(list(wander(Short(), seed=0, walks=128, steps=12, hold=5))) == 1536


def test_a_labelled_set_knows_where_episodes_begin(monkeypatch):
    monkeypatch.setattr(labelled_set, "_STEPS", 12)
    env = Short()
    labelled, _ = labelled_set.gather_labelled_set(env)
    assert np.bincount(labelled.episodes).tolist() == [10, 2] * 128
    begins = np.flatnonzero(np.diff(labelled.episodes, prepend=-1))
    assert (labelled.previous[begins] == begins).all()
    rest = np.setdiff1d(np.arange(len(labelled.actions)), begins)
    assert (labelled.previous[rest] == rest - 1).all()
    achieved = labelled.observations["achieved_goal"]
    assert np.array_equal(labelled.next_achieved[rest - 1], achieved[rest])
