"""What the agent is given where it acts, and would do: hooks on the network that is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from goalscope.diagnostics.record.keys import ACTOR, CRITIC
from goalscope.diagnostics.updates.hooks import Hook
from goalscope.diagnostics.updates.passes import Passes
from goalscope.probes import Network


def acting_network(networks: Mapping[str, Network]) -> Network:
    """Return the network whose answer is the action: the actor, or else the critic."""
    return networks.get(ACTOR) or networks[CRITIC]


@dataclass(frozen=True)
class Acted:
    """What a network was asked for an action with, and its own answer.

    Attributes:
        inputs: key -> (n, ...), as its features extractor was given it; {} where that is not known:
            it was asked in training mode.
        own: float (n, A), its deterministic action in -1..1; None where no layer of it tells that.
    """

    inputs: Mapping[str, Tensor]
    own: Tensor | None


class Acting:
    """Keeps how a network was last asked for an action, outside of training and of measurements.

    SB3 switches the policy to evaluation wherever it asks for an action, and back where it trains.
    Whoever asks without that is known by the rows alone: as many as there are environments.

    Args:
        network: the one that acts.
    """

    def __init__(self, network: Network) -> None:
        self._inputs: list[dict[str, Tensor]] = []
        self._own: list[Tensor] = []
        self._rows: set[int] = set()  # of what it was asked in training mode
        self._head = network.action_head
        inputs, own, in_training = self._inputs, self._own, self._rows

        def keep(module: nn.Module, args: tuple[Any, ...]) -> None:
            if Passes.measuring or not args or not isinstance(args[0], Mapping):
                return
            if module.training:
                in_training.update(map(len, args[0].values()))
                return
            inputs[:] = [dict(args[0])]
            own.clear()

        # Before all other hooks: what they make of the input is the extractor's own, and where it
        # learns, too.
        self._handles: list[RemovableHandle] = [
            network.extractor.register_forward_pre_hook(Hook(keep), prepend=True)
        ]
        if self._head is None:
            return

        def answered(module: nn.Module, _: tuple[Any, ...], output: object) -> None:
            if isinstance(output, Tensor) and not module.training and not Passes.measuring:
                own[:] = [output.detach()]

        self._handles.append(self._head.mean.register_forward_hook(Hook(answered)))

    def take(self, rows: int) -> Acted | None:
        """Return how it was last asked for so many actions, and forget it; None if it was not."""
        in_training = rows in self._rows
        self._rows.clear()
        if not self._inputs:
            return Acted({}, None) if in_training else None
        own = self._head.action(self._own.pop()) if self._head and self._own else None
        return Acted(self._inputs.pop(), own)

    def detach(self) -> None:
        """Remove the hooks, and forget what was kept."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._inputs.clear()
        self._own.clear()
        self._rows.clear()
