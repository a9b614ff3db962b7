"""How far the networks' weights come from one measurement to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from goalscope.diagnostics.instruments.instrument import Context
from goalscope.diagnostics.record.keys import ACTOR, CRITIC, CRITIC_TARGET, FIRST_LAYERS, LOSS_OF
from goalscope.diagnostics.record.transition_metrics import (
    TARGET_MOTION,
    TRAVEL,
)
from goalscope.diagnostics.updates.tracked import encoder_parameters, learning
from goalscope.probes import Network, distance_moved

MOTION_UPDATES = 10  # a target may follow the critic every few updates only


@dataclass(frozen=True)
class _Weights:
    """Copies of parameters at an update, by the names of what they belong to."""

    update: int
    copies: dict[tuple[str, str], list[Tensor]]


class Motion:
    """Holds the weights of the measurement before; begins anew in a resumed run."""

    def __init__(self) -> None:
        self._before: _Weights | None = None

    def measure(self, context: Context) -> dict[str, Tensor]:
        """Return record key -> scalar; {} until ten updates have passed since the weights held."""
        before = self._before
        if before is not None and context.update - before.update < MOTION_UPDATES:
            return {}
        now = _parameters(context.networks)
        copies = {place: [p.detach().clone() for p in held] for place, held in now.items()}
        self._before = _Weights(context.update, copies)
        if before is None:
            return {}
        moved = {
            place: distance_moved(before.copies[place], held)
            for place, held in now.items()
            if place in before.copies
        }
        results = {}
        ratios = [
            moved[CRITIC_TARGET, part] / moved[CRITIC, part]
            for network, part in moved
            if network == CRITIC_TARGET and bool(moved.get((CRITIC, part), 0.0) != 0)
        ]
        if ratios:
            results[TARGET_MOTION.key()] = torch.stack(ratios).min()
        for (network, block), step in _steps(context).items():
            if (network, block) in moved and bool(step > 0):
                results[TRAVEL.key(network, block)] = moved[network, block] / step
        return results


def travel_blocks(network: Network) -> list[str]:
    """Return the blocks whose travel can be told: the encoders, and the first layers."""
    return [*encoder_parameters(network), *([FIRST_LAYERS] if network.consumers else [])]


def _parameters(networks: Mapping[str, Network]) -> dict[tuple[str, str], Sequence[Tensor]]:
    """Return (network, block) -> parameters; of critic and target their modules, too, as ".name".

    Not of an agent without an actor: its target is a copy, made every so many steps.
    """
    found: dict[tuple[str, str], Sequence[Tensor]] = {}
    for name in (CRITIC, CRITIC_TARGET) if {ACTOR, CRITIC_TARGET} <= set(networks) else ():
        for part, module in networks[name].module.named_children():
            if own := list(module.parameters()):
                found[name, f".{part}"] = own
    for network in learning(networks):
        for block, parameters in encoder_parameters(network).items():
            found[network.name, block] = parameters
        if network.consumers:
            found[network.name, FIRST_LAYERS] = [c.weight for c in network.consumers]
    return found


def _steps(context: Context) -> dict[tuple[str, str], Tensor]:
    """Return (network, block) -> norm of the step that was just taken."""
    found: dict[tuple[str, str], Tensor] = {}
    for network in learning(context.networks):
        name = network.name
        update = context.seen.losses.get(LOSS_OF[name]) if context.seen else None
        if update is None:
            continue
        for block, encoder in update.encoders.items():
            found[name, block] = encoder.change_norm
        pairs = zip(update.weights, update.weights_after, strict=True)
        parts = [(after - weight).norm() for weight, after in pairs]
        if parts:
            found[name, FIRST_LAYERS] = torch.stack(parts).norm()
    return found
