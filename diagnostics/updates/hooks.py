"""Hooks that a copy of a network leaves behind."""

from collections.abc import Callable
from typing import Any


class Hook:
    """A hook of a module; in a copy of the module, pickled or deep, one that does nothing.

    So a callback beside ours can save the policy in the middle of training, as it can unwatched;
    to read what was pickled then, goalscope must be installed.

    Args:
        call: what is done, as PyTorch calls hooks.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do what the hook is for."""
        return self._call(*args, **kwargs)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Callable[..., Any]]]:
        """Return how a copy is made: of a hook that does nothing."""
        return Hook, (nothing,)


def nothing(*_: object, **__: object) -> None:
    """Do nothing, and leave what a hook was given as it is."""
