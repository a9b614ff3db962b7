"""Whether features are the same where a network learns as where it acts."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from goalscope.probes.blocks import training_mode
from goalscope.probes.live.features import ratios, spread_per_unit
from goalscope.probes.live.inputs import prepared_inputs
from goalscope.probes.networks import Network
from goalscope.probes.swaps import rms

_ROWS = 64  # at a time, as in evaluation mode
_BY_MODE = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)


def mode_difference(
    network: Network, observations: Mapping[str, Tensor], acted: Tensor
) -> dict[str, Tensor]:
    """Return "<block>.mode_difference": how far features lie from those it acts on.

    RMS(features in training mode - in evaluation mode) over their spread in training mode: the RMS
    over units of the standard deviation between observations. 0 of an extractor without a module of
    torch's that depends on the mode; absent of a block that is one for all observations. Draws from
    the shared generators what a dropout draws; running statistics stay as they are.

    Args:
        network: whose features.
        observations: as a buffer returns them.
        acted: float (B, D), their features in evaluation mode.
    """
    learnt = acted
    if any(isinstance(module, _BY_MODE) for module in network.extractor.modules()):
        learnt = _in_training(network.extractor, prepared_inputs(network, observations))
    blocks = {f"{block.name}.mode_difference": block.columns for block in network.blocks}
    apart = {name: rms(learnt[:, index] - acted[:, index]) for name, index in blocks.items()}
    spread = {name: rms(spread_per_unit(learnt[:, index])) for name, index in blocks.items()}
    return ratios(apart, spread)


def _in_training(extractor: nn.Module, prepared: Mapping[str, Tensor]) -> Tensor:
    # The buffers are clones: a normalisation that keeps running statistics writes into those.
    buffers = {name: value.clone() for name, value in extractor.named_buffers()}
    pieces = zip(*(values.split(_ROWS) for values in prepared.values()), strict=True)
    with torch.no_grad(), training_mode(extractor):
        features: list[Tensor] = [
            functional_call(extractor, buffers, (dict(zip(prepared, piece, strict=True)),))
            for piece in pieces
        ]
    return torch.cat(features)
