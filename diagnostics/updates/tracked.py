"""A tracked update: what the tap hands over, and whose optimiser, loss and encoder is whose."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from goalscope.diagnostics.record.keys import (
    ACTOR,
    CRITIC,
    CRITIC_LOSS,
    CRITIC_TARGET,
    JOINT_LOSS,
    LOSS_OF,
    LOSSES,
)
from goalscope.diagnostics.updates.lesson import Lesson, Lessons
from goalscope.probes import LossUpdate, Network

_LOSS_OF = {**LOSS_OF, CRITIC_TARGET: CRITIC_LOSS}  # whose step a network's passes come before


@dataclass(frozen=True)
class ForwardPass:
    """What a network's consumers read in the update, detached.

    Attributes:
        inputs: float (B, D) or (B, D + A); without consumers the fused features.
        weights: the consumers' weights in force, (H, D) or (H, D + A) each.
        raw: block -> float (B, d_k), just before the normalisation the block's encoder ends in.
    """

    inputs: Tensor
    weights: Sequence[Tensor]
    raw: Mapping[str, Tensor]


@dataclass
class TrackedUpdate:
    """One update as the tap saw it.

    Attributes:
        update: its number, from 1: the optimiser steps of the critic up to and including it.
        wanted: the losses it is tracked for.
        stepped: those of them that took a step in it.
        losses: loss -> what its backward pass left behind. A loss that had no step in this update
            (a delayed actor) is absent. JOINT_LOSS is what arrived at an encoder that several
            losses of one optimiser share: it cannot be taken apart.
        passes: network -> its forward pass, made with the weights after `update - 1` updates.
        encoder_cosine: cosine of the two losses' gradients on a shared encoder that both reach.
        lesson: what its passes show of the values that the critics were taught.
        q_weight: how much the actor's loss falls where the critics' answers to it rise by 1.
    """

    update: int
    wanted: frozenset[str] = frozenset(LOSSES)
    stepped: set[str] = field(default_factory=set)
    losses: dict[str, LossUpdate] = field(default_factory=dict)
    passes: dict[str, ForwardPass] = field(default_factory=dict)
    encoder_cosine: Tensor | None = None
    lesson: Lesson | None = None
    q_weight: Tensor | None = None

    def hear(self, lessons: Lessons, names: Collection[str]) -> None:
        """Keep what was seen of the losses of these networks, whose optimiser is about to step."""
        if ACTOR in names:
            self.q_weight = lessons.q_weight(alone=CRITIC not in names)
        if CRITIC in names:
            self.lesson = lessons.take()

    def of(self, losses: Collection[str]) -> "TrackedUpdate":
        """Return what belongs to some of the losses; what belongs to two is there for both."""
        return replace(
            self,
            losses={n: seen for n, seen in self.losses.items() if n in losses or n == JOINT_LOSS},
            passes={name: seen for name, seen in self.passes.items() if _LOSS_OF[name] in losses},
            encoder_cosine=self.encoder_cosine if set(losses) == set(LOSSES) else None,
        )


def consumer_weights(network: Network) -> list[Tensor]:
    """Return a copy of each consumer's weight, (H, D) or (H, D + A)."""
    return [consumer.weight.clone() for consumer in network.consumers]


def trained_by(networks: Mapping[str, Network]) -> dict[torch.optim.Optimizer, list[Network]]:
    """Return optimiser -> the networks it trains, the one that trains the critic first."""
    found: dict[torch.optim.Optimizer, list[Network]] = {}
    for network in learning(networks):
        if network.optimizer is not None:
            found.setdefault(network.optimizer, []).append(network)
    return found


def learning(networks: Mapping[str, Network]) -> list[Network]:
    """Return the critic and, where there is one, the actor: the networks that losses train."""
    return [networks[name] for name in (CRITIC, ACTOR) if name in networks]


def losses_of(networks: Mapping[str, Network]) -> tuple[str, ...]:
    """Return the losses that are seen apart: one for each network that an optimiser trains."""
    held = trained_by(networks).values()
    return tuple(LOSS_OF[network.name] for together in held for network in together)


def encoder_parameters(network: Network) -> dict[str, list[nn.Parameter]]:
    """Return block -> the encoder parameters that this network's own optimiser holds."""
    groups = network.optimizer.param_groups if network.optimizer is not None else []
    held = {id(p) for group in groups for p in group["params"]}
    found = {}
    for block in network.blocks:
        parameters = [network.extractor.get_parameter(name) for name in block.parameters]
        parameters = [parameter for parameter in parameters if id(parameter) in held]
        if parameters:
            found[block.name] = parameters
    return found


def by_extractor(networks: Sequence[Network]) -> list[list[Network]]:
    """Return the networks, those that encode with the same extractor together."""
    found: dict[nn.Module, list[Network]] = {}
    for network in networks:
        found.setdefault(network.extractor, []).append(network)
    return list(found.values())


def shared_encoder_parameters(networks: Mapping[str, Network]) -> list[nn.Parameter]:
    """Return the trainable parameters that two optimisers' networks both encode with."""
    held = list(trained_by(networks).values())
    if len(held) < 2:
        return []
    owned = set(networks[ACTOR].extractor.parameters())
    shared = [p for p in networks[CRITIC].extractor.parameters() if p in owned]
    return [parameter for parameter in shared if parameter.requires_grad]
