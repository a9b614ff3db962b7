"""Whether images keep up with what moves in the vectors beside them."""

import numpy as np
import torch
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.record.transition_metrics import LATENESS, STILL_FRACTION
from goalscope.probes import Network, ReplayBatch, lateness, still_fraction
from goalscope.probes.blocks import DESIRED_GOAL
from goalscope.probes.live.features import spread_per_unit
from goalscope.probes.swaps import rms

FEWEST = 8  # steps; fewer tell nothing of a share
_Moved = tuple[Tensor, Tensor, Tensor]  # a vector before and after each step, and its spread


def image_timing(
    network: Network, given: DictReplayBufferSamples, stored: ReplayBatch
) -> dict[str, Tensor]:
    """Return record key -> scalar: images that stand still, and images that come late.

    Beside what moves in the vectors, the desired goal left out: no image need show it.

    Args:
        network: the one that acts.
        given: steps of one environment in their order, by the names of blocks.
        stored: a batch of replay, by the names of blocks.
    """
    images = {network.block_of(key) for key in network.image_keys}
    vectors = [
        (before, given.next_observations[block], rms(_spread(stored.observations[block])).cpu())
        for block, before in given.observations.items()
        if block not in images and block != DESIRED_GOAL
    ]
    vectors = [moved for moved in vectors if bool(moved[2] > 0)]
    results = {}
    for block in images:
        pair = given.observations[block], given.next_observations[block]
        found = {
            STILL_FRACTION: still_fraction(pair, vectors, FEWEST),
            LATENESS: _lateness(pair, vectors),
        }
        for metric, number in found.items():
            if number is not None:
                results[metric.key("environment", block)] = number
    return results


def _lateness(image: tuple[Tensor, Tensor], vectors: list[_Moved]) -> Tensor | None:
    if not vectors:
        return None
    motion = torch.stack([_step(before, after) / spread for before, after, spread in vectors])
    follows = [(after[:-1] == before[1:]).flatten(1).all(dim=1) for before, after, _ in vectors]
    begins = ~torch.stack(follows).all(dim=0)
    episodes = np.concatenate([[0], begins.cumsum(0).numpy()])
    found = lateness(motion.amax(dim=0).numpy(), _step(*image).numpy(), episodes)
    return None if found is None else torch.tensor(found)


def _step(before: Tensor, after: Tensor) -> Tensor:
    """Return the RMS of what each step (n, ...) changes, float64 (n,)."""
    return (after.double() - before.double()).flatten(1).square().mean(dim=1).sqrt()


def _spread(values: Tensor) -> Tensor:
    return spread_per_unit(values.flatten(1).double())
