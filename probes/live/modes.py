"""Whether features are the same where a network learns as where it acts: mode, and company."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from goalscope.probes.isolation import training_mode
from goalscope.probes.live.features import ratios, spread_per_unit
from goalscope.probes.live.inputs import prepared_inputs
from goalscope.probes.networks import Network
from goalscope.probes.swaps import rms

_ROWS = 64  # at a time, as in evaluation mode
_ROUNDING = 1e-5  # of the features' size: about a hundred roundings of a float32
_ALONE = 8  # observations that are encoded by themselves
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
    return _over_spread(network, "mode_difference", learnt - acted, learnt)


def alone_difference(
    network: Network, observations: Mapping[str, Tensor], together: Tensor
) -> dict[str, Tensor]:
    """Return "<block>.alone_difference": how far features alone lie from those in a batch.

    RMS(features of an observation alone - the same in a batch of 64) of eight observations, over
    the RMS over units of the standard deviation of those in the batch. 0 but for rounding; about 1
    where features are standardised over the batch, which has no spread of one. What is no number
    alone counts as 0. Absent of a block that is one for all observations.

    Args:
        network: whose features, in the mode in which it is.
        observations: as a buffer returns them.
        together: float (B, D), their features, 64 rows at a time.
    """
    with torch.no_grad():
        rows = [{k: v[row : row + 1] for k, v in observations.items()} for row in range(_ALONE)]
        alone = torch.cat([network.fused_features(row) for row in rows]).nan_to_num(0.0)
    return _over_spread(network, "alone_difference", alone - together[: len(alone)], together)


def _over_spread(network: Network, name: str, apart: Tensor, features: Tensor) -> dict[str, Tensor]:
    """Return "<block>.<name>": RMS of differences (n, D) over the spread of features (B, D).

    A spread that rounding explains is none.
    """
    blocks = {f"{block.name}.{name}": block.columns for block in network.blocks}
    spreads = {key: rms(spread_per_unit(features[:, index])) for key, index in blocks.items()}
    rounding = {key: _ROUNDING * rms(features[:, index]) for key, index in blocks.items()}
    return ratios(
        {key: rms(apart[:, index]) for key, index in blocks.items()},
        {key: torch.where(one <= rounding[key], 0.0, one) for key, one in spreads.items()},
    )


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
