"""What the first layer with weights receives of each observation key."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from stable_baselines3.common.preprocessing import preprocess_obs
from torch import Tensor, nn
from torch.func import functional_call

from goalscope.probes.isolation import evaluation_mode
from goalscope.probes.live.features import spread_per_unit
from goalscope.probes.networks import Network

_ROWS = 64  # rows at a time
_VARIES = 0.01  # of a unit: a spread below this is that of a unit that does not vary
_TREMBLES = 0.02  # of the widest unit of its key: what varies less trembles, whatever it is made of
_LEVEL_ROWS = 8  # images whose grey levels are counted
_ENOUGH_LEVELS = 8  # show what is where: images of five bits, as some train on, have 32
_COMMON = 1e-3  # of the values of images: a level that is rarer may be lost with a few pixels
_WHOLE = 0.25  # of an image's values: a layer that receives fewer is given something else
_QUARTILES = (0.25, 0.5, 0.75)
_BETWEEN_QUARTILES = 1.349  # standard deviations, of a normal distribution
_SAME = 1e-3  # a factor this near to 1, a shift this near to 0, is none


@dataclass(frozen=True)
class TracedFeatures:
    """One forward pass of a features extractor.

    Attributes:
        features: float (B, D), the fused features.
        given: key -> float (B, n), as the extractor receives it; of all keys but images.
        received: key -> float (B, m), what of them the first layer with weights receives: a
            convolution, a linear layer of a goal's own; where there is none, the fused features.
    """

    features: Tensor
    given: Mapping[str, Tensor]
    received: Mapping[str, Tensor]


def traced_features(network: Network, observations: Mapping[str, Tensor]) -> TracedFeatures:
    """Return the fused features of observations as a buffer returns them, and what led to them.

    Where a key enters is found as blocks are: it is replaced by NaN, and the first layer with
    weights that receives a NaN is the one.
    """
    with torch.no_grad(), evaluation_mode(network.module):
        two = prepared_inputs(network, {key: values[:2] for key, values in observations.items()})
        entrances = {key: _entrance(network.extractor, two, key) for key in two}
        vectors = {k: v for k, v in observations.items() if k not in network.image_keys}
        pieces = [
            _traced(network, dict(zip(observations, rows, strict=True)), entrances)
            for rows in zip(*(value.split(_ROWS) for value in observations.values()), strict=True)
        ]
    return TracedFeatures(
        torch.cat([features for features, _ in pieces]),
        {key: values.flatten(1) for key, values in prepared_inputs(network, vectors).items()},
        {key: torch.cat([received[key] for _, received in pieces]) for key in observations},
    )


def input_statistics(
    network: Network, traced: TracedFeatures, normalised: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return "<key>.input_max" of images and "<key>.normalised_offset" of normalised vectors.

    input_max: the largest magnitude that the first layer receives, where SB3's own scaling of bytes
    ends at 1. normalised_offset: the largest over units of abs(median), spread - 1 and -log(spread)
    of what the first layer receives, or would receive if nothing were clipped, 0 for perfectly
    normalised ones. The spread is the distance of the quartiles, over that of a normal
    distribution: a few objects that fell off a table lie hundreds of spreads away, and say nothing
    of the statistics. One below 0.01 is that of a unit that does not vary, and does not count. Nor
    does a unit that trembles, as the height of what lies on a table does, where the extractor
    itself standardises the key: by a fiftieth or less of the widest unit's spread.

    Args:
        network: whose inputs.
        traced: its forward pass.
        normalised: of keys that are normalised before they reach it, key -> float (B, n), what they
            are before they are clipped. Keys that the extractor itself both shifts and scales, as a
            standardising layer does, are found.
    """
    results = {}
    for key, received in traced.received.items():
        if not received.numel():
            continue
        if key in network.image_keys:
            results[f"{network.block_of(key)}.input_max"] = received.abs().max()
        elif key in normalised:
            offsets = _offset(received), _offset(normalised[key]).to(received)
            results[f"{network.block_of(key)}.normalised_offset"] = torch.maximum(*offsets)
        elif _standardised(traced.given[key], received):
            trembling = _trembling(traced.given[key])
            results[f"{network.block_of(key)}.normalised_offset"] = _offset(received[:, ~trembling])
    return results


