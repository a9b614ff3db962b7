"""The eighth round's agents: mistakes in the network, the losses, the optimisers and settings."""

import warnings
from typing import Any

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.buffers import DictReplayBuffer
from stable_baselines3.common.utils import polyak_update
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn
from torch.nn import functional

from benchmarks.planted_faults.spoils.agent_faults import fix_entropy
from benchmarks.planted_faults.spoils.seventh_round_agent_faults import averaged_over_places
from benchmarks.planted_faults.spoils.sixth_round_agent_faults import CustomSAC
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.agents.extractors import FusionExtractor, Gain

RATE = 5e-3
ENTROPY = 0.5
POLYAK = 0.995  # the part of the target that is kept, in the other convention
METRES = {2: 0.03}  # in a unit, by the goal's length: the point's square becomes a table of 30 cm
DISCOUNT = 0.99  # VecNormalize's own
_USUAL_RATE = 3e-4


# The features extractor


def desired_goal_unread(extractor: FusionExtractor) -> None:
    """Fuse everything but the desired goal."""
    _unread(extractor, "desired_goal")


def achieved_goal_unread(extractor: FusionExtractor) -> None:
    """Leave where things are to the image: no vector tells it."""
    _unread(extractor, "achieved_goal")


def goals_drowned(extractor: FusionExtractor) -> None:
    """Put goals in metres, as they are, beside the 3,136 units of maps that nothing projects."""
    encoder: Any = extractor.extractors["pixels"]
    space: Any = extractor._observation_space
    maps = nn.Sequential(
        nn.Conv2d(space["pixels"].shape[0], 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(),
        nn.Flatten(),
    )
    units = maps(torch.zeros(1, *space["pixels"].shape)).shape[1]
    extractor._features_dim += units - encoder.features_dim
    extractor.extractors["pixels"] = maps
    for key in GOAL_KEYS:
        metres = METRES.get(space[key].shape[0], 1.0)
        extractor.extractors[key] = nn.Sequential(nn.Flatten(), Gain(metres))


def pooled_over_places(extractor: FusionExtractor) -> None:
    """Pool the encoder's maps over the whole image, which alone tells where things are."""
    averaged_over_places(extractor)
    achieved_goal_unread(extractor)


def _unread(extractor: FusionExtractor, key: str) -> None:
    space: Any = extractor._observation_space
    extractor._features_dim -= space[key].shape[0]
    del extractor.extractors[key]


# The losses


class FlatTargetSAC(CustomSAC):
    """SAC whose targets are a row and whose critics answer with a column: all meet all."""

    def _update(self, data: Any) -> None:
        actions, log_prob = self.actor.action_log_prob(data.observations)
        log_prob = log_prob.reshape(-1, 1)
        weight = self._entropy_weight(log_prob)
        with torch.no_grad():
            next_actions, next_log_prob = self.actor.action_log_prob(data.next_observations)
            values = self._value(self.critic_target(data.next_observations, next_actions))
            values = values.squeeze(-1) - weight * next_log_prob
            goes_on = 1 - data.dones.squeeze(-1)
            targets = data.rewards.squeeze(-1) + goes_on * self.gamma * values
        estimates = self.critic(data.observations, data.actions)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of it
            errors = [functional.mse_loss(estimate, targets) for estimate in estimates]
        critic_loss = 0.5 * torch.stack(errors).sum()
        self.critic.optimizer.zero_grad()
        critic_loss.backward()
        self.critic.optimizer.step()

        values = self._value(self.critic(data.observations, actions))
        actor_loss = self._actor_loss(weight * log_prob, values)
        self.actor.optimizer.zero_grad()
        actor_loss.backward()
        self.actor.optimizer.step()
        polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)
        self.logger.record("train/ent_coef", weight.item())
        self.logger.record("train/actor_loss", actor_loss.item())
        self.logger.record("train/critic_loss", critic_loss.item())


def targets_flat(agent: Any) -> None:
    """Bring targets to the shape of a row, and leave the critics' answers a column."""
    agent.__class__ = FlatTargetSAC


# The optimisers


def encoder_in_no_optimiser(model: SAC) -> None:
    """Make the optimisers of actor and critics without their encoders, and none that has these."""
    for network in (model.actor, model.critic):
        heads = [p for name, p in network.named_parameters() if "features_extractor" not in name]
        network.optimizer = torch.optim.Adam(heads, lr=_USUAL_RATE)


def rate_of_0_005(agent: Any) -> None:
    """Set one learning rate of 0.005 for everything."""
    agent.learning_rate = RATE
    agent._setup_lr_schedule()


# Settings


def half_of_entropy(agent: Any) -> None:
    """Fix the weight of the entropy at 0.5."""
    fix_entropy(agent, ENTROPY)


def polyak_as_tau(model: SAC) -> None:
    """Give the part of the target that should be kept for the part that should be new."""
    model.tau = POLYAK


def without_hindsight(model: SAC) -> None:
    """Train from a plain replay buffer of SB3's."""
    model.replay_buffer_class, model.replay_buffer_kwargs = DictReplayBuffer, {}
    model.replay_buffer = DictReplayBuffer(
        model.buffer_size,
        model.observation_space,  # type: ignore[arg-type]
        model.action_space,
        device=model.device,
        n_envs=model.n_envs,
    )


def rewards_normalised(model: SAC) -> None:
    """Wrap the environment in a VecNormalize of rewards alone; replay scales its own by it, too."""
    env = model.get_env()
    assert env is not None  # it was made with one
    model.env = model._vec_normalize_env = VecNormalize(env, norm_obs=False, gamma=DISCOUNT)


def waits_for_an_episode(model: Any) -> None:
    """Update nothing while replay holds no whole episode."""
    train = model.train

    def train_if_possible(*args: Any, **options: Any) -> None:
        if model.replay_buffer.ep_length.any():
            train(*args, **options)

    model.train = train_if_possible
