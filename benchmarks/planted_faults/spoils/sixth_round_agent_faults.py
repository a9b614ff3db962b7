"""The sixth round's agents: mistakes in the network, the algorithm and its settings."""

from typing import Any

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit
from stable_baselines3.common.utils import polyak_update
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.planted_faults.spoils.agent_faults import fix_entropy
from benchmarks.planted_faults.spoils.extractor_faults import follow
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.agents.extractors import FusionExtractor, Gain

_CENTIMETRES = 100.0  # in a metre
_DROPPED = 0.5
_RATE = 1e-2
_DISCOUNT = 0.1
_TAU = 1e-4
_ENTROPY = 1.0
_HEAD = [256, 256, 256]


class PretrainedEncoder(nn.Module):
    """Encodes images as a network that has been trained elsewhere would."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        """Return the features, float (B, d)."""
        with torch.no_grad():
            features: Tensor = self.encoder(images)
        return features


class ChannelsFirst(nn.Module):
    """Takes images for channels-last and gives them the shape of channels-first."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the images (B, C, H, W)."""
        return images.permute(0, 2, 3, 1).reshape(images.shape)


def images_alone(extractor: FusionExtractor) -> None:
    """Read the image and neither goal."""
    for key in GOAL_KEYS:
        extractor._features_dim -= extractor._observation_space[key].shape[0]
        del extractor.extractors[key]


def without_gradient(extractor: FusionExtractor) -> None:
    """Encode images under no_grad, though nothing has trained the encoder."""
    extractor.extractors["pixels"] = PretrainedEncoder(extractor.extractors["pixels"])


def reshaped(extractor: FusionExtractor) -> None:
    """Reshape images where their axes should be exchanged."""
    encoder = extractor.extractors["pixels"]
    extractor.extractors["pixels"] = nn.Sequential(ChannelsFirst(), encoder)


def goals_through_tanh(extractor: FusionExtractor) -> None:
    """Give the goals in centimetres to a Tanh."""
    for key in GOAL_KEYS:
        follow(extractor, key, nn.Sequential(Gain(_CENTIMETRES), nn.Tanh()))


def dropout(extractor: FusionExtractor) -> None:
    """Drop half of all features in training."""
    for key in list(extractor.extractors):
        follow(extractor, key, nn.Dropout(_DROPPED))


def deeper_critic(agent: Any) -> None:
    """Give the critics a layer more, when their optimiser has been made."""
    actions = agent.action_space.shape[0]
    for critic in (agent.critic, agent.critic_target):
        width = critic.features_extractor.features_dim + actions
        critic.q_networks = [nn.Sequential(*create_mlp(width, 1, _HEAD)) for _ in range(2)]
        for number, network in enumerate(critic.q_networks):
            critic.add_module(f"qf{number}", network.to(agent.device))
    agent.critic_target.load_state_dict(agent.critic.state_dict())


def fast_rate(agent: Any) -> None:
    """Set a learning rate of 0.01."""
    agent.learning_rate = _RATE
    agent._setup_lr_schedule()


def once_an_episode(agent: Any) -> None:
    """Train when an episode is over, with one gradient step."""
    agent.train_freq = TrainFreq(1, TrainFrequencyUnit.EPISODE)
    agent.gradient_steps = 1


def short_sight(agent: Any) -> None:
    """Set a discount of 0.1."""
    agent.gamma = _DISCOUNT


def slow_target(agent: Any) -> None:
    """Let the target networks follow by a ten-thousandth."""
    agent.tau = _TAU


def much_entropy(agent: Any) -> None:
    """Fix the weight of the entropy at 1, the reward of a step."""
    fix_entropy(agent, _ENTROPY)


class CustomSAC(SAC):
    """SAC with its update written out, to be changed."""

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Make some gradient steps."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(
            [self.actor.optimizer, self.critic.optimizer, self.ent_coef_optimizer]  # type: ignore[list-item]
        )
        for _ in range(gradient_steps):
            self._update(self.replay_buffer.sample(batch_size, env=self._vec_normalize_env))  # type: ignore[union-attr]
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def _update(self, data: Any) -> None:
        actions, log_prob = self._asked(data)
        weight = self._entropy_weight(log_prob)
        self._learn_values(data, weight)
        self._learn_policy(data, actions, weight * log_prob)
        self._follow()

    def _follow(self) -> None:
        """Let the target network follow the critic."""
        polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)

    def _asked(self, data: Any) -> tuple[Tensor, Tensor]:
        """Return the actor's actions, (B, A), and their log densities, (B, 1)."""
        actions, log_prob = self.actor.action_log_prob(data.observations)
        return actions, log_prob.reshape(-1, 1)

    def _learn_values(self, data: Any, weight: Tensor) -> None:
        """Make a step of the critics, whose targets hold the entropy with this weight."""
        with torch.no_grad():
            next_actions, next_log_prob = self.actor.action_log_prob(data.next_observations)
            values = self._value(self.critic_target(data.next_observations, next_actions))
            values = values - weight * next_log_prob.reshape(-1, 1)
            targets = data.rewards + (1 - data.dones) * self.gamma * values
        estimates = self.critic(data.observations, data.actions)
        errors = [functional.mse_loss(estimate, targets) for estimate in estimates]
        loss = 0.5 * torch.stack(errors).sum()
        self.critic.optimizer.zero_grad()
        loss.backward()
        self.critic.optimizer.step()
        self.logger.record("train/ent_coef", weight.item())
        self.logger.record("train/critic_loss", loss.item())

    def _learn_policy(self, data: Any, actions: Tensor, entropy: Tensor) -> None:
        """Make a step of the actor, by the values of these actions and its weighted entropy."""
        values = self._value(self.critic(data.observations, actions))
        loss = self._actor_loss(entropy, values)
        self.actor.optimizer.zero_grad()
        loss.backward()
        self.actor.optimizer.step()
        self.logger.record("train/actor_loss", loss.item())

    def _entropy_weight(self, log_prob: Tensor) -> Tensor:
        assert self.log_ent_coef is not None  # "auto"
        assert self.ent_coef_optimizer is not None
        weight = self.log_ent_coef.detach().exp()
        loss = -(self.log_ent_coef * (log_prob + self.target_entropy).detach()).mean()
        self.ent_coef_optimizer.zero_grad()
        loss.backward()
        self.ent_coef_optimizer.step()
        return weight

    def _value(self, estimates: tuple[Tensor, ...]) -> Tensor:
        return torch.cat(estimates, dim=1).min(dim=1, keepdim=True).values

    def _actor_loss(self, entropy: Tensor, values: Tensor) -> Tensor:
        return (entropy - values).mean()


class TwinSAC(CustomSAC):
    """SAC that takes the larger of its two critics' values."""

    def _value(self, estimates: tuple[Tensor, ...]) -> Tensor:
        return torch.cat(estimates, dim=1).max(dim=1, keepdim=True).values


class ActorSAC(CustomSAC):
    """SAC whose actor descends the value."""

    def _actor_loss(self, entropy: Tensor, values: Tensor) -> Tensor:
        return (entropy + values).mean()


def larger_of_two(agent: Any) -> None:
    """Take the larger of two critics."""
    agent.__class__ = TwinSAC


def value_descended(agent: Any) -> None:
    """Minimise the value of the actor's actions."""
    agent.__class__ = ActorSAC
