"""Hooks around an optimiser's steps."""

from collections.abc import Callable

import torch
from torch.utils.hooks import RemovableHandle


def watch_steps(
    optimiser: torch.optim.Optimizer, before: Callable[[], None], after: Callable[[], None]
) -> list[RemovableHandle]:
    """Call `before` and `after` around every step; return the handles that end it.

    A subclass whose `step` calls `super().step()`, to clip gradients or to count, makes torch call
    its hooks once for each of the two: what lies within another step is part of it. The gradients
    are then the loss's own, and the change is what was applied.
    """
    depth = 0

    def enter(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth == 1:
            before()

    def leave(*_: object) -> None:
        nonlocal depth
        depth -= 1
        if depth == 0:
            after()

    return [
        optimiser.register_step_pre_hook(enter),
        optimiser.register_step_post_hook(leave),
    ]
