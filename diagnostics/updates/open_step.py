"""A loss between its optimiser's pre-step and post-step hook."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from goalscope.diagnostics.updates.passes import Read
from goalscope.diagnostics.updates.tracked import consumer_weights, encoder_parameters
from goalscope.probes import EncoderUpdate, LossUpdate, Moments, Network


@dataclass(frozen=True)
class OpenStep:
    """A loss between its optimiser's pre-step and post-step hook.

    Attributes:
        network: whose.
        seen: what the loss left behind; its weights after the step are still those before.
        encoders: block -> the encoder's parameters, their gradient and their values before.
    """

    network: Network
    seen: LossUpdate
    encoders: dict[str, tuple[list[nn.Parameter], Tensor, Tensor]] = field(default_factory=dict)

    @classmethod
    def begin(cls, network: Network, reads: Sequence[Sequence[Read]]) -> "OpenStep":
        """Keep what a loss has left behind in a network whose encoder it alone has reached.

        Args:
            network: whose optimiser is about to step.
            reads: of each consumer, those that a gradient came back to; without consumers of the
                features extractor.
        """
        # Several passes of one loss (an averaged augmentation) are rows of one batch.
        deltas = [
            torch.cat([r.output_gradient for r in seen if r.output_gradient is not None])
            for seen in reads
        ]
        inputs = torch.cat([read.inputs for read in reads[0]])
        weights = consumer_weights(network)
        if not weights:
            return cls(
                network,
                LossUpdate(inputs, [], [], [], [], received=deltas[0]),
                _encoders(network),
            )
        # Under autocast they come in half precision.
        deltas = [d.to(weight.dtype) for d, weight in zip(deltas, weights, strict=True)]
        inputs = inputs.to(weights[0].dtype)
        gradients = [
            delta.flatten(0, -2).T @ inputs.flatten(0, -2)
            if consumer.derived
            else _gradient(consumer.layer.weight).clone()
            for consumer, delta in zip(network.consumers, deltas, strict=True)
        ]
        seen = LossUpdate(inputs, deltas, weights, gradients, weights)
        return cls(network, seen, _encoders(network))

    @classmethod
    def at_fusion(cls, network: Network, inputs: Tensor, received: Tensor) -> "OpenStep":
        """Keep what several losses together have left behind at the extractor that they share.

        Args:
            network: one of theirs.
            inputs: float (B, D), the fused features.
            received: float (B, D), what came back to them.
        """
        return cls(
            network, LossUpdate(inputs, [], [], [], [], received=received), _encoders(network)
        )

    def finish(self, taken: int) -> LossUpdate:
        """Return the update, once the optimiser has stepped.

        Args:
            taken: how many steps the optimiser was seen to take, this one included.
        """
        encoders = {
            block: EncoderUpdate(gradient, before.norm(), (_flat(parameters) - before).norm())
            for block, (parameters, gradient, before) in self.encoders.items()
        }
        weights = consumer_weights(self.network) if self.seen.weights else []
        moments = _moments(self.network.optimizer, taken)
        return replace(self.seen, weights_after=weights, encoders=encoders, moments=moments)


def _moments(optimizer: torch.optim.Optimizer | None, taken: int) -> Moments | None:
    """Return what Adam and its kin remember: of the parameter that has been counted longest."""
    if optimizer is None:
        return None
    betas = [float(beta) for beta in optimizer.param_groups[0].get("betas", ())]
    states = [optimizer.state.get(p, {}) for g in optimizer.param_groups for p in g["params"]]
    counts = [torch.as_tensor(state["step"]) for state in states if "step" in state]
    if len(betas) != 2 or not betas[1] < 1 or not counts:
        return None
    return Moments(torch.stack(counts).max(), taken, 1 / (1 - betas[1]))


def _encoders(network: Network) -> dict[str, tuple[list[nn.Parameter], Tensor, Tensor]]:
    return {
        block: (parameters, _flat(map(_gradient, parameters)), _flat(parameters))
        for block, parameters in encoder_parameters(network).items()
    }


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach()


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])
