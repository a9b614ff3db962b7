"""The control whose pixels tell nothing of now."""

import gymnasium as gym
import numpy as np
import pytest

from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.shuffled_pixels import ShuffledPixels

POINT = EnvironmentSettings("PixelPoint-v0", image_size=36)


class Seen(gym.Wrapper):
    """Numbers the episode that each image is of."""

    def __init__(self, env):
        super().__init__(env)
        self.images, self.episode = [], -1

    def reset(self, **asked):
        self.episode += 1
        return self._seen(*super().reset(**asked))

    def step(self, action):
        return self._seen(*super().step(action))

    def _seen(self, observation, *rest):
        self.images.append((observation["pixels"], self.episode))
        return observation, *rest

    def episode_of(self, image):
        return next(episode for own, episode in self.images if own is image)


@pytest.fixture
def env():
    return ShuffledPixels(Seen(make_environment(POINT)))


def played(env, seed=None):
    generator = np.random.default_rng(1)
    shown = [env.reset(seed=seed)[0]["pixels"]]
    ended = False
    while not ended:
        observation, _, terminated, truncated, _ = env.step(generator.uniform(-1, 1, 2))
        shown.append(observation["pixels"])
        ended = terminated or truncated
    return shown


@pytest.mark.parametrize("seed", [None, 3])
def test_no_image_shown_is_of_the_present_episode(env, seed):
    for episode in range(4):
        shown = played(env, seed if episode == 0 else None)
        assert not {env.env.episode_of(image) for image in shown} & {env.env.episode}


def test_images_of_all_episodes_before_are_shown(env):
    for _ in range(4):
        shown = played(env)
    assert {env.env.episode_of(image) for image in shown} == {0, 1, 2, 3}


def test_a_seeded_episode_shows_the_same_whatever_came_before(env):
    first = played(env, seed=7)
    played(env)
    np.testing.assert_array_equal(played(env, seed=7), first)
    fresh = ShuffledPixels(Seen(make_environment(POINT)))
    np.testing.assert_array_equal(played(fresh, seed=7), first)
