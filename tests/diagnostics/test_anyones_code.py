"""Agents and environments with code of their own: derived weights, generators, infos, copies."""

import copy
import io
import json
import sys

import gymnasium as gym
import numpy as np
import pytest
import torch
from helpers.identity import assert_identical
from helpers.point_env import PointEnv
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback, EveryNTimesteps
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.envs import BitFlippingEnv
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv
from torch import nn
from torch.nn import utils
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.material.probe_set import ProbeSetError, gather_probe_set
from goalscope.diagnostics.record import RecordError, read_run
from goalscope.probes import UnsupportedPolicy
from goalscope.probes.isolation import isolated_generators


def agent_on(env, buffer=HerReplayBuffer, **settings):
    torch.manual_seed(1)
    return SAC(
        "MultiInputPolicy",
        env,
        seed=0,
        replay_buffer_class=buffer,
        learning_starts=40,
        batch_size=32,
        buffer_size=500,
        device="cpu",
        **{"policy_kwargs": {"net_arch": [16]}, **settings},
    )


def watching(folder, **settings):
    every = {"features_every": 10, "gradients_every": 10, "sensitivity_every": 10}
    return ModalityDiagnostics(folder, **{**every, **settings})


def numbers(folder, key):
    return [line.values[key] for line in read_run(folder).measurements if key in line.values]


def last(folder, key):
    return numbers(folder, key)[-1]


def normed(norm):
    """Return an agent whose first layers' weights are worked out of other parameters."""
    agent = agent_on(PointEnv())
    for critic in (agent.critic, agent.critic_target):
        for head in critic.q_networks:
            norm(head[0])
    norm(agent.actor.latent_pi[0])
    agent.critic_target.load_state_dict(agent.critic.state_dict())
    for network in (agent.critic, agent.actor):
        network.optimizer = torch.optim.Adam(network.parameters(), lr=3e-4)
    return agent


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize(
    "norm", [spectral_norm, weight_norm, utils.spectral_norm, utils.weight_norm]
)
def test_weights_that_are_derived_are_measured_and_left_alone(tmp_path, norm):
    plain = normed(norm)
    plain.learn(90)
    callback = watching(tmp_path / "run")
    watched = normed(norm)
    watched.learn(90, callback=callback)
    assert callback.failures == {}
    assert_identical(plain, watched)
    for loss in ("critic_loss", "actor_loss"):
        assert last(tmp_path / "run", f"gradient/{loss}.goal.weight_gradient") > 1e-4
        assert last(tmp_path / "run", f"gradient/{loss}.goal.update_ratio") > 0


def test_the_gradient_of_a_derived_weight_is_that_of_the_weight_itself(tmp_path):
    """Weight norm at its first step changes no weight: the agent without it has that gradient."""
    found = []
    for name, norm in (("plain", lambda layer: layer), ("normed", weight_norm)):
        normed(norm).learn(42, callback=watching(tmp_path / name))
        found.append(numbers(tmp_path / name, "gradient/critic_loss.goal.weight_gradient")[0])
    assert found[0] == pytest.approx(found[1], rel=1e-4)


class NoisyReward(PointEnv):
    """Adds noise of its own generator to every reward."""

    def compute_reward(self, achieved_goal, desired_goal, info):
        reward = super().compute_reward(achieved_goal, desired_goal, info)
        return reward + self.np_random.normal(0, 0.01, np.shape(reward)).astype(np.float32)


