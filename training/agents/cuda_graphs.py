"""The passes of an update as CUDA graphs: launched at once instead of kernel by kernel."""

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import Tensor
from torch.distributions import Distribution

from goalscope.diagnostics.updates.passes import anyone_listens

Logged = Mapping[str, Tensor]
Passes = Iterator[tuple[torch.optim.Optimizer, Logged]]
_Gradients = tuple[tuple[Tensor, Tensor | None], ...]

_OPEN_FIRST = 3  # updates: libraries and optimisers allocate in them what they keep
_GPU = "cuda"  # whose kernels are worth it
_log = logging.getLogger("goalscope")


@dataclass(frozen=True)
class _Captured:
    """One pass: its graph, whose step follows, and where its gradients and values then lie.

    Attributes:
        graph: of the pass.
        optimizer: that steps after it.
        gradients: each parameter with the gradient that the pass leaves it.
        logged: what is logged of it.
        places: where it writes the gradients.
    """

    graph: torch.cuda.CUDAGraph
    optimizer: torch.optim.Optimizer
    gradients: _Gradients
    logged: Logged
    places: list[int]

    @property
    def holds(self) -> bool:
        """Whether its gradients lie where it writes them: a policy that moves takes them along."""
        return self.places == _places(self.gradients)


class GraphedUpdate:
    """Makes updates of small networks on a GPU in a fraction of the time: the same arithmetic.

    An update of a few hundred small kernels takes as long as launching them takes. A CUDA graph is
    captured once and then launched as one. Optimisers step outside of the graphs, so hooks on them
    see every step, and the gradients it takes. Hooks on modules see nothing of a replayed pass:
    an update to whose passes a diagnostics callback listens is made in the open, as on a CPU.

    Args:
        passes: the passes of an update on a batch: each leaves gradients behind and yields the
            optimiser that takes them, with what is logged. They are as many in every update, and
            depend on what the batch and the tensors that `rely_on` is told of hold, on its other
            arguments and on the GPU's generator, and on nothing else.
    """

    def __init__(self, passes: Callable[[Any], Passes]) -> None:
        self._passes = passes
        self._count = 0
        self._opened = 0
        self._batch: ReplayBufferSamples | None = None  # where the graphs read
        self._captured: list[_Captured] = []
        self._taken: tuple[object, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        """Return how a copy is made: it captures graphs of its own, of an agent of its own."""
        return type(self), (self._passes,)

    def rely_on(self, tensors: Iterable[Tensor], *others: object) -> None:
        """Say what stays as it is in the updates to come; graphs of anything else are dropped.

        Args:
            tensors: some that are read or trained: they stay where they are, as trainable as they
                are.
            others: optimisers, and numbers that Python works with.
        """
        tensors = iter(tensors)
        first = next(tensors)
        if first.device.type != _GPU:
            return  # nothing is captured there, and asking every tensor takes time
        held = chain([first], tensors)
        taken = (*((tensor.data_ptr(), tensor.requires_grad) for tensor in held), *others)
        if taken != self._taken or not all(captured.holds for captured in self._captured):
            self._taken = taken
            self._opened, self._batch, self._captured = 0, None, []

    def __call__(self, batch: ReplayBufferSamples) -> dict[str, Tensor]:
        """Make one update and return what is logged of it, on the batch's device."""
        if batch.actions.device.type != _GPU or anyone_listens():
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
        device = batch.actions.device
        generator = torch.cuda.default_generators[device.index]
        spare = generator.clone_state()
        try:
            with torch.cuda.device(device), _unvalidated(), _nothing_drawn_in_python():
                captured = self._graphs(self._batch)
            self._captured = captured
        except RuntimeError as error:
            generator.graphsafe_set_state(spare)  # a capture that fails keeps the other one
            first = error.__context__ or error
            reason = str(first).splitlines()[0]
            _log.warning("updates cannot be captured as CUDA graphs, and stay slower: %s", reason)

    def _graphs(self, batch: ReplayBufferSamples) -> list[_Captured]:
        pool, stream = torch.cuda.graph_pool_handle(), torch.cuda.Stream()
        running = self._passes(batch)
        captured = []
        for _ in range(self._count):  # no step in between: nothing runs while it is captured
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool, stream=stream):
                optimizer, logged = next(running)
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            gradients = tuple((parameter, parameter.grad) for parameter in parameters)
            kept = {name: value.detach() for name, value in logged.items()}
            captured.append(_Captured(graph, optimizer, gradients, kept, _places(gradients)))
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


@contextmanager
def _nothing_drawn_in_python() -> Iterator[None]:
    """Inside, nothing may be drawn but on the device: a graph would repeat it for ever.

    Raises:
        RuntimeError: something was; what was drawn is put back.
    """
    python, torchs = random.getstate(), torch.get_rng_state()
    numpys: Any = np.random.get_state()  # noqa: NPY002  (the global state, which encoders draw from)
    yield
    left: Any = np.random.get_state()  # noqa: NPY002
    if (
        random.getstate() == python
        and torch.equal(torch.get_rng_state(), torchs)
        and left[2:] == numpys[2:]
        and np.array_equal(left[1], numpys[1])
    ):
        return
    random.setstate(python)
    torch.set_rng_state(torchs)
    np.random.set_state(numpys)  # noqa: NPY002
    raise RuntimeError("they draw random numbers on the CPU")


def _places(gradients: _Gradients) -> list[int]:
    return [gradient.data_ptr() for _, gradient in gradients if gradient is not None]


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
