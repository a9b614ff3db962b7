"""Whether images keep up with what moves in the vectors beside them."""

import numpy as np
import torch
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.material.paces import Paces
from goalscope.diagnostics.record.transition_metrics import LATENESS, STILL_FRACTION
from goalscope.probes import Network, ReplayBatch, lateness, still_fraction
from goalscope.probes.blocks import DESIRED_GOAL
from goalscope.probes.live.features import spread_per_unit
from goalscope.probes.swaps import rms

FEWEST = 8  # steps; fewer tell nothing of a share


def image_timing(
    network: Network, given: DictReplayBufferSamples, stored: ReplayBatch, paces: Paces
) -> dict[str, Tensor]:
    """Return record key -> scalar: images that stand still, and images that come late.

    Beside what moves in the vectors, the desired goal left out: no image need show it.

    Args:
        network: the one that acts.
        given: the last steps of one environment in their order, by the names of blocks.
        stored: a batch of replay, by the names of blocks.
        paces: of as many steps and more.
    """
    images = {network.block_of(key): key for key in network.image_keys}
    spreads = {
        block: float(rms(spread_per_unit(values.flatten(1).double())))
        for block, values in stored.observations.items()
        if block not in images and block != DESIRED_GOAL
    }
    spreads = {block: spread for block, spread in spreads.items() if spread > 0}
    vectors = [
        (given.observations[block], given.next_observations[block], torch.tensor(spread))
        for block, spread in spreads.items()
    ]
    moved = [paces.of(key) / s for key in paces.keys if (s := spreads.get(network.block_of(key)))]
    results = {}
    for block, key in images.items():
        pair = given.observations[block], given.next_observations[block]
        still = still_fraction(pair, vectors, FEWEST)
        if still is not None:
            results[STILL_FRACTION.key("environment", block)] = still
        late = (
            lateness(np.max(moved, axis=0), paces.of_channels(key), paces.episodes)
            if moved
            else None
        )
        if late is not None:
            results[LATENESS.key("environment", block)] = torch.tensor(late)
    return results
