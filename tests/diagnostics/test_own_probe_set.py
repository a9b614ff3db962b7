"""A probe set of a user's own environment, whatever its images, ends and normalisation are."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from helpers.point_env import LENGTH, PointEnv
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import goalscope
from goalscope.diagnostics.material.channels_first import NotDict
from goalscope.diagnostics.material.probe_set import ProbeSet
from goalscope.diagnostics.material.run_probe_set import RunProbeSet
from goalscope.diagnostics.material.wandering import ProbeSetError


class Strict(PointEnv):
    """As an environment may be that goes no further than its end."""

    def step(self, action):
        assert self.steps < LENGTH
        return super().step(action)


class ChannelsLast(gym.ObservationWrapper):
    """Its images as most environments have them."""

    def __init__(self, env):
        super().__init__(env)
        image = gym.spaces.Box(0, 255, (36, 36, 1), np.uint8)
        parts = {**env.observation_space.spaces, "pixels": image}
        self.observation_space = gym.spaces.Dict(parts)

    def observation(self, observation):
        return {**observation, "pixels": np.moveaxis(observation["pixels"], 0, -1)}


def test_it_is_gathered_in_any_goal_environment():
    found = goalscope.gather_probe_set(Strict(), size=10)
    assert len(found) == 10
    assert found.sha256 == goalscope.gather_probe_set(Strict(), size=10).sha256
    assert found.sha256 != goalscope.gather_probe_set(Strict(), size=10, seed=1).sha256
    assert found.source.startswith("random actions in a Strict of its own")


def test_images_are_turned_as_the_agent_sees_them():
    turned = goalscope.gather_probe_set(ChannelsLast(PointEnv(pixels=True)), size=6)
    straight = goalscope.gather_probe_set(PointEnv(pixels=True), size=6)
    assert turned.observations["pixels"].shape == (6, 1, 36, 36)
    assert turned.sha256 == straight.sha256


@pytest.mark.parametrize(
    ("make", "size", "kind", "says"),
    [
        (lambda: gym.make("Pendulum-v1"), 8, NotDict, "observes a Box"),
        (lambda: gym.make("CartPole-v1"), 8, ProbeSetError, "Box action space"),
        (lambda: DummyVecEnv([PointEnv]), 8, ProbeSetError, "not a VecEnv"),
        (lambda: gym.wrappers.FilterObservation(PointEnv(), ["achieved_goal"]), 8, None, "desired"),
        (PointEnv, 1, ProbeSetError, "2 states or more"),
    ],
)
def test_what_no_probe_set_can_be_gathered_in(make, size, kind, says):
    with pytest.raises(kind or ProbeSetError, match=says):
        goalscope.gather_probe_set(make(), size=size)


def test_under_vecnormalize_the_agent_is_asked_as_it_sees():
    env = VecNormalize(DummyVecEnv([PointEnv]))
    model = SAC("MultiInputPolicy", env, buffer_size=50, learning_starts=20)
    model.learn(20)
    raw = goalscope.gather_probe_set(PointEnv(), size=8)
    seen = RunProbeSet(raw).batch(model)
    goals = env.normalize_obs(dict(raw.observations))["desired_goal"]
    assert np.array_equal(seen.observations["desired_goal"], goals)
    assert np.array_equal(seen.goals, raw.goals)  # distances are in the task's unit
    assert seen.as_observed is not None
    statistics = env.obs_rms["desired_goal"]
    expected = (raw.goals - statistics.mean) / np.sqrt(statistics.var + env.epsilon)
    assert np.allclose(seen.as_observed(seen.goals), np.clip(expected, -10, 10), atol=1e-5)


@pytest.mark.parametrize("part", ["shape", "key"])
def test_a_probe_set_of_other_observations_is_refused_before_training(tmp_path: Path, part):
    good = goalscope.gather_probe_set(PointEnv(), size=4)
    observations = dict(good.observations)
    if part == "key":
        del observations["achieved_goal"]
    else:
        observations["achieved_goal"] = observations["achieved_goal"][:, :1]
    other = ProbeSet(observations, good.actions, good.goals, "made up")
    model = SAC("MultiInputPolicy", PointEnv(), buffer_size=50, learning_starts=20)
    watch = goalscope.ModalityDiagnostics(tmp_path / "run", probe_set=other)
    with pytest.raises(ProbeSetError, match=r"for achieved_goal, and the agent observes \(2,\)"):
        model.learn(30, callback=watch)
    assert model.num_timesteps == 0
    assert not (tmp_path / "run").exists()
