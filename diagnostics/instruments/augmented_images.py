"""What replay does to images by chance: which are augmented, and whether that turns the scene."""

from collections.abc import Collection

import torch
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.material.replay import by_block, replay_batch
from goalscope.diagnostics.record.transition_metrics import TURNED_FRACTION
from goalscope.probes import Network, ReplayBatch, turned_share
from goalscope.probes.isolation import isolated_generators

_ROWS = 16  # enough to see that half of them are


def image_blocks(network: Network) -> set[str]:
    """Return the names of the blocks of a network's images."""
    return {network.block_of(key) for key in network.image_keys}


def augmented_blocks(
    model: OffPolicyAlgorithm, network: Network, batch: ReplayBatch, seed: int
) -> set[str]:
    """Return the blocks of images that another draw of the same rows gives otherwise.

    Which rows are drawn is numpy's to say, as SB3's buffers draw; how images change is torch's.

    Args:
        model: the agent.
        network: that knows which blocks are images.
        batch: drawn from replay, as it is stored, by the names of blocks.
        seed: that it was drawn from.
    """
    with isolated_generators(seed, torch_seed=seed + 1):
        sample = replay_batch(model, len(batch.actions), normalised=False)
    again = by_block(sample, network.block_of)
    other = {
        block
        for one, two in (
            (batch.observations, again.observations),
            (batch.next_observations, again.next_observations),
        )
        for block, values in one.items()
        if not torch.equal(values, two[block])
    }
    return other if other <= image_blocks(network) else set()


def turned(
    given: DictReplayBufferSamples, back: DictReplayBufferSamples, blocks: Collection[str]
) -> dict[str, Tensor]:
    """Return record key -> the share of images that come back mirrored or turned.

    Args:
        given: transitions as they were.
        back: the same as they came back.
        blocks: of images that come back otherwise each time.
    """
    results = {}
    for block in blocks:
        pair = (side.observations[block][-_ROWS:].cpu() for side in (given, back))
        found = turned_share(*pair)
        if found is not None:
            results[TURNED_FRACTION.key(block=block)] = found
    return results
