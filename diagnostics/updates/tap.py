"""The tap: sees the gradients and steps of the real updates while SB3 makes them.

After SB3's `train()` a critic parameter's `.grad` holds the critic's and the actor's gradient
together. The tap therefore reads inside the optimisers' step hooks, where `zero_grad` and exactly
one backward pass have just run, and knows what the consumers read and received from hooks on the
forward passes. It runs no pass of its own and alters nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from goalscope.diagnostics.record.keys import ACTOR_LOSS, CRITIC_LOSS
from goalscope.diagnostics.updates.acting import ActingInputs
from goalscope.diagnostics.updates.passes import Passes, Read
from goalscope.diagnostics.updates.steps import watch_steps
from goalscope.diagnostics.updates.tracked import (
    TrackedUpdate,
    consumer_weights,
    encoder_parameters,
    shared_encoder_parameters,
)
from goalscope.probes import EncoderUpdate, LossUpdate, Network

_ROUNDING = 0.02  # of a gradient, relative: a network in bfloat16 rounds to 0.4 %


class Tap:
    """Watches the optimiser steps of an actor and a critic.

    Args:
        networks: the views of "actor", "critic" and, where there is one, "critic_target".
        start: updates already made before the tap was attached.
        wanted: update number -> the losses to track in it.
        on_first: called inside the first tracked update before any weight has changed.
        on_update: called after each tracked update, when both steps are taken.
        on_failure: called with what went wrong; training goes on.
        on_note: called with a sentence about how the agent is wired, once for each loss.
        is_live: asked at every encoding whether this training is still being watched; where it is
            not, whoever answers calls `detach`.
    """

    def __init__(
        self,
        networks: Mapping[str, Network],
        start: int,
        wanted: Callable[[int], Collection[str]],
        on_first: Callable[[], None],
        on_update: Callable[[TrackedUpdate], None],
        on_failure: Callable[[Exception], None],
        on_note: Callable[[str], None] = lambda _: None,
        is_live: Callable[[], bool] = lambda: True,
    ) -> None:
        self.update = start
        self._networks = networks
        self._wanted = wanted
        self._first: Callable[[], None] | None = on_first
        self._on_update = on_update
        self._on_failure = on_failure
        self._on_note = on_note
        self._steps: dict[str, _OpenStep] = {}
        self._only_readers: dict[str, bool] = {}  # loss -> whether only its consumers read z
        self._shared_gradients: list[tuple[Tensor, Tensor]] = []
        self._shared_of: dict[str, dict[Tensor, Tensor]] = {}
        self._tracked: TrackedUpdate | None = None
        self._passes = Passes(networks, is_live)
        self._passes.update = start
        self._passes.recording = bool(wanted(start + 1))
        self._acting = ActingInputs(networks["actor"].extractor)
        self._handles: list[RemovableHandle] = []
        self._hook_optimiser(networks["critic"], self._before_critic, self._after_critic)
        self._hook_optimiser(networks["actor"], self._before_actor, self._after_actor)
        self._hook_shared_encoder()

    def finish(self) -> None:
        """Hand over an update whose actor step never came, and remove every hook."""
        self._guarded(self._hand_over)
        self.detach()

    def detach(self) -> None:
        """Remove every hook; what is half seen is forgotten."""
        self._passes.detach()
        self._acting.detach()
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Ignore forward passes inside: those that measurements make themselves."""
        recording, self._passes.recording = self._passes.recording, False
        try:
            yield
        finally:
            self._passes.recording = recording
            self._acting.take()

    def acted(self) -> dict[str, Tensor] | None:
        """Return what the actor's extractor was given as it was last asked for an action.

        Key -> (n_envs, ...); None where it has not been asked since the last call.
        """
        return self._acting.take()

    # What the optimisers show

    def _hook_optimiser(
        self, network: Network, before: Callable[[], None], after: Callable[[], None]
    ) -> None:
        self._handles += watch_steps(
            network.module.optimizer, lambda: self._guarded(before), lambda: self._guarded(after)
        )

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            with torch.no_grad():
                action()
        except Exception as error:  # a measurement must never end the training it watches
            # What was half captured must not be taken for a part of the next update.
            self._passes.clear()
            self._steps.clear()
            self._shared_of.clear()
            self._shared_gradients.clear()
            self._tracked = None
            self._on_failure(error)

    def _before_critic(self) -> None:
        self.update += 1  # first, so that no failure below can make the count drift
        self._passes.update = self.update
        self._hand_over()
        losses = self._wanted(self.update)
        if losses:
            self._tracked = TrackedUpdate(self.update, frozenset(losses))
            self._open_step(CRITIC_LOSS, "critic", "critic_target")
        self._passes.forget("critic", "critic_target")
        self._passes.forget_older("actor")
        if self._first is not None:
            first, self._first = self._first, None
            first()

    def _after_critic(self) -> None:
        self._close_step(CRITIC_LOSS)
        self._passes.recording = bool(self._wanted(self.update) or self._wanted(self.update + 1))

    def _before_actor(self) -> None:
        self._open_step(ACTOR_LOSS, "actor")

    def _after_actor(self) -> None:
        self._close_step(ACTOR_LOSS)
        self._passes.forget("actor", "critic", "critic_target")
        self._shared_gradients.clear()
        self._hand_over()
        self._passes.recording = bool(self._wanted(self.update + 1))

    def _open_step(self, loss: str, owner: str, *others: str) -> None:
        """Keep what a loss has left behind before its optimiser steps.

        Args:
            loss: which.
            owner: the network whose optimiser it is.
            others: networks whose forward passes belong to it, too.
        """
        if self._tracked is None or loss not in self._tracked.wanted:
            self._shared_gradients.clear()
            return
        self._tracked.stepped.add(loss)
        for name in (owner, *others):
            network = self._networks.get(name)
            seen = self._passes.forward_pass(network) if network else None
            if seen is not None:
                self._tracked.passes[name] = seen
        self._shared_of[loss] = {p: gradient for p, gradient in self._shared_gradients}
        self._shared_gradients.clear()
        network = self._networks[owner]
        reads = self._passes.with_gradient(network)
        if reads is not None:
            step = _OpenStep.begin(network, reads)
            self._steps[loss] = self._with_other_readers(loss, step, reads[0])

    def _close_step(self, loss: str) -> None:
        self._passes.window += 1
        step = self._steps.pop(loss, None)
        if step is not None and self._tracked is not None:
            self._tracked.losses[loss] = step.finish()

    def _hand_over(self) -> None:
        tracked, self._tracked = self._tracked, None
        if tracked is not None:
            tracked.encoder_cosine = self._encoder_cosine()
            self._on_update(tracked)

    # Who else reads the fused features

    def _with_other_readers(
        self, loss: str, step: "_OpenStep", reads: Sequence[Read]
    ) -> "_OpenStep":
        """Return the step with the gradient at z as a hook there saw it, where it is another.

        That the consumers are the only readers of z is checked once per loss. A head of a user's
        own, or a penalty on the features, sends back what no consumer passes on.
        """
        if self._only_readers.get(loss):
            return step
        received = self._passes.gradient_at_fusion(reads)
        if received is None:
            return step
        if loss not in self._only_readers:
            passed_on = step.seen.fusion_gradients(step.network.features_dim)
            size = torch.maximum(received.norm(), passed_on.norm())
            if not bool(size > 0):
                return step  # no gradient tells nothing
            self._only_readers[loss] = bool((received - passed_on).norm() <= _ROUNDING * size)
            if not self._only_readers[loss]:
                self._on_note(
                    f"{loss}: more than the {step.network.name}'s first layers reads the fused "
                    f"features (a gradient of {float(received.norm()):.3g} arrives there, "
                    f"{float(passed_on.norm()):.3g} through those layers); gradients at the fusion "
                    "are taken from the features extractor's output, whoever sent them"
                )
        if self._only_readers[loss]:
            return step
        return replace(step, seen=replace(step.seen, received=received))

    # Where actor and critic share an encoder

    def _hook_shared_encoder(self) -> None:
        for parameter in shared_encoder_parameters(self._networks):

            def arrive(gradient: Tensor, parameter: Tensor = parameter) -> None:
                if self._passes.recording:
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


