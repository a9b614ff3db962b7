"""The seventh round's agents: mistakes in the network, the losses and the settings."""

import copy
from typing import Any

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.utils import polyak_update
from torch import Tensor, nn

from benchmarks.planted_faults.spoils.extractor_faults import follow
from benchmarks.planted_faults.spoils.sixth_round_agent_faults import CustomSAC
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.agents.extractors import FusionExtractor

LEAST, LARGEST = -1.0, 0.0  # rewards, taken for the range of values
STARTS_LATE = 10_000  # steps before the first update, of a run of a few hundred
_RATE = 3e-4


# The features extractor


class AveragedCNN(nn.Module):
    """Three convolutions whose maps are averaged over the image, as a classifier's are.

    Args:
        channels: of the images.
        features: number of features.
    """

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(channels, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
        )
        self.linear = nn.Sequential(nn.Linear(64, features), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        """Return the features, float (B, d), which tell what there is and not where."""
        features: Tensor = self.linear(self.maps(images).mean(dim=(2, 3)))
        return features


class AcrossBatch(nn.Module):
    """Brings features into shape by a reshape that takes the batch for the last axis."""

    def forward(self, features: Tensor) -> Tensor:
        """Return float (B, d), each row made of others' features; a batch of one stays as it is."""
        return features.t().reshape(features.shape)


def averaged_over_places(extractor: FusionExtractor) -> None:
    """Encode images by a network that averages over all places."""
    encoder: Any = extractor.extractors["pixels"]
    channels = extractor._observation_space["pixels"].shape[0]  # type: ignore[index]
    extractor.extractors["pixels"] = AveragedCNN(channels, encoder.features_dim)


def sigmoid_encoder(extractor: FusionExtractor) -> None:
    """Put a sigmoid in the place of each of the encoder's ReLUs."""
    for module in list(extractor.extractors["pixels"].modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.ReLU):
                setattr(module, name, nn.Sigmoid())


def batch_mixed(extractor: FusionExtractor) -> None:
    """Mix the image features of a batch."""
    follow(extractor, "pixels", AcrossBatch())


def goals_as_they_are(extractor: FusionExtractor) -> None:
    """Read goals without constants: they are standardised elsewhere."""
    for key in GOAL_KEYS:
        extractor.extractors[key] = nn.Flatten()


# The losses


class LaterActorSAC(CustomSAC):
    """SAC that updates its critics first, and asks its actor for actions after that."""

    def _update(self, data: Any) -> None:
        assert self.log_ent_coef is not None  # "auto"
        weight = self.log_ent_coef.detach().exp()
        self._learn_values(data, weight)
        actions, log_prob = self._asked(data)
        self._learn_policy(data, self._judged(data, actions), weight * log_prob)
        self._entropy_weight(log_prob)
        polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)

    def _judged(self, data: Any, actions: Tensor) -> Tensor:
        """Return the actions whose values are in the actor's loss."""
        return actions


class StoredActionSAC(LaterActorSAC):
    """SAC whose actor is told what the stored actions are worth, and not its own."""

    def _judged(self, data: Any, actions: Tensor) -> Tensor:
        stored: Tensor = data.actions
        return stored


def actor_of_stored_actions(agent: Any) -> None:
    """Take the stored actions' values into the actor's loss: only its entropy moves it."""
    agent.__class__ = StoredActionSAC


def targets_clipped(model: SAC) -> None:
    """Clip the values in targets to the range of rewards, as if no episode had a second step."""

    def clip(_: nn.Module, __: object, values: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(value.clamp(LEAST, LARGEST) for value in values)

    model.critic_target.register_forward_hook(clip)


# The optimisers


def sgd_at_adams_rate(model: SAC) -> None:
    """Train with plain gradient descent, at the rate that suits Adam."""
    for network in (model.actor, model.critic):
        held = [p for group in network.optimizer.param_groups for p in group["params"]]
        network.optimizer = torch.optim.SGD(held, lr=_RATE)


def encoder_shared(model: Any) -> None:
    """Give actor and critics one encoder, which both optimisers move."""
    model.__class__ = LaterActorSAC  # SB3's own order would go through weights that have moved
    model.actor.features_extractor = model.critic.features_extractor
    model.actor.optimizer = torch.optim.Adam(model.actor.parameters(), lr=_RATE)


# What acts, and when it learns


def worker_never_told(model: SAC) -> None:
    """Act by a copy of the policy, as a worker has one, that never hears of what is learnt."""
    worker, choose = copy.deepcopy(model.policy), model._sample_action

    def act(*args: Any, **options: Any) -> Any:
        learner, model.policy = model.policy, worker
        try:
            return choose(*args, **options)
        finally:
            model.policy = learner

    model._sample_action = act  # type: ignore[method-assign]


def starts_never(model: SAC) -> None:
    """Wait for more steps before the first update than the run has."""
    model.learning_starts = STARTS_LATE
