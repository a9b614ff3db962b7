"""The instrument of gradient balance."""

import torch
from torch import Tensor

from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment
from goalscope.diagnostics.record.keys import CRITIC, JOINT_LOSS, LOSS_OF, Family, prefixed
from goalscope.diagnostics.record.metrics import (
    DIRECTION_CONSISTENCY,
    DIRECTION_WINDOW,
    ENCODER_COSINE,
    ENCODER_DIRECTION_CONSISTENCY,
)
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.probes import (
    direction_consistency,
    gradient_balance,
    optimiser_state,
    step_directions,
)

WINDOW = 10
MOST_ENTRIES = 100_000
_NETWORK_OF = {loss: network for network, loss in LOSS_OF.items()} | {JOINT_LOSS: CRITIC}


class GradientInstrument(Instrument):
    """Measures how each loss's gradient divides, and how steadily each gradient points one way.

    Args:
        schedule: when it is due.
        window: how many gradients a direction is judged over.
    """

    name = "gradient_balance"
    moment = Moment.GRADIENTS

    def __init__(self, schedule: Schedule, window: int = WINDOW) -> None:
        super().__init__(schedule)
        self._window = window
        self._recent: dict[str, GradientWindow] = {}

    def measure(self, context: Context) -> dict[str, Tensor]:
        """Return the metrics of every loss that took a step."""
        results: dict[str, Tensor] = {}
        for loss, update in context.tracked.losses.items():
            network = context.networks[_NETWORK_OF[loss]]
            columns = network.consumer_columns
            balance = gradient_balance(update, columns, network.features_dim)
            balance |= step_directions(update) | optimiser_state(update)
            results |= prefixed(Family.GRADIENT, balance, loss)
            for block, encoder in update.encoders.items():
                key = ENCODER_DIRECTION_CONSISTENCY.key(loss, block)
                results |= self._consistency(key, encoder.gradient)
            if not update.weight_gradients:
                continue
            stacked = torch.cat(list(update.weight_gradients))
            for block, index in columns.items():
                key = DIRECTION_CONSISTENCY.key(loss, block)
                results |= self._consistency(key, stacked[:, index])
            size = len(self._recent[DIRECTION_CONSISTENCY.key(loss, next(iter(columns)))])
            results[DIRECTION_WINDOW.key(loss)] = torch.tensor(float(size))
        if context.tracked.encoder_cosine is not None:
            results[ENCODER_COSINE.key()] = context.tracked.encoder_cosine
        return results

    def _consistency(self, key: str, gradient: Tensor) -> dict[str, Tensor]:
        window = self._recent.setdefault(key, GradientWindow(self._window))
        window.append(gradient)
        # Gradients that are all zero have no direction: 0/0 is absent, and not a NaN to be flagged.
        return {key: window.consistency()} if len(window) > 1 and window.moved() else {}


class GradientWindow:
    """The last `size` gradients, and their direction consistency.

    Of a gradient with more than 100,000 entries every second, third, ... is kept, so that ten of
    them take 4 MB and not 35: the ratio's numerator and denominator shrink alike. They lie in one
    ring, allocated once: pieces that come and go between SB3's own would leave holes in the heap.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._appended = 0
        self._ring = torch.empty(0)

    def __len__(self) -> int:
        return min(self._appended, self._size)

    def append(self, gradient: Tensor) -> None:
        """Take in a gradient; the oldest leaves a full window."""
        stride = -(-gradient.numel() // MOST_ENTRIES)
        kept = gradient.flatten()[::stride]
        if not self._appended:
            self._ring = kept.new_empty((self._size, len(kept)))
        self._ring[self._appended % self._size] = kept
        self._appended += 1

    def moved(self) -> bool:
        """Whether any gradient is not zero."""
        return bool(self._ring[: len(self)].any())

    def consistency(self) -> Tensor:
        """Return `probes.direction_consistency` of the window."""
        return direction_consistency(self._ring[: len(self)])
