"""One cell of the matrix, tried: trained twice, watched once, and compared."""

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor, nn

from benchmarks.matrix.agents import STEPS, Cell, make_agent
from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment, Values
from goalscope.diagnostics.record import read_run
from goalscope.diagnostics.record.keys import CRITIC, JOINT_LOSS, LOSS_OF, parse
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.updates.tracked import by_extractor, trained_by
from goalscope.diagnostics.watch import Diagnostics
from goalscope.probes import Network, view_networks

TOLERANCE = 1e-4  # relative: what rounding of single precision makes of a sum of many products


@dataclass
class Outcome:
    """What a cell came to.

    Attributes:
        error: the largest relative difference of a gradient from autograd's own.
        compared: how many gradients were.
        identical: whether watching left every weight as it was, bit for bit.
        failures: instrument -> how often its measurement raised.
        families: of the numbers in the record.
        missing: what was not seen though autograd had it.
    """

    error: float = 0.0
    compared: int = 0
    identical: bool = False
    failures: dict[str, int] = field(default_factory=dict)
    families: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def wrong(self) -> list[str]:
        """What is wrong, in words; [] where all is as it should be."""
        found = [f"{name} failed {count} times" for name, count in self.failures.items()]
        found += [f"{loss} was not seen" for loss in self.missing]
        if not self.compared:
            found.append("no gradient was compared")
        if not self.error <= TOLERANCE:
            found.append(f"off by {self.error:.1e}")
        if not self.identical:
            found.append("watching changed the weights")
        return found


def outcome_of(cell: Cell) -> Outcome:
    """Return what training a cell's agent with and without everything switched on comes to."""
    return outcome_of_agent(partial(make_agent, cell))


def outcome_of_agent(make: Callable[[], BaseAlgorithm]) -> Outcome:
    """Return the same of any agent; `make` returns one from the same seed every time."""
    plain = make()
    plain.learn(STEPS)
    agent = make()  # not before: the seed is that of generators that all share
    comparison = Comparison(agent)
    beside = Diagnostics(None, [comparison])
    with tempfile.TemporaryDirectory() as folder:
        callback = ModalityDiagnostics(
            Path(folder) / "run", features_every=1, gradients_every=1, sensitivity_every=8
        )
        agent.learn(STEPS, callback=[callback, beside])
        record = read_run(Path(folder) / "run")
    outcome = comparison.outcome
    keys = {key for line in record.measurements for key in line.values}
    outcome.families = tuple(sorted({parse(key).family for key in keys}))
    outcome.failures = {**callback.failures, **beside.failures}
    one, other = plain.policy.state_dict(), agent.policy.state_dict()
    outcome.identical = all(torch.equal(value, other[name]) for name, value in one.items())
    for made in (plain, agent):
        env = made.get_env()
        assert env is not None
        env.close()
    return outcome


class Comparison(Instrument):
    """Compares what the tap saw of each update with what autograd left on tensors and parameters.

    Args:
        agent: the agent, before it is watched.
    """

    name = "comparison"
    moment = Moment.GRADIENTS

    def __init__(self, agent: BaseAlgorithm) -> None:
        super().__init__(Schedule(1))
        self.outcome = Outcome()
        self._count = 0
        self._passes: list[tuple[nn.Module, Tensor]] = []
        self._updates: dict[
            int, dict[str, dict[str, Tensor]]
        ] = {}  # number, loss, what -> gradient
        networks = view_networks(agent.policy)
        self._features_dim = {LOSS_OF.get(n, n): net.features_dim for n, net in networks.items()}
        self._features_dim[JOINT_LOSS] = networks[CRITIC].features_dim
        for extractor in {network.extractor: None for network in networks.values()}:
            extractor.register_forward_hook(self._keep)
        for optimiser, held in trained_by(networks).items():
            optimiser.register_step_pre_hook(lambda *_, held=held: self._note(held))

    def keys(self, context: Context) -> list[str]:
        """Return no key: nothing is recorded."""
        return []

    def measure(self, context: Context) -> Values:
        """Compare, and return nothing to record."""
        losses, truth = context.tracked.losses, self._updates.pop(context.update)
        for loss, true in truth.items():
            if loss not in losses:
                self.outcome.missing = tuple({*self.outcome.missing, loss})
                continue
            seen = losses[loss]
            found = {f"encoder {block}": e.gradient for block, e in seen.encoders.items()}
            found |= {f"weight {i}": g for i, g in enumerate(seen.weight_gradients)}
            found["fusion"] = seen.fusion_gradients(self._features_dim[loss])
            for what, gradient in true.items():
                self._compare(found[what], gradient)
        if JOINT_LOSS in truth and set(LOSS_OF.values()) <= set(losses):
            width = self._features_dim[JOINT_LOSS]
            apart = [losses[loss].fusion_gradients(width) for loss in LOSS_OF.values()]
            self._compare(apart[0] + apart[1], truth[JOINT_LOSS]["fusion"])
        return {}

    def _compare(self, seen: Tensor, true: Tensor) -> None:
        size, off = float(true.norm()), float((seen - true).norm())
        if size == off == 0:
            return  # zeros on both sides show nothing
        error = off / size if size else math.inf
        # A maximum would pass over a NaN.
        self.outcome.error = max(self.outcome.error, math.inf if math.isnan(error) else error)
        self.outcome.compared += 1

    def _keep(self, extractor: nn.Module, _: Any, output: Tensor) -> None:
        if output.requires_grad:
            output.retain_grad()
            self._passes.append((extractor, output))

    def _note(self, held: Sequence[Network]) -> None:
        """Note the gradients of an optimiser's networks, which is about to step."""
        if held[0].name == CRITIC:  # an update begins
            self._count += 1
        losses: dict[str, dict[str, Tensor]] = {}
        for together in by_extractor(held):
            joint = len(together) > 1
            for network in together:
                true = losses.setdefault(LOSS_OF[network.name], {})
                for number, consumer in enumerate(network.consumers):
                    if consumer.layer.weight.grad is not None:
                        true[f"weight {number}"] = consumer.layer.weight.grad.clone()
            owner = JOINT_LOSS if joint else LOSS_OF[together[0].name]
            extractor = together[0].extractor
            back = [z.grad for e, z in self._passes if e is extractor and z.grad is not None]
            true = losses.setdefault(owner, {})
            if back:
                true["fusion"] = torch.cat(back).clone()
                for block in together[0].blocks:
                    parts = [extractor.get_parameter(name).grad for name in block.parameters]
                    if parts:
                        flat = [part.flatten() for part in parts if part is not None]
                        true[f"encoder {block.name}"] = torch.cat(flat)
        self._passes = [(e, z) for e, z in self._passes if z.grad is None]
        update = self._updates.setdefault(self._count, {})
        update |= {loss: true for loss, true in losses.items() if true}
