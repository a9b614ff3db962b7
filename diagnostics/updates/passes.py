"""What the forward passes of an update show: fused features, their readers, what comes back.

Where no linear layer reads the fused features (an LSTM, a normalisation before the heads, the
action first), the features extractor's own output stands for what was read.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from goalscope.diagnostics.record.keys import CRITIC
from goalscope.diagnostics.updates.hooks import Hook
from goalscope.diagnostics.updates.lesson import Lessons
from goalscope.diagnostics.updates.tracked import ForwardPass, consumer_weights
from goalscope.probes import Network

_PASSES = (
    8  # of an extractor whose raw features are kept: an update makes fewer before they are read
)


@dataclass
class Fused:
    """One pass of a features extractor: the gradient that came back to its output, and when."""

    gradient: Tensor | None = None
    window: int = -1


@dataclass
class Read:
    """One consumer's forward pass; without consumers, one of the features extractor.

    Attributes:
        inputs: what it read.
        update: how many updates had been made.
        fused: the extractor's pass before it; None where that made no graph.
        raw: block -> what its normalisation read in the pass whose features these are.
        output_gradient: what came back to its output.
    """

    inputs: Tensor
    update: int
    fused: Fused | None
    raw: Mapping[str, Tensor]
    output_gradient: Tensor | None = None

    def receive(self, gradient: Tensor) -> None:
        """Keep the gradient of the output."""
        self.output_gradient = gradient.detach()


@contextmanager
def unwatched() -> Iterator[None]:
    """Inside, forward passes are a measurement's own: no tap takes them for training's."""
    Passes.measuring += 1
    try:
        yield
    finally:
        Passes.measuring -= 1


def anyone_listens() -> bool:
    """Return whether a tap keeps the forward passes that come now."""
    return any(passes.listening for passes in Passes.everyone)


class Passes:
    """Watches the networks' forward passes while it is told to.

    Args:
        networks: whose.
        is_live: asked at every pass; where it says no, what it hooked has just been removed.

    Attributes:
        recording: whether passes are kept.
        update: updates made so far.
        window: optimiser steps made so far: what a gradient of one loss is told from another's by.
        lessons: what the critics answered, what their targets are made of, what the losses ask.
        measuring: measurements under way, whoever makes them: their passes are nobody's update.
        everyone: all there are.
    """

    measuring: ClassVar[int] = 0
    everyone: ClassVar[WeakSet["Passes"]] = WeakSet()

    def __init__(self, networks: Mapping[str, Network], is_live: Callable[[], bool]) -> None:
        self.recording = False
        self.update = 0
        self.window = 0
        self._networks = networks
        self._is_live = is_live
        self._reads: dict[nn.Module | str, list[Read]] = {}
        # Extractor -> features of its last passes, and what its normalisations read in each.
        self._raw: dict[nn.Module, deque[tuple[Tensor, dict[str, Tensor]]]] = {}
        self._latest: dict[nn.Module, Fused | None] = {}
        self._handles: list[RemovableHandle] = []
        self.lessons = Lessons(networks, lambda: self.listening)
        for network in {network.extractor: network for network in networks.values()}.values():
            self._hook_raw(network)
            self._hook_fusion(network.extractor)
        for network in networks.values():
            self._hook(network)
        Passes.everyone.add(self)

    @property
    def listening(self) -> bool:
        """Whether passes are kept, and this one is no measurement's."""
        return self.recording and not Passes.measuring

    def detach(self) -> None:
        """Remove every hook and forget what was seen."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.lessons.detach()
        self.recording = False
        self.clear()

    def clear(self) -> None:
        """Forget what was seen."""
        self._reads.clear()
        self._latest.clear()
        for kept in self._raw.values():
            kept.clear()
        self.lessons.clear()

    def forget(self, *names: str) -> None:
        """Forget what the consumers of these networks read; of the critic, its lesson, too."""
        if CRITIC in names:
            self.lessons.clear()
        for name in names:
            for reader in self._readers(name):
                self._reads.pop(reader, None)

    def forget_older(self, name: str) -> None:
        """Forget what a network's consumers read before the latest update began."""
        for reader in self._readers(name):
            reads = self._reads.get(reader, [])
            reads[:] = [read for read in reads if read.update >= self.update - 1]

    def forward_pass(self, network: Network) -> ForwardPass | None:
        """Return a network's first pass since it was forgotten; None where there was none."""
        reads = self._reads.get(self._readers(network.name)[0])
        if not reads:
            return None
        return ForwardPass(reads[0].inputs, consumer_weights(network), reads[0].raw)

    def with_gradient(self, network: Network) -> list[list[Read]] | None:
        """Return each consumer's reads that a gradient came back to; None where one has none."""
        found = [
            [read for read in self._reads.get(reader, []) if read.output_gradient is not None]
            for reader in self._readers(network.name)
        ]
        return found if all(found) else None

    def gradient_at_fusion(self, reads: Sequence[Read]) -> Tensor | None:
        """Return what came back to the extractor's output since the last step, float (B, D).

        Args:
            reads: of one consumer; one read stands for each pass.

        Returns:
            None where the extractor made no graph, nothing came back to it (a detached output), or
            two of the reads share a pass.
        """
        passes = [read.fused for read in reads]
        if len({id(fused) for fused in passes}) < len(passes):
            return None
        parts = [f.gradient for f in passes if f is not None and f.window == self.window]
        whole = [part for part in parts if part is not None]
        return torch.cat(whole) if len(whole) == len(passes) else None

    def _readers(self, name: str) -> list[nn.Module | str]:
        """Return what the reads of a network are kept under: its consumers, or else its name."""
        network = self._networks.get(name)
        if network is None:
            return []
        return [consumer.layer for consumer in network.consumers] or [name]

    def _hook(self, network: Network) -> None:
        is_target = network.optimizer is None

        def read(reader: nn.Module | str, inputs: Tensor, output: Tensor) -> None:
            if self.listening and (output.requires_grad or is_target):
                fused = self._latest.get(network.extractor)
                raw = self._raw_of(network.extractor, inputs.detach())
                seen = Read(inputs.detach(), self.update, fused, raw)
                self._reads.setdefault(reader, []).append(seen)
                if output.requires_grad:
                    output.register_hook(seen.receive)

        for consumer in network.consumers:
            self._handles.append(
                consumer.layer.register_forward_hook(
                    Hook(lambda layer, args, output: read(layer, args[0], output))
                )
            )
        if not network.consumers:
            self._handles.append(
                network.extractor.register_forward_hook(
                    Hook(lambda _, args, output: read(network.name, output, output))
                )
            )

    def _hook_raw(self, network: Network) -> None:
        """Keep what an extractor's normalisations read, while it runs: others may call its parts.

        With a graph or without: of an encoder that no loss of actor and critic trains none is made.
        """
        blocks = [block for block in network.blocks if block.normalisation is not None]
        if not blocks:
            return
        extractor = network.extractor
        running: dict[str, Tensor] = {}
        kept = self._raw.setdefault(extractor, deque(maxlen=_PASSES))

        def normalise(block: str, args: tuple[Any, ...]) -> None:
            if self.listening:
                running[block] = args[0].detach().flatten(1)

        def end(output: Tensor) -> None:
            if self.listening and running:
                kept.append((output.detach(), dict(running)))

        self._handles.append(extractor.register_forward_pre_hook(Hook(lambda *_: running.clear())))
        for block in blocks:
            assert block.normalisation is not None
            self._handles.append(
                extractor.get_submodule(block.normalisation).register_forward_pre_hook(
                    Hook(lambda _, args, block=block.name: normalise(block, args))
                )
            )
        self._handles.append(
            extractor.register_forward_hook(Hook(lambda _, args, output: end(output)))
        )

    def _raw_of(self, extractor: nn.Module, inputs: Tensor) -> Mapping[str, Tensor]:
        """Return what was kept of the pass whose features a consumer reads, its first columns."""
        for features, raw in reversed(self._raw.get(extractor, ())):
            read = inputs[:, : features.shape[1]]
            if read.shape == features.shape and torch.equal(read, features.to(read.dtype)):
                return raw
        return {}

    def _hook_fusion(self, extractor: nn.Module) -> None:
        def encoded(_: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
            if not self._is_live() or not self.listening:
                return
            self._latest[extractor] = fused = Fused() if output.requires_grad else None
            if fused is not None:
                output.register_hook(lambda gradient: self._arrive(fused, gradient))

        self._handles.append(extractor.register_forward_hook(Hook(encoded)))

    def _arrive(self, fused: Fused, gradient: Tensor) -> None:
        fused.gradient, fused.window = gradient.detach(), self.window
