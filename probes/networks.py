"""A uniform view of the networks of an SB3 off-policy actor-critic."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BaseModel, BasePolicy
from stable_baselines3.common.preprocessing import is_image_space, preprocess_obs
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from goalscope.errors import UserError
from goalscope.probes.blocks import ACTION, GOAL, Block, evaluation_mode, find_blocks, goal_columns

NETWORKS = ("actor", "critic", "critic_target")
_ROWS = 64  # encoded at a time


class UnsupportedPolicy(UserError):
    """The policy is not an off-policy actor-critic with a Dict observation; one line."""


@dataclass(frozen=True, eq=False)
class Consumer:
    """A first linear layer that reads the fused features.

    Attributes:
        name: its name within the network, such as "qf0.0".
        layer: weight (H, D) or, where it reads the action too, (H, D + action width).
    """

    name: str
    layer: nn.Linear


@dataclass(frozen=True, eq=False)
class Network:
    """One of the agent's networks, taken apart at the fused features.

    Attributes:
        name: "actor", "critic" or "critic_target".
        module: the SB3 network.
        blocks: the blocks of its fused features.
        consumers: the layers that read them; empty where no linear layer reads them directly.
        features_dim: D, number of fused features.
        action_width: columns of the consumers after the fused features; 0 for the actor.
    """

    name: str
    module: BaseModel
    blocks: tuple[Block, ...]
    consumers: tuple[Consumer, ...]
    features_dim: int
    action_width: int

    @property
    def extractor(self) -> BaseFeaturesExtractor:
        """The features extractor."""
        return cast(BaseFeaturesExtractor, self.module.features_extractor)

    @property
    def columns(self) -> dict[str, Tensor]:
        """Block name -> columns of the fused features, `goal` (both goal vectors) included."""
        found = {block.name: block.columns for block in self.blocks}
        goal = goal_columns(self.blocks)
        return found if goal is None else {**found, GOAL: goal}

    @property
    def consumer_columns(self) -> dict[str, Tensor]:
        """Block name -> columns of a consumer's weight, `goal` and `action` included."""
        if not self.action_width:
            return self.columns
        end = self.features_dim + self.action_width
        device = self.blocks[0].columns.device
        action = torch.arange(self.features_dim, end, device=device)
        return {**self.columns, ACTION: action}

    @property
    def image_keys(self) -> tuple[str, ...]:
        """The images (uint8, 0..255) among the observations that the fused features depend on."""
        space = cast(spaces.Dict, self.module.observation_space)
        read = {key for block in self.blocks for key in block.keys}
        return tuple(k for k, part in space.spaces.items() if k in read and is_image_space(part))

    @property
    def image_blocks(self) -> tuple[Block, ...]:
        """The blocks that depend on images alone."""
        images = set(self.image_keys)
        return tuple(block for block in self.blocks if block.keys and set(block.keys) <= images)

    def shape_of(self, block: Block) -> tuple[int, ...]:
        """Return the shape of the key a block is of, as it is observed; () for several or none."""
        space = cast(spaces.Dict, self.module.observation_space)
        return (space[block.keys[0]].shape or ()) if len(block.keys) == 1 else ()

    def block(self, name: str) -> Block | None:
        """The block of that name, None where the network has none."""
        return next((block for block in self.blocks if block.name == name), None)

    def fused_features(self, observations: Mapping[str, Tensor]) -> Tensor:
        """Return the fused features, float (B, D), of observations as a buffer returns them.

        Without gradient in pieces of 64 rows, so that watching needs less memory than training.
        """
        if torch.is_grad_enabled():
            return self.module.extract_features(dict(observations), self.extractor)
        split = [value.split(_ROWS) for value in observations.values()]
        pieces = [dict(zip(observations, rows, strict=True)) for rows in zip(*split, strict=True)]
        return torch.cat([self.module.extract_features(p, self.extractor) for p in pieces])

    def q_values(self, features: Tensor, actions: Tensor) -> Tensor:
        """Return the least Q of the critics, float (B,), of features (B, D) and actions (B, A).

        The smallest is what SAC's actor maximises and its targets bootstrap from.
        """
        with substituted_features(self.module, features):
            values = self.module(None, actions)
        return torch.cat(values, dim=1).amin(dim=1)

    def mean_actions(self, features: Tensor) -> Tensor:
        """Return the deterministic action, float (B, A) in [-1, 1], of fused features (B, D)."""
        with substituted_features(self.module, features):
            actions: Tensor = _deterministic(self.module)
        return actions

    def drawn_actions(self, features: Tensor) -> tuple[Tensor, Tensor | float]:
        """Return actions (B, A) drawn from the policy and their log density (B,).

        From torch's global generator: isolate it. An actor without a density (TD3) returns its
        deterministic action and 0.
        """
        draw = getattr(self.module, "action_log_prob", None)
        if draw is None:
            return self.mean_actions(features), 0.0
        with substituted_features(self.module, features):
            actions, log_density = draw(None)
        return actions, log_density.flatten()


