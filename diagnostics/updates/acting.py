"""What the actor is given where it acts: a hook on its features extractor."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


class ActingInputs:
    """Keeps what an actor's features extractor was last given outside of training.

    SB3 switches the policy to evaluation wherever it asks for an action, and back where it trains.

    Args:
        extractor: the actor's.
    """

    def __init__(self, extractor: nn.Module) -> None:
        self._latest: list[dict[str, Tensor]] = []
        latest = self._latest

        def keep(module: nn.Module, args: tuple[Any, ...]) -> None:
            if not module.training and args and isinstance(args[0], Mapping):
                latest[:] = [dict(args[0])]

        # A function, no method: copies of a module would copy what a method belongs to.
        self._handle = extractor.register_forward_pre_hook(keep)

    def take(self) -> dict[str, Tensor] | None:
        """Return key -> (n, ...) as the extractor was given it, and forget it; None without."""
        return self._latest.pop() if self._latest else None

    def detach(self) -> None:
        """Remove the hook, and forget what was kept."""
        self._handle.remove()
        self._latest.clear()
