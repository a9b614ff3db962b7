"""What CUDA graphs do, on a CPU: operations recorded once, and then launched again.

A recording keeps what a CUDA graph keeps: where tensors lie, and every number that Python worked
out. Like a capture, it makes nothing happen but to memory of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from goalscope.training.agents import cuda_graphs


class RecordedGraph:
    """Operations on tensors; `replay` makes them again, into the tensors they made first."""

    def __init__(self) -> None:
        self.operations: list[tuple[Callable[..., Any], Any, Any, list[Tensor]]] = []

    def replay(self) -> None:
        """Make every operation where its tensors lay, whatever lies there now."""
        with torch.no_grad():
            for function, args, kwargs, made in self.operations:
                for kept, new in zip(made, _tensors(function(*args, **kwargs)), strict=True):
                    if kept.data_ptr() != new.data_ptr():
                        kept.copy_(new)

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'CUDAGraph' object")


class _Recording(TorchDispatchMode):
    def __init__(self, graph: RecordedGraph) -> None:
        super().__init__()
        self._operations = graph.operations

    def __torch_dispatch__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        made = function(*args, **(kwargs or {}))
        # Tensors of its own: one whose `data` is exchanged still lies here where it lay.
        given = tree_map_only(Tensor, Tensor.detach, (args, kwargs or {}))
        self._operations.append((function, *given, [t.detach() for t in _tensors(made)]))
        return made


@contextmanager
def _recording(graph: RecordedGraph, **_: object) -> Iterator[None]:
    generator = torch.get_rng_state()
    with pytest.MonkeyPatch.context() as patch, _Recording(graph):
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
        yield
    torch.set_rng_state(generator)


def replay_on_cpu(patch: pytest.MonkeyPatch) -> None:
    """Have updates on a CPU made as those on a GPU are, with recordings for graphs."""
    patch.setattr(cuda_graphs, "_GPU", "cpu")
    patch.setattr(torch.cuda, "CUDAGraph", RecordedGraph)
    patch.setattr(torch.cuda, "graph", _recording)
    patch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
    patch.setattr(torch.cuda, "default_generators", {None: _Generator()})
    patch.setattr(torch.cuda, "device", lambda _: nullcontext())
    patch.setattr(torch.cuda, "Stream", lambda *_: None)


class _Generator:
    def clone_state(self) -> Tensor:
        return torch.get_rng_state()

    def graphsafe_set_state(self, state: Tensor) -> None:
        torch.set_rng_state(state)


def _tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
