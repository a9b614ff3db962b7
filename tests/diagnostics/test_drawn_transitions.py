"""A replay or a camera that gives something else than it should is seen."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from helpers.point_env import PointEnv
from helpers.transition_runs import START, Changed, Shuffled, Stuck, Watched, trained, watched
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from goalscope.training.replay.shift import random_shift


class StoredActionsNegated(HerReplayBuffer):
    def add(self, obs, next_obs, action, *rest):
        super().add(obs, next_obs, -action, *rest)


class StoredRewardsHalved(HerReplayBuffer):
    def add(self, obs, next_obs, action, reward, *rest):
        super().add(obs, next_obs, action, reward / 2, *rest)


class StoredEnds(HerReplayBuffer):
    def add(self, obs, next_obs, action, reward, done, infos):
        super().add(obs, next_obs, action, reward, done, [{} for _ in infos])


class DrawnFlipped(Changed):
    def change(self, batch):
        flipped = {**batch.observations, "pixels": batch.observations["pixels"].flip(-1)}
        return {"observations": flipped}


@pytest.mark.parametrize(
    ("buffer", "key"),
    [
        (StoredActionsNegated, "replay.action_differs"),
        (StoredRewardsHalved, "replay.reward_differs"),
        (StoredEnds, "replay.end_differs"),
        (Stuck, "replay.pixels.next_differs"),
        (DrawnFlipped, "replay.pixels.differs"),
        (Shuffled, "replay.action_differs"),
    ],
)
def test_what_is_stored_or_drawn_otherwise_is_seen(buffer, key):
    found = watched(buffer=buffer, pixels=True).found()
    assert found[key] > 0.05
    others = {k for k, v in found.items() if k.endswith("differs") and v > 0} - {key}
    assert all("next_differs" in other for other in others)


class MirroredByHalf(HerReplayBuffer):
    """Mirrors one image in two, other ones each time."""

    def _get_real_samples(self, *places):
        batch = super()._get_real_samples(*places)
        mirrors = (torch.rand(len(batch.rewards)) < 0.5)[:, None, None, None]
        pixels = batch.observations["pixels"]
        changed = torch.where(mirrors, pixels.flip(-1), pixels)
        return batch._replace(observations={**batch.observations, "pixels": changed})


class ShiftedEachTime(HerReplayBuffer):
    def _get_real_samples(self, *places):
        batch = super()._get_real_samples(*places)
        changed = random_shift(batch.observations["pixels"], 2)
        return batch._replace(observations={**batch.observations, "pixels": changed})


class DrawnShifted(Changed):
    """DrQ's shift as users write it: in `sample`."""

    def change(self, batch):
        shifted = random_shift(batch.observations["pixels"], 2)
        return {"observations": {**batch.observations, "pixels": shifted}}


def test_an_augmentation_in_the_draw_is_no_difference():
    found = watched(buffer=DrawnShifted, pixels=True).found()
    assert found["replay.pixels.turned_fraction"] == 0
    assert {value for key, value in found.items() if key.endswith("differs")} == {0}


def test_images_that_are_mirrored_now_and_then_are_told_from_shifted_ones():
    key = "replay.pixels.turned_fraction"
    assert 0.1 < watched(buffer=MirroredByHalf, pixels=True).found()[key] < 0.8
    assert watched(buffer=ShiftedEachTime, pixels=True).found()[key] == 0
    assert key not in watched(pixels=True).found()  # what comes back the same each time


def test_what_a_hook_of_the_extractor_changes_is_no_difference():
    class Halved(Watched):
        def _on_training_start(self):
            extractor = self.model.actor.features_extractor
            extractor.register_forward_pre_hook(
                lambda _, args: ({key: values / 2 for key, values in args[0].items()},)
            )
            super()._on_training_start()

    callback = Halved()
    trained(callback=callback)
    offsets = [v for key, v in callback.found().items() if key.endswith("input_offset")]
    assert len(offsets) == 2
    assert max(offsets) == 0


class Stalled(gym.ObservationWrapper):
    def __init__(self, env):
        super().__init__(env)
        self.seen = 0

    def observation(self, observation):
        self.seen += 1
        if self.seen < START:
            self.last = observation["pixels"]
        return {**observation, "pixels": self.last}


def test_a_camera_that_stalls_is_seen():
    agent = trained(pixels=True)
    agent.set_env(make_vec_env(lambda: Stalled(PointEnv(pixels=True)), seed=0))
    callback = Watched()
    agent.learn(START, callback=callback)
    assert callback.found()["environment.pixels.still_fraction"] < 1
    agent.learn(40, callback=callback, reset_num_timesteps=False)
    assert callback.found()["environment.pixels.still_fraction"] == 1


class Late(gym.Wrapper):
    def reset(self, **options):
        observation, info = self.env.reset(**options)
        self.shown = [observation["pixels"]] * 4
        return observation, info

    def step(self, action):
        observation, *rest = self.env.step(action)
        self.shown.append(observation["pixels"])
        return {**observation, "pixels": self.shown[-4]}, *rest


@pytest.mark.parametrize("wrapper", [None, Late])
def test_a_camera_that_comes_late_is_seen(wrapper):
    agent = trained(pixels=True)
    env = PointEnv(pixels=True)
    agent.set_env(make_vec_env(lambda: wrapper(env) if wrapper else env, seed=0))
    callback = Watched()
    agent.learn(60, callback=callback, reset_num_timesteps=False)
    assert (callback.found()["environment.pixels.lateness"] > 0.3) == (wrapper is Late)


class FirstRows(HerReplayBuffer):
    def sample(self, batch_size, env=None):
        rows = np.random.randint(20, size=batch_size)  # noqa: NPY002 - as SB3 draws
        return self._get_real_samples(rows, np.zeros_like(rows), env)


@pytest.mark.parametrize("buffer", [HerReplayBuffer, FirstRows])
def test_a_replay_that_draws_its_first_rows_alone_is_seen(buffer):
    found = watched(buffer=buffer).found()
    assert (found["replay.draw_skew"] > 0.7) == (buffer is FirstRows)


class Drifting(gym.ObservationWrapper):
    moved = 0.0

    def observation(self, observation):
        self.moved += 0.01
        achieved = observation["achieved_goal"] + np.float32(self.moved)
        return {**observation, "achieved_goal": achieved}


@pytest.mark.parametrize("wrapper", [None, Drifting])
def test_starts_that_drift_are_seen(wrapper):
    agent = trained()
    env = PointEnv()
    agent.set_env(make_vec_env(lambda: wrapper(env) if wrapper else env, seed=0))
    callback = Watched()
    agent.learn(200, callback=callback, reset_num_timesteps=False)
    assert (callback.found()["replay.start_drift"] > 0.5) == (wrapper is Drifting)