def view_networks(policy: BasePolicy) -> dict[str, Network]:
    """Return the policy's networks by name, with their blocks and consumers found.

    Raises:
        UnsupportedPolicy: no actor and critic, or the observation is not a Dict.
    """
    if not isinstance(policy.observation_space, spaces.Dict):
        raise UnsupportedPolicy(
            "goalscope needs a Dict observation (MultiInputPolicy), not "
            f"{type(policy.observation_space).__name__}; give the goal as a key of its own"
        )
    if not (hasattr(policy, "actor") and hasattr(policy, "critic")):
        raise UnsupportedPolicy(
            f"{type(policy).__name__} has no actor and critic; goalscope watches SB3's off-policy "
            "actor-critics (SAC, TD3, DDPG)"
        )
    batch = example_observations(policy.observation_space, policy.device)
    networks = {}
    for name in NETWORKS:
        module = getattr(policy, name, None)
        if module is not None:
            networks[name] = _view(name, module, batch)
    return networks


def _view(name: str, module: BaseModel, batch: Mapping[str, Tensor]) -> Network:
    prepared = preprocess_obs(
        dict(batch), module.observation_space, normalize_images=module.normalize_images
    )
    assert isinstance(prepared, dict)  # the space is a Dict
    assert isinstance(module.features_extractor, nn.Module)
    blocks = find_blocks(module.features_extractor, prepared)
    with torch.no_grad(), evaluation_mode(module):
        features = module.extract_features(dict(batch), module.features_extractor)
        consumers = _find_consumers(module, features)
    extra = {consumer.layer.in_features - features.shape[1] for consumer in consumers}
    return Network(
        name, module, blocks, consumers, features.shape[1], extra.pop() if len(extra) == 1 else 0
    )


def _find_consumers(module: BaseModel, features: Tensor) -> tuple[Consumer, ...]:
    """Run the heads once and keep the linear layers whose input begins with the fused features."""
    found: list[Consumer] = []
    handles = []
    for name, part in module.named_modules():
        if not isinstance(part, nn.Linear) or name.startswith("features_extractor"):
            continue

        def record(layer: nn.Module, args: tuple[Any, ...], name: str = name) -> None:
            source = args[0]
            if source.ndim == 2 and torch.equal(source[:, : features.shape[1]], features):
                assert isinstance(layer, nn.Linear)
                found.append(Consumer(name, layer))

        handles.append(part.register_forward_pre_hook(record))
    try:
        with substituted_features(module, features):
            if hasattr(module, "q_networks"):
                shape = (len(features), *cast(spaces.Box, module.action_space).shape)
                module(None, torch.zeros(shape, device=features.device).flatten(1))
            else:
                _deterministic(module)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(found)


def _deterministic(actor: BaseModel) -> Tensor:
    # SAC's actor samples unless told not to; TD3's takes no such argument.
    forward = cast(Callable[..., Tensor], actor)
    return forward(None, deterministic=True) if hasattr(actor, "log_std") else forward(None)


@contextmanager
def substituted_features(module: BaseModel, features: Tensor) -> Iterator[None]:
    """Let the network's own heads run on the given fused features instead of encoding again."""

    def substitute(*_: object, **__: object) -> Tensor:
        return features

    object.__setattr__(module, "extract_features", substitute)
    try:
        yield
    finally:
        object.__delattr__(module, "extract_features")


def example_observations(
    space: spaces.Space[Any], device: torch.device, rows: int = 4
) -> dict[str, Tensor]:
    """Return random observations of a Dict space, key -> (rows, ...); its generator is not used."""
    assert isinstance(space, spaces.Dict)  # view_networks checked
    generator = np.random.default_rng(0)
    batch = {}
    for key, part in space.spaces.items():
        batch[key] = torch.as_tensor(_example(part, generator, rows), device=device)
    return batch


def _example(space: spaces.Space[Any], generator: np.random.Generator, rows: int) -> np.ndarray:
    if isinstance(space, spaces.Box):
        low = np.where(np.isfinite(space.low), space.low, -1.0)
        high = np.where(np.isfinite(space.high), space.high, low + 2.0)
        values = generator.uniform(low, high, size=(rows, *space.shape))
        return np.asarray(values, dtype=space.dtype)
    if isinstance(space, spaces.Discrete):
        return np.asarray(generator.integers(0, space.n, size=(rows,)) + space.start)
    if isinstance(space, spaces.MultiBinary):
        return generator.integers(0, 2, size=(rows, *space.shape))
    if isinstance(space, spaces.MultiDiscrete):
        return generator.integers(0, space.nvec, size=(rows, *space.shape))
    raise UnsupportedPolicy(
        f"an observation of type {type(space).__name__} is not supported by SB3"
    )