class OwnGenerator(HerReplayBuffer):
    """Draws from a generator of its own."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.own = np.random.default_rng(0)

    def sample(self, batch_size, env=None):
        with isolated_generators(seed=int(self.own.integers(2**31))):
            return super().sample(batch_size, env)


@pytest.mark.parametrize("processes", [DummyVecEnv, SubprocVecEnv])
def test_generators_of_a_users_own_are_left_as_they_were(tmp_path, processes):
    agents = []
    for callback in (None, watching(tmp_path / "run")):
        env = make_vec_env(NoisyReward, n_envs=1, seed=0, vec_env_cls=processes)
        agents.append(agent_on(env, OwnGenerator))
        agents[-1].learn(120, callback=callback)
        env.close()
    assert callback.failures == {}
    assert_identical(*agents)


class ToldTolerance(PointEnv):
    """Rewards depend on what the environment says of each step."""

    def step(self, action):
        self.point = self.point + 0.1 * action
        self.steps += 1
        info = {"tolerance": 0.6}
        reward = self.compute_reward(self.point[None], self.goal[None], [info])
        return self._observation(), float(reward[0]), False, self.steps == 10, info

    def compute_reward(self, achieved_goal, desired_goal, info):
        told = np.array([one["tolerance"] for one in info])
        reached = np.linalg.norm(achieved_goal - desired_goal, axis=-1) < told
        return reached.astype(np.float32) - 1


def test_where_hindsight_asks_with_infos_so_do_we(tmp_path):
    agent = agent_on(ToldTolerance(), replay_buffer_kwargs={"copy_info_dict": True})
    callback = watching(tmp_path / "run")
    agent.learn(160, callback=callback)
    assert callback.failures == {}
    assert last(tmp_path / "run", "transitions/real.reward_mismatch") == 0
    keys = {key for line in read_run(tmp_path / "run").measurements for key in line.values}
    assert not any("reward_mismatch_fraction" in key for key in keys)  # whose steps is not known
    assert any(key.startswith("sensitivity_replay/") for key in keys)


class Many(gym.Env):
    """Observes ninety numbers, each under a name of its own."""

    def __init__(self):
        one = gym.spaces.Box(-1, 1, (1,), np.float32)
        names = [f"robot_joint_{number:03d}_position_sensor" for number in range(90)]
        self.observation_space = gym.spaces.Dict(dict.fromkeys(names, one))
        self.action_space = gym.spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._observed(), {}

    def _observed(self):
        uniform = self.np_random.uniform
        return {name: uniform(-1, 1, 1).astype(np.float32) for name in self.observation_space}

    def step(self, action):
        self.steps += 1
        return self._observed(), 0.0, False, self.steps == 10, {}


class Mixing(BaseFeaturesExtractor):
    """Mixes all that is observed in every feature."""

    def __init__(self, space):
        super().__init__(space, 8)
        self.net = nn.Sequential(nn.Linear(len(space.spaces), 8), nn.Tanh())

    def forward(self, observations):
        return self.net(torch.cat(list(observations.values()), dim=1))


def test_whatever_a_run_says_of_itself_its_record_can_be_read(tmp_path, monkeypatch):
    agent = agent_on(
        Many(), None, policy_kwargs={"net_arch": [16], "features_extractor_class": Mixing}
    )
    monkeypatch.setattr(sys, "argv", ["train.py", *(f"--flag-number-{n}=1" for n in range(1100))])
    callback = watching(tmp_path / "run", settings={"notes": "x" * 20_000})

    def raises(*_):
        raise ValueError(f"cannot take {list(range(9999))}")

    callback._measuring._instruments[0].measure = raises
    agent.learn(60, callback=callback)
    run = read_run(tmp_path / "run")
    assert len(run.info.command) == len(run.info.settings["notes"]) == 10_000
    assert any("cannot take [0, 1" in failure.details["cause"] for failure in run.failures)
    (block,) = {b["name"] for network in run.info.networks.values() for b in network["blocks"]}
    assert block == "robot_joint_000_position_sensor+89 more"


@pytest.fixture
def compiling():
    """Put back what torch.compile sets for good: that distributions check nothing any more."""
    yield
    torch.distributions.Distribution.set_default_validate_args(True)


@pytest.mark.usefixtures("compiling")
def test_networks_compiled_as_copies_are_refused_and_in_place_are_watched(tmp_path):
    agent = agent_on(PointEnv())
    agent.critic = torch.compile(agent.critic, backend="eager")
    with pytest.raises(UnsupportedPolicy, match=r"in place to watch it: critic\.compile"):
        agent.learn(60, callback=watching(tmp_path / "copy"))
    agent = agent_on(PointEnv())
    agent.critic.compile(backend="eager")
    callback = watching(tmp_path / "place")
    agent.learn(60, callback=callback)
    assert callback.failures == {}
    assert last(tmp_path / "place", "gradient/critic_loss.goal.weight_gradient") > 0


def test_under_autocast_gradients_are_measured(tmp_path):
    agent = agent_on(PointEnv())
    for network in (agent.actor, agent.critic, agent.critic_target):
        network.forward = in_half(network.forward)
    callback = watching(tmp_path / "run")
    agent.learn(60, callback=callback)
    assert callback.failures == {}
    assert last(tmp_path / "run", "gradient/critic_loss.goal.signal_gradient_share") > 0


def in_half(forward):
    def half(*args, **settings):
        with torch.autocast("cpu", torch.bfloat16):
            found = forward(*args, **settings)
        return tuple(q.float() for q in found) if isinstance(found, tuple) else found.float()

    return half


class Saver(BaseCallback):
    """Copies the agent in the middle of training, in every way there is."""

    def _on_step(self):
        if self.n_calls == 60:
            file = io.BytesIO()
            torch.save(self.model.policy, file)
            copy.deepcopy(self.model)
            file.seek(0)
            self.copied = torch.load(file, weights_only=False)
        return True


def test_the_agent_can_be_copied_while_it_is_watched(tmp_path):
    agent, saver = agent_on(PointEnv()), Saver()
    callback = watching(tmp_path / "run")
    agent.learn(70, callback=[callback, saver])
    assert callback.failures == {}
    observed = agent.get_env().reset()
    saver.copied.predict(observed)  # what hooks it keeps do nothing
    tensors = {key: torch.as_tensor(value) for key, value in observed.items()}
    saver.copied.critic(tensors, torch.zeros(1, 2))


def test_steps_go_on_where_learn_is_called_again(tmp_path):
    agent, callback = agent_on(PointEnv()), watching(tmp_path / "run")
    agent.learn(150, callback=callback)
    agent.learn(100, callback=callback)  # SB3 counts from 0 again
    steps = [line.step for line in read_run(tmp_path / "run").measurements]
    assert steps == sorted(steps)
    assert steps[-1] == 250
    assert max(numbers(tmp_path / "run", "training/updates_per_step")) <= 1
    agent.learn(100, callback=watching(tmp_path / "another"))
    assert 0 < max(numbers(tmp_path / "another", "training/updates_per_step")) <= 1


def test_inside_a_callback_that_is_called_now_and_then_nothing_is_watched(tmp_path):
    with pytest.raises(RecordError, match="stands inside EveryNTimesteps"):
        agent_on(PointEnv()).learn(60, callback=EveryNTimesteps(10, watching(tmp_path / "run")))


def test_goals_that_are_classes_have_no_distances(tmp_path):
    env = BitFlippingEnv(n_bits=4, continuous=True, discrete_obs_space=True)
    callback = watching(tmp_path / "run")
    agent_on(env).learn(90, callback=callback)
    assert callback.failures == {}
    lines = (tmp_path / "run" / "measurements.jsonl").read_text().splitlines()
    keys = {key for line in lines for key in json.loads(line)}
    assert "sensitivity/critic.desired_goal.q_goal_swap" in keys
    assert not any("q_goal_distance" in key or "reach_contrast" in key for key in keys)
    with pytest.raises(ProbeSetError, match="has no distances"):
        gather_probe_set(BitFlippingEnv(n_bits=4, continuous=True, discrete_obs_space=True), 8)
