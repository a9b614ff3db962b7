"""What the agent is given where it acts: a hook on the features extractor that is asked."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from goalscope.diagnostics.record.keys import ACTOR, CRITIC
from goalscope.diagnostics.updates.passes import Passes
from goalscope.probes import Network


def acting_network(networks: Mapping[str, Network]) -> Network:
    """Return the network whose answer is the action: the actor, or else the critic."""
    return networks.get(ACTOR) or networks[CRITIC]


class ActingInputs:
    """Keeps what a features extractor was last given outside of training and of measurements.

    SB3 switches the policy to evaluation wherever it asks for an action, and back where it trains.

    Args:
        extractor: of the network that acts.
    """

    def __init__(self, extractor: nn.Module) -> None:
        self._latest: list[dict[str, Tensor]] = []
        latest = self._latest

        def keep(module: nn.Module, args: tuple[Any, ...]) -> None:
            if module.training or Passes.measuring:
                return
            if args and isinstance(args[0], Mapping):
                latest[:] = [dict(args[0])]

        # A function, no method: copies of a module would copy what a method belongs to. Before all
        # other hooks: what they make of the input is the extractor's own, and where it learns, too.
        self._handle = extractor.register_forward_pre_hook(keep, prepend=True)

    def take(self) -> dict[str, Tensor] | None:
        """Return key -> (n, ...) as the extractor was given it, and forget it; None without."""
        return self._latest.pop() if self._latest else None

    def detach(self) -> None:
        """Remove the hook, and forget what was kept."""
        self._handle.remove()
        self._latest.clear()
