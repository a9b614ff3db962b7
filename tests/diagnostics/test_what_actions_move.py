"""Worlds that do something else with actions, places or images than they should are seen."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from helpers.point_env import PointEnv
from helpers.transition_runs import healthy, measured, trained
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.torch_layers import CombinedExtractor
from torch import nn

pytestmark = pytest.mark.usefixtures("all_states")  # of fewer, some numbers say nothing
STEPS = 200


class Positive(gym.ActionWrapper):
    def action(self, action):
        return (action + 1) / 2


class Wide(gym.ActionWrapper):
    def __init__(self, env):
        super().__init__(env)
        self.action_space = spaces.Box(-10, 10, (2,), np.float32)

    def action(self, action):
        return np.clip(action, -1, 1)


class Throttles(gym.ActionWrapper):
    def __init__(self, env):
        super().__init__(env)
        self.action_space = spaces.Box(0, 1, (2,), np.float32)

    def action(self, action):
        return action


class Noisy(gym.ObservationWrapper):
    def observation(self, observation):
        noise = np.random.default_rng(int(1e6 * np.abs(observation["achieved_goal"]).sum()))
        achieved = observation["achieved_goal"] + noise.normal(0, 0.2, 2)
        return {**observation, "achieved_goal": achieved.astype(np.float32)}


class Floor(nn.Module):
    def forward(self, images):
        return images.floor()


class FloorDivided(CombinedExtractor):
    def __init__(self, space):
        super().__init__(space, cnn_output_dim=8)
        self.extractors["pixels"] = nn.Sequential(Floor(), self.extractors["pixels"])


def agent_in(env: gym.Env, steps: int = STEPS, **policy) -> SAC:
    """Return an agent after some steps, of which the last trained it."""
    agent = SAC(
        "MultiInputPolicy",
        env,
        replay_buffer_class=HerReplayBuffer,
        learning_starts=steps - 2,
        batch_size=16,
        buffer_size=steps,
        policy_kwargs={"net_arch": [16], **policy},
        seed=0,
        device="cpu",
    )
    return agent.learn(steps)


def of_point(wrapper=None) -> dict[str, float]:
    env = PointEnv()
    return measured(agent_in(env if wrapper is None else wrapper(env)))


@pytest.mark.parametrize("wrapper", [None, Positive, Wide, Noisy])
def test_each_world_shows_in_its_own_number_alone(wrapper):
    found = of_point(wrapper)
    assert (found.get("replay.idle_motion", 0) > 0.8) == (wrapper is Positive)
    assert (found.get("replay.cut_share", 1) < 0.3) == (wrapper is Wide)
    assert (found["replay.tracking_noise"] > 0.2) == (wrapper is Noisy)
    if wrapper is None:
        assert found["replay.idle_motion"] < 0.01
        assert found["replay.cut_share"] > 0.99
        assert found["replay.tracking_noise"] == 0


def test_a_box_that_begins_at_0_is_not_asked_what_0_moves():
    assert not {"replay.idle_motion", "replay.cut_share"} & set(of_point(Throttles))


def test_images_that_are_divided_as_whole_numbers_are_seen():
    for extractor in (CombinedExtractor, FloorDivided):
        agent = agent_in(PointEnv(pixels=True), 40, features_extractor_class=extractor)
        for network in ("critic", "actor"):
            kept = measured(agent)[f"{network}.pixels.levels_kept"]
            assert (kept < 0.5) == (extractor is FloorDivided)


def test_an_actor_that_ends_in_a_relu_is_seen():
    agent = trained()
    assert measured(agent)["actor.cut_off_fraction"] <= 1 / 100
    agent.actor.mu.register_forward_hook(lambda _, __, mean: (mean - mean.median()).relu())
    assert measured(agent)["actor.cut_off_fraction"] > 0.1


@pytest.mark.parametrize("name", ["pixels", "random shift", "TD3", "normalised"])
def test_healthy_agents_show_none_of_it(name):
    found = healthy(name).found()
    assert found["replay.idle_motion"] < 0.1
    assert found["replay.cut_share"] > 0.6
    assert found["actor.cut_off_fraction"] <= 1 / 100
    assert ("critic.pixels.levels_kept" in found) == (name in ("pixels", "random shift"))
    if "critic.pixels.levels_kept" in found:
        assert found["critic.pixels.levels_kept"] == 1