def levels_kept(
    network: Network, traced: TracedFeatures, observations: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return "<key>.levels_kept" of images: how many of their grey levels reach the first layer.

    Different values that it receives, over those of the images as they are stored that make a
    thousandth of them or more, or over eight where there are more; at most 1, and of eight images.
    Absent of a layer that receives fewer values than a quarter of an image's: it is given something
    made of it.

    Args:
        network: whose inputs.
        traced: its forward pass.
        observations: that it was of, images in bytes.
    """
    results = {}
    for key in network.image_keys:
        stored, received = observations[key][:_LEVEL_ROWS], traced.received[key][:_LEVEL_ROWS]
        if received.numel() < _WHOLE * stored.numel():
            continue
        counts = torch.bincount(stored.flatten().int(), minlength=256)
        common = (counts >= _COMMON * stored.numel()).sum().clamp(max=_ENOUGH_LEVELS)
        kept = torch.clamp(len(received.unique()) / common, max=1)
        results[f"{network.block_of(key)}.levels_kept"] = kept
    return results


def roughness_gained(
    network: Network, traced: TracedFeatures, observations: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return "<key>.roughness_gained" of images: how much less smooth they reach the first layer.

    The mean squared difference of neighbouring pixels over the variance, of what it receives over
    the same of the images as they are stored; of eight images. Neither a scale nor a shift of their
    values changes it, nor do mirrored images or exchanged channels; where rows, columns and
    channels were reshaped into each other, neighbours are strangers. Absent of a layer that
    receives another number of values, and of images without contrast.

    Args:
        network: whose inputs.
        traced: its forward pass.
        observations: that it was of, images (B, C, H, W).
    """
    results = {}
    for key in network.image_keys:
        stored, received = observations[key][:_LEVEL_ROWS], traced.received[key][:_LEVEL_ROWS]
        if received.numel() != stored.numel():
            continue
        before, after = _roughness(stored), _roughness(received.reshape(stored.shape))
        if before > 0 and after.isfinite():
            results[f"{network.block_of(key)}.roughness_gained"] = after / before
    return results


def _roughness(images: Tensor) -> Tensor:
    values = images.double()
    apart = (values.diff(dim=axis).square().mean() for axis in (-2, -1))
    return torch.stack(list(apart)).mean() / values.var(correction=0)


def _offset(values: Tensor) -> Tensor:
    low, middle, high = values.float().quantile(values.new_tensor(_QUARTILES).float(), dim=0)
    spread = (high - low) / _BETWEEN_QUARTILES
    spread = torch.where(spread >= _VARIES, spread, 1)
    off = torch.where(spread > 1, spread - 1, -spread.log())
    return torch.maximum(middle.abs(), off).max()


def _trembling(given: Tensor) -> Tensor:
    """Return which units of a key (B, n) vary by next to nothing of what the widest does."""
    spread = spread_per_unit(given)
    trembling: Tensor = (spread > 0) & (spread < _TREMBLES * spread.max())
    return trembling


def _standardised(given: Tensor, received: Tensor) -> bool:
    """Whether the units that vary are both shifted and scaled on their way."""
    if given.shape != received.shape:
        return False
    spread = spread_per_unit(given)
    factor = spread_per_unit(received) / spread
    shift = received.mean(dim=0) - factor * given.mean(dim=0)
    changed = ((factor - 1).abs() > _SAME) & (shift.abs() > _SAME)
    return bool(changed[spread > 0].any())


@dataclass(frozen=True)
class _Entrance:
    """Where a key enters.

    Attributes:
        layer: the name of the layer; None for the fused features.
        call: how often the layer had been called before in the same pass.
        units: bool (m,), which of the layer's flattened inputs are the key's.
    """

    layer: str | None
    call: int
    units: Tensor


def prepared_inputs(network: Network, observations: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return observations as a buffer returns them, prepared as the extractor is given them."""
    module = network.module
    prepared = preprocess_obs(
        dict(observations), module.observation_space, normalize_images=module.normalize_images
    )
    assert isinstance(prepared, dict)  # the space is a Dict
    return prepared


def _entrance(extractor: nn.Module, prepared: Mapping[str, Tensor], key: str) -> _Entrance:
    poisoned = {**prepared, key: torch.full_like(prepared[key], torch.nan)}
    # The buffers are clones: a normalisation that keeps running statistics must not see the poison.
    buffers = {name: value.clone() for name, value in extractor.named_buffers()}
    with _recorded_inputs(extractor) as calls:
        features: Tensor = functional_call(extractor, buffers, (poisoned,))
    for (layer, call), source in calls.items():
        hit = source.isnan().any(dim=0).flatten()
        if bool(hit.any()):
            return _Entrance(layer, call, hit)
    return _Entrance(None, 0, features.isnan().any(dim=0))


def _traced(
    network: Network, observations: dict[str, Tensor], entrances: Mapping[str, _Entrance]
) -> tuple[Tensor, dict[str, Tensor]]:
    with _recorded_inputs(network.extractor) as calls:
        features = network.fused_features(observations)
    received = {}
    for key, place in entrances.items():
        source = features if place.layer is None else calls[place.layer, place.call]
        received[key] = source.flatten(1)[:, place.units]
    return features, received


@contextmanager
def _recorded_inputs(extractor: nn.Module) -> Iterator[dict[tuple[str, int], Tensor]]:
    """Yield (layer, number of its call) -> its input, in call order, of layers with weights."""
    calls: dict[tuple[str, int], Tensor] = {}
    handles = []
    for name, module in extractor.named_modules():
        if next(module.parameters(recurse=False), None) is None:
            continue

        def record(_: nn.Module, args: tuple[Any, ...], name: str = name) -> None:
            if args and isinstance(args[0], Tensor):
                number = sum(layer == name for layer, _ in calls)
                calls[name, number] = args[0]

        handles.append(module.register_forward_pre_hook(record))
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
