"""Shared-frame replay behind real environments and agents."""

import numpy as np
import pytest
from conftest import POINT
from helpers.identity import assert_identical
from helpers.replay_streams import same, same_batches, same_transitions, valid
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv, VecNormalize

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.record import read_run
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.replay import (
    SharedFrameHerReplayBuffer,
)


def fill(env, buffers: list[HerReplayBuffer], steps: int, seed: int) -> None:
    """Take random steps and store them as SB3's off-policy agents do."""
    generator = np.random.default_rng(seed)
    now = env.reset()
    for _ in range(steps):
        action = generator.uniform(-1, 1, (env.num_envs, 2)).astype(np.float32)
        following, reward, done, infos = env.step(action)
        last = {key: value.copy() for key, value in following.items()}
        for index in np.flatnonzero(done):
            for key in last:
                last[key][index] = infos[index]["terminal_observation"][key]
        for buffer in buffers:
            buffer.add(now, last, action, reward, done, infos)
        now = following


@pytest.mark.parametrize(("n_envs", "frame_stack"), [(1, 3), (3, 1)])
def test_transitions_of_an_environment_are_stock_s(n_envs, frame_stack):
    task = EnvironmentSettings("PixelPoint-v0", image_size=36, frame_stack=frame_stack)
    env = make_vec_env(lambda: make_environment(task), n_envs=n_envs, seed=0)
    arguments = (40 * n_envs, env.observation_space, env.action_space, env, "cpu", n_envs)
    ours = SharedFrameHerReplayBuffer(*arguments, frame_stack=frame_stack)
    stock = HerReplayBuffer(*arguments)
    fill(env, [ours, stock], 55, seed=0)
    same_transitions(ours, stock)
    rows, _ = valid(ours)
    assert sorted(set(rows)) == [*range(10), *range(25, 40)]  # the second episode, over the seam
    env.close()


def make_buffers(env: VecNormalize | SubprocVecEnv, **options) -> list[HerReplayBuffer]:
    arguments = (200, env.observation_space, env.action_space, env, "cpu", env.num_envs)
    return [SharedFrameHerReplayBuffer(*arguments, **options), HerReplayBuffer(*arguments)]


def test_normalised_observations_and_rewards_are_stock_s():
    env = make_vec_env(lambda: make_environment(POINT), n_envs=1, seed=0)
    normalise = VecNormalize(env, norm_obs_keys=["achieved_goal", "desired_goal"])
    normalise.reset()
    for _ in range(5):
        normalise.step(np.ones((1, 2), np.float32))
    buffers = make_buffers(normalise)
    fill(env, buffers, 30, seed=0)
    rows, columns = valid(buffers[1])
    batches = [b._get_real_samples(rows, columns, normalise) for b in buffers]
    same(*batches)
    assert batches[0].rewards.abs().max() != 1
    env.close()


def test_rewards_of_other_processes_environments_are_stock_s():
    env = make_vec_env(lambda: make_environment(POINT), n_envs=1, seed=0, vec_env_cls=SubprocVecEnv)
    here = make_environment(POINT)
    here.close()
    asking, stock = make_buffers(env)
    own, _ = make_buffers(env, compute_reward=here.unwrapped.compute_reward)
    fill(env, [asking, own, stock], 55, seed=0)
    same_transitions(asking, stock)
    own.env = None  # never asked
    same_transitions(own, stock)
    env.close()


def make_agent(
    n_envs: int, buffer: type[HerReplayBuffer], buffer_size: int = 400, **options
) -> SAC:
    return SAC(
        "MultiInputPolicy",
        make_vec_env(lambda: make_environment(POINT), n_envs=n_envs, seed=0),
        learning_starts=30 * n_envs,
        batch_size=16,
        buffer_size=buffer_size,
        seed=0,
        device="cpu",
        train_freq=10,
        gradient_steps=1,
        replay_buffer_class=buffer,
        replay_buffer_kwargs=options,
    )


def test_an_agent_learns_from_it_and_its_buffer_can_be_pickled(tmp_path):
    agent = make_agent(2, SharedFrameHerReplayBuffer, random_shift=4)
    agent.learn(150)
    assert agent._n_updates > 0
    assert np.isfinite(agent.logger.name_to_value["train/critic_loss"])
    agent.save_replay_buffer(tmp_path / "replay.pkl")
    before = agent.replay_buffer
    agent.load_replay_buffer(tmp_path / "replay.pkl", truncate_last_traj=False)
    assert agent.replay_buffer is not before
    same_batches(before, agent.replay_buffer)
    agent.get_env().close()


@pytest.mark.parametrize("n_envs", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_an_agent_trained_from_it_is_the_one_trained_from_stock_s(n_envs):
    """Bit for bit, with the ring gone round."""
    agents = []
    for buffer in (SharedFrameHerReplayBuffer, HerReplayBuffer):
        agents.append(make_agent(n_envs, buffer, buffer_size=105 * n_envs))
        agents[-1].learn(165 * n_envs)
        agents[-1].get_env().close()
    assert agents[0]._n_updates > 10
    assert_identical(*agents)


def test_watching_it_changes_nothing(tmp_path):
    agents = []
    for watched in (False, True):
        agents.append(make_agent(1, SharedFrameHerReplayBuffer, random_shift=2))
        callback = None
        if watched:
            callback = ModalityDiagnostics(
                tmp_path / "run", features_every=1, gradients_every=1, sensitivity_every=2
            )
        agents[-1].learn(80, callback=callback)
        agents[-1].get_env().close()
    assert_identical(*agents)
    record = read_run(tmp_path / "run")
    assert not record.failures
    keys = {key for line in record.measurements for key in line.values}
    assert {"training/relabelled.unmoved_fraction", "sensitivity_replay/critic.goal.q_swap"} <= keys


class Beside(SharedFrameHerReplayBuffer):
    """Keeps SB3's buffer beside it."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self.stock = HerReplayBuffer(*arguments, **options)

    def add(self, *transition) -> None:
        super().add(*transition)
        self.stock.add(*transition)


def test_learning_in_two_calls_keeps_true_frames():
    """The second call resets the environment in mid-episode without a word to the buffer."""
    agent = make_agent(1, Beside)
    agent.learn(20)
    agent.learn(30)
    ours, stock = agent.replay_buffer, agent.replay_buffer.stock
    rows, columns = valid(stock)
    assert len(rows) == 20 + 25  # SB3 takes them for one episode
    same_transitions(ours, stock)
    _, following = ours.frame_ring.read(rows, columns, agent.device)["pixels"]
    moved_on = (following.numpy() == stock.observations["pixels"][rows + 1, 0]).all(axis=(1, 2, 3))
    assert np.flatnonzero(~moved_on).tolist() == [19, 44]
    agent.get_env().close()
