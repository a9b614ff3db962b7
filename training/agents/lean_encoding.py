"""Encoding a batch once for every network that reads it with the same weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BaseModel
from stable_baselines3.common.preprocessing import is_image_space, preprocess_obs
from torch import Tensor, nn

if TYPE_CHECKING:
    from stable_baselines3.common.type_aliases import PyTorchObs
    from stable_baselines3.sac.policies import SACPolicy


class BatchEncoding:
    """The fused features of one batch of observations, for the three times an update reads them.

    Actor and critic may share a features extractor: it then runs again only after a step that
    changed it. One that draws random numbers or keeps running statistics runs as often as in SB3,
    because its runs differ.

    Args:
        policy: actor and critic.
        observations: as `prepare` returns them.
        dtype: torch.float32, or torch.bfloat16 for autocast.
        repeats: what is known of the extractor: whether two runs of it are the same.

    Attributes:
        repeats: the same, as `for_acting` last saw it; in a CUDA graph's capture, as it was known.
    """

    def __init__(
        self,
        policy: "SACPolicy",
        observations: "PyTorchObs",
        dtype: torch.dtype,
        repeats: bool | None = None,
    ) -> None:
        self.repeats = repeats
        self._actor, self._critic = policy.actor, policy.critic
        self._observations = observations
        self._dtype = dtype
        self._actor_learns = trains_encoder(policy.actor)
        self._critic_learns = trains_encoder(policy.critic)
        self._shared: Tensor | None = None

    def for_acting(self) -> Tensor:
        """Return float (B, D) for the actor, with a graph where its optimiser holds the encoder."""
        if self._actor.features_extractor is not self._critic.features_extractor:
            return self._encode(self._actor, self._actor_learns)
        learn = self._actor_learns or self._critic_learns
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
            features = self._encode(self._actor, learn)  # a generator cannot be asked here
        else:
            features = self._encode_and_see(learn)
        if self.repeats:
            self._shared = features
        return features if self._actor_learns else features.detach()

    def for_valuing(self) -> Tensor:
        """Return float (B, D) for the critic, with a graph where its optimiser holds the encoder.

        Call it before any step since `for_acting`.
        """
        if self._shared is None:
            return self._encode(self._critic, self._critic_learns)
        return self._shared if self._critic_learns else self._shared.detach()

    def for_judging(self) -> Tensor:
        """Return float (B, D) without a graph, for the critic after its step."""
        if self._shared is None or self._critic_learns:
            return self._encode(self._critic, learn=False)
        return self._shared.detach()

    def _encode_and_see(self, learn: bool) -> Tensor:
        before = _generator_states(self._actor.device)
        written = _writes(self._actor.features_extractor)
        features = self._encode(self._actor, learn)
        drew = any(map(_differ, before, _generator_states(self._actor.device)))
        self.repeats = not drew and _writes(self._actor.features_extractor) == written
        return features

    def _encode(self, network: BaseModel, learn: bool) -> Tensor:
        with torch.set_grad_enabled(learn):
            return encode(network, self._observations, self._dtype)


def prepare(observations: "PyTorchObs", network: BaseModel, dtype: torch.dtype) -> "PyTorchObs":
    """Return observations as features extractors read them: SB3's preprocessing, done once.

    Images, uint8 (B, C, H, W), become `dtype` in [0, 1], channels-last: convolutions are faster so
    on CPU, and on GPU in bfloat16. Features in an image's place, float (B, F), stay as they are.
    All else is float32, one-hot where it is discrete.

    Args:
        observations: as a replay buffer returns them.
        network: says the observation space, and whether images are scaled.
        dtype: of the images.
    """
    space = network.observation_space
    if not isinstance(space, spaces.Dict):
        assert isinstance(observations, Tensor)
        return _prepare_part(observations, space, network.normalize_images, dtype)
    assert isinstance(observations, Mapping)
    return {
        key: _prepare_part(value, space[key], network.normalize_images, dtype)
        for key, value in observations.items()
    }


def _prepare_part(
    part: Tensor, space: spaces.Space[object], normalize_images: bool, dtype: torch.dtype
) -> Tensor:
    if part.ndim == 2 and is_image_space(space):
        return part
    if normalize_images and is_image_space(space):
        # Laid out as bytes, a quarter of the traffic; `copy` keeps the division off the caller's.
        scaled = part.contiguous(memory_format=torch.channels_last).to(dtype, copy=True)
        return scaled.div_(255.0)
    prepared = preprocess_obs(part, space, normalize_images=normalize_images)
    assert isinstance(prepared, Tensor)
    return prepared


def encode(network: BaseModel, prepared: "PyTorchObs", dtype: torch.dtype) -> Tensor:
    """Return a network's fused features, float32 (B, D), of prepared observations."""
    assert isinstance(network.features_extractor, nn.Module)
    if dtype == torch.float32:
        features: Tensor = network.features_extractor(prepared)
        return features
    with torch.autocast(network.device.type, dtype=dtype):
        features = network.features_extractor(prepared)
    return features.float()


def trains_encoder(network: BaseModel) -> bool:
    """Return whether the network's optimiser holds a parameter of its features extractor."""
    assert isinstance(network.features_extractor, nn.Module)
    held = set(held_parameters(network.optimizer))
    return any(parameter in held for parameter in network.features_extractor.parameters())


def held_parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return the trainable parameters that an optimiser steps."""
    held = (p for group in optimizer.param_groups for p in group["params"])
    return [parameter for parameter in held if parameter.requires_grad]


def _generator_states(device: torch.device) -> list[Tensor]:
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return states


def _writes(extractor: nn.Module) -> list[int]:
    """Return how often each buffer has been written to: running statistics are, constants not."""
    return [buffer._version for buffer in extractor.buffers()]


def _differ(before: Tensor, after: Tensor) -> bool:
    return not torch.equal(before, after)
