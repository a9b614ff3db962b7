"""A made-up update, from which the keys that instruments will write are known beforehand."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from goalscope.diagnostics.record.keys import JOINT_LOSS, LOSS_OF
from goalscope.diagnostics.updates.tracked import (
    ForwardPass,
    TrackedUpdate,
    by_extractor,
    encoder_parameters,
    shared_encoder_parameters,
    trained_by,
)
from goalscope.probes import EncoderUpdate, LossUpdate, Moments, Network


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
        weights = [consumer.weight for consumer in network.consumers]
        like = next(network.module.parameters()).detach()
        width = weights[0].shape[1] if weights else network.features_dim
        inputs = draw(rows, width, like=like)
        raw = {b.name: draw(rows, b.width, like=like) for b in network.blocks if b.normalisation}
        tracked.passes[name] = ForwardPass(inputs, weights, raw)
        if name in LOSS_OF and weights:
            deltas = [draw(rows, len(weight), like=weight) for weight in weights]
            gradients, after = ([draw(*w.shape, like=w) for w in weights] for _ in range(2))
            tracked.losses[LOSS_OF[name]] = LossUpdate(inputs, deltas, weights, gradients, after)
    for held in trained_by(networks).values():
        for together in by_extractor(held):
            network, joint = together[0], len(together) > 1
            loss = JOINT_LOSS if joint else LOSS_OF[network.name]
            features = tracked.passes[network.name].inputs[:, : network.features_dim]
            if joint or not network.consumers:
                seen = LossUpdate(
                    features, [], [], [], [], received=draw(*features.shape, like=features)
                )
                tracked.losses[loss] = seen
            step = draw(3, like=features)
            encoders = {
                block: EncoderUpdate(step[:1], step[1], step[2])
                for block in encoder_parameters(network)
            }
            moments = Moments(torch.ones(()), 1, 1.0)
            seen = replace(tracked.losses[loss], encoders=encoders, moments=moments)
            tracked.losses[loss] = seen
    if shared_encoder_parameters(networks):
        tracked.encoder_cosine = torch.zeros(())
    return tracked
