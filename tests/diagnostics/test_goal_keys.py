"""Goals of other names, one of them alone, and none; off-policy and on-policy."""

import gymnasium as gym
import pytest
from helpers.more_keys import vector_agent
from helpers.point_env import PointEnv
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.buffers import DictReplayBuffer

from benchmarks.matrix.agents import FourMoves
from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.record import read_run
from goalscope.reports.numbers.runs import load_run


class Renamed(gym.ObservationWrapper):
    """Calls keys otherwise; those whose name is empty are not observed."""

    def __init__(self, env, **names):
        super().__init__(env)
        self._names = names
        self.observation_space = gym.spaces.Dict(self._renamed(env.observation_space.spaces))

    def _renamed(self, parts):
        named = {self._names.get(key, key): part for key, part in parts.items()}
        return {key: part for key, part in named.items() if key}

    def observation(self, observation):
        return self._renamed(observation)


def trained(tmp_path, cls, goal_keys=None, **names):
    env = Renamed(PointEnv(pixels=True), **names)
    chosen = {} if goal_keys is None else {"goal_keys": goal_keys}
    callback = ModalityDiagnostics(tmp_path / "run", sensitivity_every=10, **chosen)
    if cls is PPO:
        agent = PPO("MultiInputPolicy", env, n_steps=32, batch_size=16, n_epochs=2, seed=0)
    else:
        env = FourMoves(env) if cls is DQN else env
        agent = vector_agent(cls, env=env, replay_buffer_class=DictReplayBuffer, train_freq=1)
    agent.learn(64, callback=callback)
    run = read_run(tmp_path / "run")
    assert callback.failures == {}
    return run, {key for line in run.measurements for key in line.values}


@pytest.mark.parametrize("cls", [SAC, PPO])
def test_goals_of_other_names_are_recorded_as_sb3_calls_them(tmp_path, cls):
    names = {"achieved_goal": "hand", "desired_goal": "target"}
    run, keys = trained(tmp_path, cls, ("hand", "target"), **names)
    assert {"sensitivity/critic.desired_goal.q_goal_swap", "signal/actor.goal.share"} <= keys
    assert "sensitivity/critic.goal.q_goal_distance" in keys
    assert not any(".target." in key for key in keys)
    assert any("target is recorded as desired_goal" in note for note in run.notes)
    assert load_run(tmp_path / "run").observes_goal() is True


@pytest.mark.parametrize("cls", [SAC, DQN])
def test_replay_is_held_against_the_environment_whatever_goals_are_called(tmp_path, cls):
    names = {"achieved_goal": "hand", "desired_goal": "target"}
    run, _ = trained(tmp_path, cls, ("hand", "target"), **names)
    last = {key: value for line in run.measurements for key, value in line.values.items()}
    found = {k.removeprefix("transitions/"): v for k, v in last.items() if "transitions/" in k}
    differing = {key: value for key, value in found.items() if key.endswith("differs")}
    assert {"replay.desired_goal.differs", "replay.pixels.next_differs"} <= differing.keys()
    assert {"replay.action_differs", "replay.reward_differs"} <= differing.keys()
    assert set(differing.values()) == {0}
    offsets = {key: value for key, value in found.items() if key.endswith("input_offset")}
    assert {"acting.achieved_goal.input_offset", "acting.pixels.input_offset"} <= offsets.keys()
    assert max(offsets.values()) < 1e-3
    assert {"replay.relabelled_fraction", "replay.foreign_goal_fraction"} <= found.keys()
    assert found["critic.pixels.travel"] > 1
    assert found["critic.first_layers.travel"] > 1
    of_the_actor = {"actor.first_layers.travel", "critic_target.motion", "critic.q_bias"}
    of_its_actions = {"replay.action_spread", "replay.action_over_goals"}
    for key in of_the_actor | of_its_actions:
        assert (key in found) == (cls is SAC)


@pytest.mark.parametrize("cls", [SAC, PPO])
def test_a_desired_goal_alone_has_no_distances(tmp_path, cls):
    _, keys = trained(tmp_path, cls, achieved_goal="")
    assert "sensitivity/critic.desired_goal.q_goal_swap" in keys
    assert "sensitivity/critic.goal.q_goal_distance" not in keys


@pytest.mark.parametrize("cls", [SAC, PPO])
def test_without_goals_every_input_is_exchanged(tmp_path, cls):
    _, keys = trained(tmp_path, cls, achieved_goal="hand", desired_goal="")
    assert {"sensitivity/critic.hand.q_swap", "sensitivity/actor.pixels.action_swap"} <= keys
    assert not any("goal" in key for key in keys)
    assert load_run(tmp_path / "run").observes_goal() is False


def test_updates_of_ppo_are_minibatches_and_go_on(tmp_path):
    callback = ModalityDiagnostics(tmp_path / "run", features_every=1, gradients_every=1)
    agent = PPO("MultiInputPolicy", PointEnv(True), n_steps=32, batch_size=16, n_epochs=2, seed=0)
    agent.learn(64, callback=callback)
    agent.learn(32, callback=callback, reset_num_timesteps=False)
    assert callback.failures == {}
    run, key = read_run(tmp_path / "run"), "gradient/actor_loss.desired_goal.weight_gradient"
    assert [line.update for line in run.measurements if key in line.values] == [*range(1, 13)]
    keys = {key for line in run.measurements for key in line.values}
    assert "gradient/joint_loss.pixels.encoder_gradient" in keys
    assert "gradient/actor_loss.pixels.encoder_gradient" not in keys
    assert any("max_grad_norm" in note for note in run.notes)
    assert any("joint_loss" in note for note in run.notes)
