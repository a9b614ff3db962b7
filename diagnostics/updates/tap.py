"""The tap: sees the gradients and steps of the real updates while SB3 makes them.

After SB3's `train()` a critic parameter's `.grad` holds the critic's and the actor's gradient
together. The tap therefore reads inside the optimisers' step hooks, where `zero_grad` and exactly
one backward pass have just run, and knows what the consumers read and received from forward hooks
on them. It runs no pass of its own and alters nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from goalscope.diagnostics.record.keys import ACTOR_LOSS, CRITIC_LOSS
from goalscope.diagnostics.updates.tracked import (
    ForwardPass,
    TrackedUpdate,
    encoder_parameters,
    shared_encoder_parameters,
)
from goalscope.probes import EncoderUpdate, LossUpdate, Network


@dataclass
class _Read:
    """One consumer's forward pass: what it read, and the gradient that came back to its output."""

    inputs: Tensor
    output_gradient: Tensor | None = None

    def receive(self, gradient: Tensor) -> None:
        self.output_gradient = gradient.detach()


class Tap:
    """Watches the optimiser steps of an actor and a critic.

    Args:
        networks: the views of "actor", "critic" and, where there is one, "critic_target".
        start: updates already made before the tap was attached.
        is_due: update number -> whether to track it.
        on_first: called inside the first tracked update before any weight has changed.
        on_update: called after each tracked update, when both steps are taken.
        on_failure: called with what went wrong; training goes on.
    """

    def __init__(
        self,
        networks: Mapping[str, Network],
        start: int,
        is_due: Callable[[int], bool],
        on_first: Callable[[], None],
        on_update: Callable[[TrackedUpdate], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.update = start
        self._networks = networks
        self._is_due = is_due
        self._first: Callable[[], None] | None = on_first
        self._on_update = on_update
        self._on_failure = on_failure
        self._reads: dict[nn.Module, list[_Read]] = {}
        self._raw: dict[tuple[str, str], Tensor] = {}
        self._steps: dict[str, _OpenStep] = {}
        self._shared_gradients: list[tuple[Tensor, Tensor]] = []
        self._shared_of: dict[str, dict[Tensor, Tensor]] = {}
        self._tracked: TrackedUpdate | None = None
        self._handles: list[RemovableHandle] = []
        self._recording = is_due(start + 1)
        for network in networks.values():
            self._hook_forward(network)
        self._hook_optimiser(networks["critic"], self._before_critic, self._after_critic)
        self._hook_optimiser(networks["actor"], self._before_actor, self._after_actor)
        self._hook_shared_encoder()

    def detach(self) -> None:
        """Remove every hook; an update whose actor step never came is handed over first."""
        self._guarded(self._hand_over)
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Ignore forward passes inside: those that measurements make themselves."""
        recording, self._recording = self._recording, False
        try:
            yield
        finally:
            self._recording = recording

    # What the forward passes show

    def _hook_forward(self, network: Network) -> None:
        is_target = network.name == "critic_target"

        def read(layer: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
            if self._recording and (output.requires_grad or is_target):
                seen = _Read(args[0].detach())
                self._reads.setdefault(layer, []).append(seen)
                if output.requires_grad:
                    output.register_hook(seen.receive)

        for consumer in network.consumers:
            self._handles.append(consumer.layer.register_forward_hook(read))
        for block in network.blocks:
            if block.normalisation is None:
                continue

            def normalise(_: nn.Module, args: tuple[Any, ...], block: str = block.name) -> None:
                if self._recording and (torch.is_grad_enabled() or is_target):
                    self._raw[network.name, block] = args[0].detach()

            module = network.extractor.get_submodule(block.normalisation)
            self._handles.append(module.register_forward_pre_hook(normalise))

    def _forward_pass(self, network: Network) -> ForwardPass | None:
        reads = self._reads.get(network.consumers[0].layer) if network.consumers else None
        if not reads:
            return None
        raw = {block: value for (name, block), value in self._raw.items() if name == network.name}
        weights = [consumer.layer.weight.detach().clone() for consumer in network.consumers]
        return ForwardPass(reads[0].inputs, weights, raw)

    # What the optimisers show

    def _hook_optimiser(
        self, network: Network, before: Callable[[], None], after: Callable[[], None]
    ) -> None:
        optimiser: torch.optim.Optimizer = network.module.optimizer
        self._handles.append(
            optimiser.register_step_pre_hook(lambda *_: self._guarded(before)),
        )
        self._handles.append(
            optimiser.register_step_post_hook(lambda *_: self._guarded(after)),
        )

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            with torch.no_grad():
                action()
        except Exception as error:  # a measurement must never end the training it watches
            # What was half captured must not be taken for a part of the next update.
            for captured in (self._reads, self._raw, self._steps, self._shared_of):
                captured.clear()
            self._shared_gradients.clear()
            self._tracked = None
            self._on_failure(error)

    def _before_critic(self) -> None:
        self.update += 1  # first, so that no failure below can make the count drift
        self._hand_over()
        if self._is_due(self.update):
            self._tracked = TrackedUpdate(self.update)
            for name in ("critic", "critic_target"):
                if name in self._networks:
                    self._keep_pass(self._networks[name])
            self._open_step(CRITIC_LOSS, self._networks["critic"])
        self._forget("critic", "critic_target")
        if self._first is not None:
            first, self._first = self._first, None
            first()

    def _after_critic(self) -> None:
        self._close_step(CRITIC_LOSS)
        self._recording = self._is_due(self.update) or self._is_due(self.update + 1)

    def _before_actor(self) -> None:
        if self._tracked is not None:
            self._keep_pass(self._networks["actor"])
            self._open_step(ACTOR_LOSS, self._networks["actor"])

    def _after_actor(self) -> None:
        self._close_step(ACTOR_LOSS)
        self._forget("actor", "critic", "critic_target")
        self._shared_gradients.clear()
        self._hand_over()
        self._recording = self._is_due(self.update + 1)

    def _keep_pass(self, network: Network) -> None:
        assert self._tracked is not None
        seen = self._forward_pass(network)
        if seen is not None:
            self._tracked.passes[network.name] = seen

    def _open_step(self, loss: str, network: Network) -> None:
        self._shared_of[loss] = {p: gradient for p, gradient in self._shared_gradients}
        self._shared_gradients.clear()
        reads = [
            [read for read in self._reads.get(c.layer, []) if read.output_gradient is not None]
            for c in network.consumers
        ]
        if network.consumers and all(reads):
            self._steps[loss] = _OpenStep.begin(network, reads)

    def _close_step(self, loss: str) -> None:
        step = self._steps.pop(loss, None)
        if step is not None and self._tracked is not None:
            self._tracked.losses[loss] = step.finish()

    def _forget(self, *names: str) -> None:
        for name in names:
            if name in self._networks:
                for consumer in self._networks[name].consumers:
                    self._reads.pop(consumer.layer, None)

    def _hand_over(self) -> None:
        tracked, self._tracked = self._tracked, None
        if tracked is not None:
            tracked.encoder_cosine = self._encoder_cosine()
            self._on_update(tracked)

    # Where actor and critic share an encoder

    def _hook_shared_encoder(self) -> None:
        for parameter in shared_encoder_parameters(self._networks):

            def arrive(gradient: Tensor, parameter: Tensor = parameter) -> None:
                if self._recording:
                    self._shared_gradients.append((parameter, gradient.detach().clone()))

            self._handles.append(parameter.register_hook(arrive))

    def _encoder_cosine(self) -> Tensor | None:
        critic, actor = (self._shared_of.pop(loss, {}) for loss in (CRITIC_LOSS, ACTOR_LOSS))
        common = [parameter for parameter in critic if parameter in actor]
        if not common:
            return None
        left = torch.cat([critic[parameter].flatten() for parameter in common])
        right = torch.cat([actor[parameter].flatten() for parameter in common])
        return nn.functional.cosine_similarity(left, right, dim=0)


@dataclass
class _OpenStep:
    """A loss between its optimiser's pre-step and post-step hook."""

    network: Network
    inputs: Tensor
    output_gradients: list[Tensor]
    weights: list[Tensor]
    weight_gradients: list[Tensor]
    encoders: dict[str, tuple[list[nn.Parameter], Tensor, Tensor]]

    @classmethod
    def begin(cls, network: Network, reads: Sequence[Sequence[_Read]]) -> "_OpenStep":
        layers = [consumer.layer for consumer in network.consumers]
        deltas = [
            [r.output_gradient for r in seen if r.output_gradient is not None] for seen in reads
        ]
        return cls(
            network,
            # Several passes of one loss (an averaged augmentation) are rows of one batch.
            torch.cat([read.inputs for read in reads[0]]),
            [torch.cat(parts) for parts in deltas],
            [layer.weight.detach().clone() for layer in layers],
            [_gradient(layer.weight).clone() for layer in layers],
            {
                block: (parameters, _flat(map(_gradient, parameters)), _flat(parameters))
                for block, parameters in encoder_parameters(network).items()
            },
        )

    def finish(self) -> LossUpdate:
        after = [consumer.layer.weight.detach().clone() for consumer in self.network.consumers]
        encoders = {
            block: EncoderUpdate(gradient, before.norm(), (_flat(parameters) - before).norm())
            for block, (parameters, gradient, before) in self.encoders.items()
        }
        return LossUpdate(
            self.inputs, self.output_gradients, self.weights, self.weight_gradients, after, encoders
        )


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach()


def _flat(tensors: Iterator[Tensor] | Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])
