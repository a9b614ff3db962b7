"""A uniform view of the networks of an SB3 agent, whatever its algorithm."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.preprocessing import is_image_space, preprocess_obs
from torch import Tensor, nn
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from goalscope.probes.blocks import (
    ACTION,
    GOAL,
    GOAL_KEYS,
    Block,
    GoalKeys,
    find_blocks,
    goal_columns,
    key_name,
)
from goalscope.probes.families import Layout, UnsupportedPolicy, layouts, substituted_features
from goalscope.probes.isolation import evaluation_mode

_ROWS = 64  # encoded at a time


@dataclass(frozen=True, eq=False)
class Consumer:
    """A first linear layer that reads the fused features.

    Attributes:
        name: its name within the network, such as "qf0.0".
        layer: weight (H, D) or, where it reads the action too, (H, D + action width).
    """

    name: str
    layer: nn.Linear

    @property
    def derived(self) -> bool:
        """Whether its weight is worked out of other parameters, as by spectral or weight norm."""
        return "weight" not in self.layer._parameters

    @property
    def weight(self) -> Tensor:
        """Its weight now, detached, (H, D) or (H, D + action width).

        A derived one is read in evaluation mode: else each read would be a power iteration more of
        a spectral norm. One that a hook works out before each pass (torch's older kind) is worked
        out here: what lies there is of the last pass.
        """
        with evaluation_mode(self.layer), torch.no_grad():
            weight: Tensor = self.layer.weight
            for hook in self.layer._forward_pre_hooks.values():
                if isinstance(hook, WeightNorm) and hook.name == "weight":
                    weight = hook.compute_weight(self.layer)
                elif isinstance(hook, SpectralNorm) and hook.name == "weight":
                    weight = hook.compute_weight(self.layer, do_power_iteration=False)
            return weight.detach()


@dataclass(frozen=True, eq=False, kw_only=True)
class Network(Layout):
    """One of the agent's networks, taken apart at the fused features.

    Attributes:
        name: "actor", "critic" or "critic_target".
        blocks: the blocks of its fused features.
        consumers: the layers that read them; empty where no linear layer reads them directly.
        features_dim: D, number of fused features.
        action_width: columns of the consumers after the fused features; 0 where they read no
            action.
        goal_keys: what the achieved and the desired goal are called in the observation.
    """

    name: str
    blocks: tuple[Block, ...]
    consumers: tuple[Consumer, ...]
    features_dim: int
    action_width: int
    goal_keys: GoalKeys = GOAL_KEYS

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

    def block_of(self, key: str) -> str:
        """Return what an observation key's own block is called."""
        return key_name(key, self.goal_keys)

    def fused_features(self, observations: Mapping[str, Tensor]) -> Tensor:
        """Return the fused features, float (B, D), of observations as a buffer returns them.

        Without gradient in pieces of 64 rows, so that watching needs less memory than training.
        """
        if torch.is_grad_enabled():
            return self.encode(dict(observations), self.extractor)
        split = [value.split(_ROWS) for value in observations.values()]
        pieces = [dict(zip(observations, rows, strict=True)) for rows in zip(*split, strict=True)]
        return torch.cat([self.encode(piece, self.extractor) for piece in pieces])

    def q_values(self, features: Tensor, actions: Tensor | None) -> Tensor:
        """Return Q, float (B,), of features (B, D) and actions (B, A), or of greedy ones for None.

        Of several critics it is the least, which SAC's actor maximises and its targets bootstrap
        from; of quantiles their mean; of a critic that reads no action the value of the state.
        """
        return self.answer(features, actions)

    def mean_actions(self, features: Tensor) -> Tensor:
        """Return the deterministic action, float (B, A) in [-1, 1], of fused features (B, D).

        Of discrete actions 2 p - 1 of each one's probability p.
        """
        return self.answer(features, None)

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


def view_networks(policy: BasePolicy, goal_keys: GoalKeys = GOAL_KEYS) -> dict[str, Network]:
    """Return the policy's networks by name, with their blocks and consumers found.

    Args:
        policy: of the agent.
        goal_keys: what the achieved and the desired goal are called in the observation; names that
            it has not are goals that are not observed.

    Raises:
        UnsupportedPolicy: no family of algorithms fits, or the observation is not a Dict.
    """
    if not isinstance(policy.observation_space, spaces.Dict):
        raise UnsupportedPolicy(
            "goalscope needs a Dict observation (MultiInputPolicy), not "
            f"{type(policy.observation_space).__name__}; give each input as a key of its own"
        )
    batch = example_observations(policy.observation_space, policy.device)
    return {n: _view(n, layout, batch, goal_keys) for n, layout in layouts(policy).items()}


def _view(name: str, layout: Layout, batch: Mapping[str, Tensor], goal_keys: GoalKeys) -> Network:
    module = layout.module
    prepared = preprocess_obs(
        dict(batch), module.observation_space, normalize_images=module.normalize_images
    )
    assert isinstance(prepared, dict)  # the space is a Dict
    blocks = find_blocks(layout.extractor, prepared, goal_keys)
    with torch.no_grad(), evaluation_mode(module):
        features = layout.encode(dict(batch), layout.extractor)
        consumers = _find_consumers(layout, features)
    extra = {consumer.layer.in_features - features.shape[1] for consumer in consumers}
    return Network(
        **vars(layout),
        name=name,
        blocks=blocks,
        consumers=consumers,
        features_dim=features.shape[1],
        action_width=extra.pop() if len(extra) == 1 else 0,
        goal_keys=goal_keys,
    )


def _find_consumers(layout: Layout, features: Tensor) -> tuple[Consumer, ...]:
    """Run the heads once and keep the linear layers whose input begins with the fused features."""
    found: list[Consumer] = []
    handles = []
    encoding = set(layout.extractor.modules())
    for name, part in layout.module.named_modules():
        if not isinstance(part, nn.Linear) or part in encoding:
            continue

        def record(layer: nn.Module, args: tuple[Any, ...], name: str = name) -> None:
            source = args[0]
            if source.ndim == 2 and torch.equal(source[:, : features.shape[1]], features):
                assert isinstance(layer, nn.Linear)
                found.append(Consumer(name, layer))

        handles.append(part.register_forward_pre_hook(record))
    try:
        layout.answer(features, example_actions(layout, len(features)))
    finally:
        for handle in handles:
            handle.remove()
    return tuple(found)


def example_actions(layout: Layout, rows: int) -> Tensor:
    """Return the actions in the middle of a Box, or the first of discrete ones, (rows, A)."""
    space = layout.module.action_space
    width = int(np.prod(space.shape)) if isinstance(space, spaces.Box) else 1
    return torch.zeros((rows, width), device=layout.module.device)


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
        # A column, as replay returns it.
        return np.asarray(generator.integers(0, space.n, size=(rows, 1)) + space.start)
    if isinstance(space, spaces.MultiBinary):
        return generator.integers(0, 2, size=(rows, *space.shape))
    if isinstance(space, spaces.MultiDiscrete):
        return generator.integers(0, space.nvec, size=(rows, *space.shape))
    raise UnsupportedPolicy(
        f"an observation of type {type(space).__name__} is not supported by SB3"
    )
