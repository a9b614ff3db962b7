"""The passes of an update as CUDA graphs: launched at once instead of kernel by kernel."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import Tensor
from torch.distributions import Distribution

from goalscope.diagnostics.updates.passes import anyone_listens

Logged = Mapping[str, Tensor]
Passes = Iterator[tuple[torch.optim.Optimizer, Logged]]

_OPEN_FIRST = 3  # updates: libraries and optimisers allocate in them what they keep
_log = logging.getLogger("goalscope")


@dataclass(frozen=True)
class _Captured:
    """One pass: its graph, whose step follows, and where its gradients and values then lie."""

    graph: torch.cuda.CUDAGraph
    optimizer: torch.optim.Optimizer
    gradients: tuple[tuple[Tensor, Tensor | None], ...]
    logged: Logged


class GraphedUpdate:
    """Makes updates of small networks on a GPU in a fraction of the time: the same arithmetic.

    An update of a few hundred small kernels takes as long as launching them takes. A CUDA graph is
    captured once and then launched as one. Optimisers step outside of the graphs, so hooks on them
    see every step, and the gradients it takes. Hooks on modules see nothing of a replayed pass:
    an update to whose passes a diagnostics callback listens is made in the open, as on a CPU.

    Args:
        passes: the passes of an update on a batch: each leaves gradients behind and yields the
            optimiser that takes them, with what is logged. They depend on the batch's content, on
            weights and on generators alone, and are as many in every update.
    """

    def __init__(self, passes: Callable[[Any], Passes]) -> None:
        self._passes = passes
        self._count = 0
        self._opened = 0
        self._batch: ReplayBufferSamples | None = None  # where the graphs read
        self._captured: list[_Captured] = []

    def __call__(self, batch: ReplayBufferSamples) -> dict[str, Tensor]:
        """Make one update and return what is logged of it, on the batch's device."""
        if batch.actions.device.type != "cuda" or anyone_listens():
            return self._openly(batch)
        if self._opened < _OPEN_FIRST:
            self._opened += 1
            return self._openly(batch)
        if self._batch is None:
            self._capture(batch)
        assert self._batch is not None
        if not self._captured or _sizes(batch) != _sizes(self._batch):
            return self._openly(batch)
        return self._replay(batch)

    def _openly(self, batch: ReplayBufferSamples) -> dict[str, Tensor]:
        logged: dict[str, Tensor] = {}
        self._count = 0
        for optimizer, values in self._passes(batch):
            optimizer.step()
            logged |= {name: value.detach() for name, value in values.items()}
            self._count += 1
        return logged

    def _capture(self, batch: ReplayBufferSamples) -> None:
        self._batch = _copy(batch)
        generator = torch.cuda.default_generators[torch.cuda.current_device()]
        spare = generator.clone_state()
        try:
            with _unvalidated():
                self._captured = self._graphs(self._batch)
        except RuntimeError as error:
            generator.graphsafe_set_state(spare)  # a capture that fails keeps the other one
            first = error.__context__ or error
            reason = str(first).splitlines()[0]
            _log.warning("updates cannot be captured as CUDA graphs, and stay slower: %s", reason)

    def _graphs(self, batch: ReplayBufferSamples) -> list[_Captured]:
        pool = torch.cuda.graph_pool_handle()
        running = self._passes(batch)
        captured = []
        for _ in range(self._count):  # no step in between: nothing runs while it is captured
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool):
                optimizer, logged = next(running)
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            gradients = tuple((parameter, parameter.grad) for parameter in parameters)
            kept = {name: value.detach() for name, value in logged.items()}
            captured.append(_Captured(graph, optimizer, gradients, kept))
        return captured

    def _replay(self, batch: ReplayBufferSamples) -> dict[str, Tensor]:
        assert self._batch is not None
        torch._foreach_copy_(list(_tensors(self._batch)), list(_tensors(batch)))
        for captured in self._captured:
            captured.graph.replay()
            for parameter, gradient in captured.gradients:
                parameter.grad = gradient  # an update in the open has left others
            captured.optimizer.step()
        return {
            name: value.clone()
            for captured in self._captured
            for name, value in captured.logged.items()
        }


@contextmanager
def _unvalidated() -> Iterator[None]:
    """Inside, distributions do not ask the device whether their parameters are numbers."""
    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(before)


def _tensors(batch: ReplayBufferSamples) -> Iterator[Tensor]:
    for part in batch:
        if isinstance(part, Mapping):
            yield from part.values()
        elif isinstance(part, Tensor):
            yield part


def _sizes(batch: ReplayBufferSamples) -> list[torch.Size]:
    return [tensor.shape for tensor in _tensors(batch)]


def _copy(batch: ReplayBufferSamples) -> ReplayBufferSamples:
    def copied(part: object) -> object:
        if isinstance(part, Mapping):
            return {key: value.clone() for key, value in part.items()}
        return part.clone() if isinstance(part, Tensor) else part

    return type(batch)(*map(copied, batch))  # type: ignore[arg-type]
