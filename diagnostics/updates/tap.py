"""The tap: sees the gradients and steps of the real updates while SB3 makes them.

After SB3's `train()` a critic parameter's `.grad` holds the critic's and the actor's gradient
together. The tap therefore reads inside the optimisers' step hooks, where `zero_grad` and exactly
one backward pass have just run, and knows what the consumers read and received from hooks on the
forward passes. It runs no pass of its own and alters nothing.

An update begins with the step that trains the critic. It ends with the actor's, where that has an
optimiser of its own, and else with the same step: one optimiser may train both (PPO), and there may
be no actor (DQN).
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from goalscope.diagnostics.record.keys import (
    ACTOR,
    ACTOR_LOSS,
    CRITIC,
    CRITIC_LOSS,
    CRITIC_TARGET,
    JOINT_LOSS,
    LOSS_OF,
)
from goalscope.diagnostics.updates.acting import Acting, acting_network
from goalscope.diagnostics.updates.open_step import OpenStep
from goalscope.diagnostics.updates.passes import Passes, Read
from goalscope.diagnostics.updates.steps import watch_steps
from goalscope.diagnostics.updates.tracked import (
    TrackedUpdate,
    by_extractor,
    shared_encoder_parameters,
    trained_by,
)
from goalscope.probes import Network

_ROUNDING = 0.02  # of a gradient, relative: a network in bfloat16 rounds to 0.4 %


class Tap:
    """Watches the optimiser steps of an agent's networks.

    Args:
        networks: the views of "critic" and, where there are such, "actor" and "critic_target".
        start: updates already made before the tap was attached.
        wanted: update number -> the losses to track in it.
        on_first: called inside the first tracked update before any weight has changed.
        on_update: called after each tracked update, when both steps are taken.
        on_failure: called with what went wrong; training goes on.
        on_note: called with a sentence about how the agent is wired, once for each loss.
        is_live: asked at every encoding whether this training is still being watched; where it is
            not, whoever answers calls `detach`.

    Attributes:
        update: updates made so far.
        acting: how the network that acts was last asked for an action.
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
        self._steps: dict[str, OpenStep] = {}
        self._taken = Counter[str]()  # network -> steps of its optimiser
        self._only_readers: dict[str, bool] = {}  # loss -> whether only its consumers read z
        self._shared_gradients: list[tuple[Tensor, Tensor]] = []
        self._shared_of: dict[str, dict[Tensor, Tensor]] = {}
        self._tracked: TrackedUpdate | None = None
        self._passes = Passes(networks, is_live)
        self._passes.update = start
        self._passes.recording = bool(wanted(start + 1))
        self.acting = Acting(acting_network(networks))
        self._handles: list[RemovableHandle] = []
        held = trained_by(networks)
        for optimiser, together in held.items():
            self._hook_optimiser(optimiser, together, ends=together is list(held.values())[-1])
        self._hook_shared_encoder()

    def finish(self) -> None:
        """Hand over an update whose actor step never came, and remove every hook."""
        self._guarded(self._hand_over)
        self.detach()

    def detach(self) -> None:
        """Remove every hook; what is half seen is forgotten."""
        self._passes.detach()
        self.acting.detach()
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    # What the optimisers show

    def _hook_optimiser(
        self, optimiser: torch.optim.Optimizer, held: Sequence[Network], *, ends: bool
    ) -> None:
        """Watch the steps of the optimiser that trains these networks.

        Args:
            optimiser: whose steps.
            held: the networks.
            ends: whether its step ends an update.
        """
        begins = any(network.name == CRITIC for network in held)

        def before() -> None:
            if begins:
                self._begin_update()
            self._open_steps(held)
            if begins and not ends:
                self._passes.forget(CRITIC, CRITIC_TARGET)
                self._passes.forget_older(ACTOR)
            if begins and self._first is not None:
                first, self._first = self._first, None
                first()

        def after() -> None:
            self._close_steps()
            if ends:
                self._end_update()
            else:
                wanted = self._wanted(self.update) or self._wanted(self.update + 1)
                self._passes.recording = bool(wanted)

        self._handles += watch_steps(
            optimiser, lambda: self._guarded(before), lambda: self._guarded(after)
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

    def _begin_update(self) -> None:
        self.update += 1  # first, so that no failure below can make the count drift
        self._passes.update = self.update
        self._hand_over()
        losses = self._wanted(self.update)
        if losses:
            self._tracked = TrackedUpdate(self.update, frozenset(losses))

    def _end_update(self) -> None:
        self._passes.forget(ACTOR, CRITIC, CRITIC_TARGET)
        self._shared_gradients.clear()
        self._hand_over()
        self._passes.recording = bool(self._wanted(self.update + 1))

    def _open_steps(self, held: Sequence[Network]) -> None:
        """Keep what the losses of these networks have left behind before their optimiser steps."""
        self._taken.update(network.name for network in held)
        losses = {LOSS_OF[network.name] for network in held}
        if self._tracked is None or not losses & self._tracked.wanted:
            self._shared_gradients.clear()
            return
        self._tracked.stepped |= losses & self._tracked.wanted
        before = [network.name for network in held]
        for name in (*before, *([CRITIC_TARGET] if CRITIC in before else [])):
            network = self._networks.get(name)
            seen = self._passes.forward_pass(network) if network else None
            if seen is not None:
                self._tracked.passes[name] = seen
        self._tracked.hear(self._passes.lessons, before)
        for loss in losses:  # one, where two optimisers reach the same encoder
            self._shared_of[loss] = {p: gradient for p, gradient in self._shared_gradients}
        self._shared_gradients.clear()
        for together in by_extractor(held):
            if len(together) == 1:
                self._open_alone(together[0])
            else:
                self._open_together(together)

    def _open_alone(self, network: Network) -> None:
        reads = self._passes.with_gradient(network)
        if reads is None:
            return
        loss, step = LOSS_OF[network.name], OpenStep.begin(network, reads)
        received = self._from_other_readers(loss, [step], reads[0])
        if received is not None and network.consumers:
            step = replace(step, seen=replace(step.seen, received=received))
        self._steps[loss] = step

    def _open_together(self, networks: Sequence[Network]) -> None:
        """Keep the losses that reach one extractor at once: apart at their consumers alone."""
        reads = {n.name: seen for n in networks if (seen := self._passes.with_gradient(n))}
        layers = [consumer.layer for network in networks for consumer in network.consumers]
        for network in networks:
            own = {consumer.layer for consumer in network.consumers}
            if network.name in reads and own and all(layers.count(layer) == 1 for layer in own):
                step = OpenStep.begin(network, reads[network.name])
                self._steps[LOSS_OF[network.name]] = replace(step, encoders={})
        if not reads:
            return
        network = next(n for n in networks if n.name in reads)
        first = reads[network.name][0]
        received = self._passes.gradient_at_fusion(first)
        if received is None:
            return
        apart = [self._steps[LOSS_OF[n.name]] for n in networks if LOSS_OF[n.name] in self._steps]
        if len(apart) == len(networks):
            self._from_other_readers(JOINT_LOSS, apart, first)
        inputs = torch.cat([read.inputs[:, : network.features_dim] for read in first])
        self._steps[JOINT_LOSS] = OpenStep.at_fusion(network, inputs, received)

    def _close_steps(self) -> None:
        self._passes.window += 1
        steps, self._steps = self._steps, {}
        if self._tracked is not None:
            for loss, step in steps.items():
                self._tracked.losses[loss] = step.finish(self._taken[step.network.name])

    def _hand_over(self) -> None:
        tracked, self._tracked = self._tracked, None
        if tracked is not None:
            tracked.encoder_cosine = self._encoder_cosine()
            self._on_update(tracked)

    # Who else reads the fused features

    def _from_other_readers(
        self, loss: str, steps: Sequence[OpenStep], reads: Sequence[Read]
    ) -> Tensor | None:
        """Return the gradient at z as a hook there saw it, float (B, D), where it is another.

        That the consumers are the only readers of z is checked once per loss. A head of a user's
        own, or a penalty on the features, sends back what no consumer passes on.

        Args:
            loss: which.
            steps: of the networks whose consumers read z.
            reads: of one consumer.
        """
        if self._only_readers.get(loss):
            return None
        received = self._passes.gradient_at_fusion(reads)
        if received is None:
            return None
        if loss not in self._only_readers:
            parts = [step.seen.fusion_gradients(step.network.features_dim) for step in steps]
            passed_on = torch.stack(parts).sum(dim=0)
            size = torch.maximum(received.norm(), passed_on.norm())
            if not bool(size > 0):
                return None  # no gradient tells nothing
            self._only_readers[loss] = bool((received - passed_on).norm() <= _ROUNDING * size)
            if not self._only_readers[loss]:
                whose = " and the ".join(f"{step.network.name}'s" for step in steps)
                self._on_note(
                    f"{loss}: more than the {whose} first layers reads the fused "
                    f"features (a gradient of {float(received.norm()):.3g} arrives there, "
                    f"{float(passed_on.norm()):.3g} through those layers); gradients at the fusion "
                    "are taken from the features extractor's output, whoever sent them"
                )
        return None if self._only_readers[loss] else received

    # Where actor and critic share an encoder

    def _hook_shared_encoder(self) -> None:
        for parameter in shared_encoder_parameters(self._networks):

            def arrive(gradient: Tensor, parameter: Tensor = parameter) -> None:
                if self._passes.listening:
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
