"""A made-up update, from which the keys that instruments will write are known beforehand."""

from collections.abc import Mapping

import torch
from torch import Tensor

from goalscope.diagnostics.record.keys import LOSS_OF
from goalscope.diagnostics.updates.tracked import (
    ForwardPass,
    TrackedUpdate,
    encoder_parameters,
    shared_encoder_parameters,
)
from goalscope.probes import EncoderUpdate, LossUpdate, Network


def made_up_update(
    update: int, networks: Mapping[str, Network], generator: torch.Generator, rows: int = 4
) -> TrackedUpdate:
    """Return an update as the tap would see one of these networks, filled with random numbers.

    Args:
        update: its number.
        networks: the agent's networks; no pass of them is made.
        generator: what is drawn from.
        rows: of the batch.
    """
    tracked = TrackedUpdate(update)

    def draw(*shape: int, like: Tensor) -> Tensor:
        return torch.randn(shape, generator=generator).to(like)

    for name, network in networks.items():
        weights = [consumer.layer.weight.detach() for consumer in network.consumers]
        if not weights:
            continue
        inputs = draw(rows, weights[0].shape[1], like=weights[0])
        raw = {
            block.name: draw(rows, block.width, like=weights[0])
            for block in network.blocks
            if block.normalisation
        }
        tracked.passes[name] = ForwardPass(inputs, weights, raw)
        if name in LOSS_OF:
            step = draw(3, like=weights[0])
            encoders = {
                block: EncoderUpdate(step[:1], step[1], step[2])
                for block in encoder_parameters(network)
            }
            deltas = [draw(rows, len(weight), like=weight) for weight in weights]
            tracked.losses[LOSS_OF[name]] = LossUpdate(
                inputs, deltas, weights, weights, weights, encoders
            )
    if shared_encoder_parameters(networks):
        tracked.encoder_cosine = torch.zeros(())
    return tracked
