"""What images show: where what is achieved is, whether encoders keep it, and rows in order."""

from collections.abc import Mapping

from torch import Tensor

from goalscope.diagnostics.record.transition_metrics import INTERLEAVING, PLACE_R2
from goalscope.diagnostics.updates.tracked import learning
from goalscope.probes import Network, ReplayBatch, TracedFeatures, place_r2
from goalscope.probes.blocks import ACHIEVED_GOAL
from goalscope.probes.images import averaged, interleaving

_IMAGES = 32


def place_state(
    networks: Mapping[str, Network], stored: ReplayBatch, traced: Mapping[str, TracedFeatures]
) -> dict[str, Tensor]:
    """Return record key -> scalar of replay's images, and of each encoder's features of them.

    Args:
        networks: by name.
        stored: a batch as it is stored, by the names of blocks.
        traced: network -> the fused features of the same batch.
    """
    found: dict[str, Tensor | None] = {}
    achieved = stored.observations.get(ACHIEVED_GOAL)
    for name in sorted({n.block_of(key) for n in learning(networks) for key in n.image_keys}):
        images = stored.observations[name]
        found[INTERLEAVING.key(block=name)] = interleaving(images[:_IMAGES])
        if achieved is not None:
            found[PLACE_R2.key("replay", name)] = place_r2(averaged(images), achieved)
    if achieved is not None:
        for owner, one in traced.items():
            for block in networks[owner].image_blocks:
                features = one.features[:, block.columns]
                found[PLACE_R2.key(owner, block.name)] = place_r2(features, achieved)
    return {key: value for key, value in found.items() if value is not None}
