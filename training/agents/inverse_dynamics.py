"""Inverse dynamics: an encoder that must tell which action led from one observation to the next."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from gymnasium.spaces import Box
from gymnasium.spaces.utils import flatdim
from stable_baselines3.common.policies import BaseModel
from stable_baselines3.common.preprocessing import is_image_space, preprocess_obs
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor, nn
from torch.nn import functional

from goalscope.training.agents.cuda_graphs import Passes
from goalscope.training.agents.extractors import encoder_of

ROWS = 32  # of a batch, at most: two encodings with a graph each


class InverseDynamics(nn.Module):
    """Trains the encoders of a policy so that the difference of their features tells the action.

    For each encoder of an image that acts or values, a linear map without bias reads the action off
    z(t+1) - z(t), z the image's features. What an action moves is the gripper, and a difference
    that tells its motion linearly comes from features that tell its position linearly: that is what
    the critic's loss alone does not teach an encoder while nothing is ever pushed. The loss is the
    mean squared error; it has an optimiser, and so steps, of its own.

    Args:
        policy: whose encoders are trained; its networks have `extractors` by observation key.
        settings: of the optimiser, which is of the policy's own class.

    Raises:
        ValueError: no network reads an image through an encoder.
    """

    def __init__(self, policy: SACPolicy, **settings: Any) -> None:
        super().__init__()
        self._encoders: list[tuple[BaseModel, str, nn.Module]] = []  # lists register no modules
        width = flatdim(policy.action_space)
        heads = []
        for network in (policy.critic, policy.actor):
            for key, encoder in _image_encoders(network):
                if any(encoder is known for _, _, known in self._encoders):
                    continue
                self._encoders.append((network, key, encoder))
                with torch.no_grad():
                    features = encoder(_example(network, key))
                heads.append(nn.Linear(features.shape[1], width, bias=False))
        if not heads:
            raise ValueError("inverse dynamics train an image's encoder, and there is none")
        self.heads = nn.ModuleList(heads).to(policy.device)
        trained = [p for _, _, encoder in self._encoders for p in encoder.parameters()]
        self.optimizer = policy.optimizer_class([*trained, *self.heads.parameters()], **settings)

    @property
    def encoders(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """Image key -> its encoder, without trunk: uint8 (B, C, H, W) to float (B, F)."""
        return {
            key: partial(_encoded, network, key, encoder_of(path))
            for network, key, path in self._encoders
        }

    def loss(self, batch: DictReplayBufferSamples) -> Tensor:
        """Return the mean squared error of the actions in a batch, summed over encoders."""
        losses = []
        for (network, key, encoder), head in zip(self._encoders, self.heads, strict=True):
            now, then = (
                _encoded(network, key, encoder, observations[key][:ROWS])
                for observations in (batch.observations, batch.next_observations)
            )
            losses.append(functional.mse_loss(head(then - now), batch.actions[:ROWS]))
        return torch.stack(losses).sum()

    def passes(self, batch: DictReplayBufferSamples) -> Passes:
        """Yield the optimiser, to step on the loss of a batch, and that loss."""
        loss = self.loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        yield self.optimizer, {"inverse_dynamics_loss": loss}


def _image_encoders(network: BaseModel) -> list[tuple[str, nn.Module]]:
    extractor = network.features_extractor
    assert isinstance(extractor, BaseFeaturesExtractor)
    encoders: nn.ModuleDict = extractor.extractors  # type: ignore[assignment]
    space = network.observation_space.spaces  # type: ignore[attr-defined]
    return [(key, encoder) for key, encoder in encoders.items() if is_image_space(space[key])]


def _example(network: BaseModel, key: str) -> Tensor:
    space = network.observation_space[key]  # type: ignore[index]
    assert isinstance(space, Box)
    return torch.zeros(1, *space.shape, device=network.device)


def _encoded(network: BaseModel, key: str, encoder: nn.Module, images: Tensor) -> Tensor:
    space = network.observation_space[key]  # type: ignore[index]
    scaled = preprocess_obs(images, space, normalize_images=network.normalize_images)
    assert isinstance(scaled, Tensor)
    features: Tensor = encoder(scaled.contiguous(memory_format=torch.channels_last))
    return features
