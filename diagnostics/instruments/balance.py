"""The instruments: what each measures of a tracked update, under which record keys.

Each returns record key -> scalar tensor on the agent's device; the numbers leave the device once
per line of the record, not once per metric.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from goalscope.diagnostics.schedule import Schedule
from goalscope.diagnostics.tap import (
    ACTOR_LOSS,
    CRITIC_LOSS,
    ForwardPass,
    TrackedUpdate,
    encoder_parameters,
    shared_encoder_parameters,
)
from goalscope.probes import (
    EncoderUpdate,
    LossUpdate,
    Network,
    direction_consistency,
    feature_statistics,
    forward_signal,
    gradient_balance,
)

DIRECTION_WINDOW = 10
MOST_ENTRIES = 100_000
NETWORK_OF = {CRITIC_LOSS: "critic", ACTOR_LOSS: "actor"}


class UpdateInstrument(Protocol):
    """Measures what the tap shows of an update.

    Attributes:
        name: its name in the record.
        schedule: when it is due, in the updates its numbers are recorded under.
        offset: 1 where an update shows the state before it (forward passes), 0 where it shows the
            update itself (gradients); the recorded update is the tracked one minus the offset.
    """

    name: str
    schedule: Schedule
    offset: int

    def measure(self, tracked: TrackedUpdate, networks: Mapping[str, Network]) -> dict[str, Tensor]:
        """Return record key -> scalar tensor."""
        ...


class FeatureInstrument:
    """Feature statistics and forward signal, from the update's own forward passes."""

    name = "feature_statistics"
    offset = 1

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def measure(self, tracked: TrackedUpdate, networks: Mapping[str, Network]) -> dict[str, Tensor]:
        """Return the metrics of every network that made a forward pass."""
        results: dict[str, Tensor] = {}
        for name, seen in tracked.passes.items():
            network = networks[name]
            statistics = feature_statistics(
                seen.inputs[:, : network.features_dim],
                network.columns,
                tanh=[block.name for block in network.blocks if block.ends_in == "Tanh"],
                raw=seen.raw,
            )
            results |= {f"features/{name}.{key}": value for key, value in statistics.items()}
            signal = forward_signal(seen.inputs, seen.weights, network.consumer_columns)
            results |= {f"signal/{name}.{key}": value for key, value in signal.items()}
        return results


class GradientInstrument:
    """Gradient balance of each loss, and how steadily each gradient points one way."""

    name = "gradient_balance"
    offset = 0

    def __init__(self, schedule: Schedule, window: int = DIRECTION_WINDOW) -> None:
        self.schedule = schedule
        self._window = window
        self._recent: dict[str, GradientWindow] = {}

    def measure(self, tracked: TrackedUpdate, networks: Mapping[str, Network]) -> dict[str, Tensor]:
        """Return the metrics of every loss that took a step."""
        results: dict[str, Tensor] = {}
        for loss, update in tracked.losses.items():
            network = networks[NETWORK_OF[loss]]
            columns = network.consumer_columns
            balance = gradient_balance(update, columns, network.features_dim)
            results |= {f"gradient/{loss}.{key}": value for key, value in balance.items()}
            stacked = torch.cat(list(update.weight_gradients))
            for block, index in columns.items():
                key = f"gradient/{loss}.{block}.direction_consistency"
                results |= self._consistency(key, stacked[:, index])
            for block, encoder in update.encoders.items():
                key = f"gradient/{loss}.{block}.encoder_direction_consistency"
                results |= self._consistency(key, encoder.gradient)
            size = len(self._recent[f"gradient/{loss}.{next(iter(columns))}.direction_consistency"])
            results[f"gradient/{loss}.direction_window"] = torch.tensor(float(size))
        if tracked.encoder_cosine is not None:
            results["gradient/encoder.cosine"] = tracked.encoder_cosine
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


def metric_keys(
    instruments: Sequence[UpdateInstrument], networks: Mapping[str, Network]
) -> list[str]:
    """Return every record key the instruments can produce, from a rehearsal on random numbers.

    The instruments given are used up: pass copies.
    """
    generator = torch.Generator().manual_seed(0)
    keys: dict[str, None] = {}
    for instrument in instruments:
        for update in (1, 2):  # a window of directions needs two
            tracked = _rehearsal(update, networks, generator)
            keys |= dict.fromkeys(instrument.measure(tracked, networks))
    return list(keys)


def _rehearsal(
    update: int, networks: Mapping[str, Network], generator: torch.Generator, rows: int = 4
) -> TrackedUpdate:
    tracked = TrackedUpdate(update)

    def draw(*shape: int, like: Tensor) -> Tensor:
        return torch.randn(shape, generator=generator).to(like)

    for name, network in networks.items():
        weights = [consumer.layer.weight.detach() for consumer in network.consumers]
        if not weights:
            continue
        inputs = draw(rows, weights[0].shape[1], like=weights[0])
        raw = {
            block.name: draw(rows, block.width, like=weights[0])
            for block in network.blocks
            if block.normalisation
        }
        tracked.passes[name] = ForwardPass(inputs, weights, raw)
        loss = next((loss for loss, owner in NETWORK_OF.items() if owner == name), None)
        if loss is not None:
            step = draw(3, like=weights[0])
            encoders = {
                block: EncoderUpdate(step[:1], step[1], step[2])
                for block in encoder_parameters(network)
            }
            deltas = [draw(rows, len(weight), like=weight) for weight in weights]
            tracked.losses[loss] = LossUpdate(inputs, deltas, weights, weights, weights, encoders)
    if shared_encoder_parameters(networks):
        tracked.encoder_cosine = torch.zeros(())
    return tracked