@dataclass(frozen=True)
class _OpenStep:
    """A loss between its optimiser's pre-step and post-step hook.

    Attributes:
        network: whose.
        seen: what the loss left behind; its weights after the step are still those before.
        encoders: block -> the encoder's parameters, their gradient and their values before.
    """

    network: Network
    seen: LossUpdate
    encoders: dict[str, tuple[list[nn.Parameter], Tensor, Tensor]]

    @classmethod
    def begin(cls, network: Network, reads: Sequence[Sequence[Read]]) -> "_OpenStep":
        layers = [consumer.layer for consumer in network.consumers]
        deltas = [
            [r.output_gradient for r in seen if r.output_gradient is not None] for seen in reads
        ]
        weights = consumer_weights(network)
        seen = LossUpdate(
            # Several passes of one loss (an averaged augmentation) are rows of one batch.
            torch.cat([read.inputs for read in reads[0]]),
            [torch.cat(parts) for parts in deltas],
            weights,
            [_gradient(layer.weight).clone() for layer in layers],
            weights,
        )
        encoders = {
            block: (parameters, _flat(map(_gradient, parameters)), _flat(parameters))
            for block, parameters in encoder_parameters(network).items()
        }
        return cls(network, seen, encoders)

    def finish(self) -> LossUpdate:
        encoders = {
            block: EncoderUpdate(gradient, before.norm(), (_flat(parameters) - before).norm())
            for block, (parameters, gradient, before) in self.encoders.items()
        }
        return replace(self.seen, weights_after=consumer_weights(self.network), encoders=encoders)


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach()


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])
