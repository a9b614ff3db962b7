"""Statistics of the fused features and of what each consumer hears of them."""

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from goalscope.probes.blocks import ACTION, GOAL, GOAL_KEYS

SATURATION = 0.99  # |tanh| above this passes less than 2 % of a gradient


def spread_per_unit(features: Tensor) -> Tensor:
    """Return each unit's standard deviation over the batch, float (d,), of features (B, d)."""
    return (features - features.mean(dim=0)).square().mean(dim=0).sqrt()


def ratios(parts: Mapping[str, Tensor], totals: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return part over total, key by key; where the total is 0 the key is absent.

    0/0 says that there is nothing to divide, and not that something broke, as NaN does. A total
    that is NaN stays one. The totals are looked at in one transfer.
    """
    if not parts:
        return {}
    there = (torch.stack([totals[key] for key in parts]) != 0).tolist()
    kept = [key for key, is_there in zip(parts, there, strict=True) if is_there]
    return {key: parts[key] / totals[key] for key in kept}


def effective_rank(features: Tensor) -> Tensor:
    """Return exp(entropy of the normalised singular values) of centred features, in [1, min(B, d)].

    From the eigenvalues of the smaller Gram matrix in float64, which costs a fraction of the
    singular value decomposition. Constant features have rank 0 here: nothing varies.

    Source: Roy & Vetterli, "The effective rank: a measure of effective dimensionality", 2007.
    """
    centred = (features - features.mean(dim=0)).double()
    rows, units = centred.shape
    gram = centred.T @ centred if units <= rows else centred @ centred.T
    # float32 noise around a constant is not a dimension
    floor = (features.double().square().mean() * features.numel()) * 1e-12
    finite = gram.isfinite().all()
    singular = torch.linalg.eigvalsh(gram.nan_to_num(0, 0, 0)).clamp(min=0).sqrt()
    singular = torch.where(singular.square() > floor, singular, 0)
    shares = singular / singular.sum().clamp(min=torch.finfo(torch.float64).tiny)
    entropy = -torch.xlogy(shares, shares).sum()
    rank = torch.where(singular.sum() > 0, entropy.exp(), 0)
    return torch.where(finite, rank, torch.nan).to(features.dtype)


def feature_statistics(
    features: Tensor,
    columns: Mapping[str, Tensor],
    *,
    tanh: Collection[str] = (),
    beside: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Return "<block>.<name>" -> scalar tensor for every block (definitions: docs/measurements.md).

    Args:
        features: float (B, D), the fused features.
        columns: block -> int64 (d_k,); `goal` may overlap the goal blocks and counts in no total.
        tanh: blocks that end in Tanh, for `saturated_fraction`.
        beside: block -> float (B, d_k) that is no part of the fused features, such as what a
            normalisation was given; without shares.
    """
    results: dict[str, Tensor] = {}
    variance = (features - features.mean(dim=0)).square().mean(dim=0)
    shares = {f"{block}.spread_share": variance[index].sum() for block, index in columns.items()}
    results |= ratios(shares, dict.fromkeys(shares, variance.sum()))
    for block, index in columns.items():
        values = features[:, index]
        results |= _block_statistics(block, values)
        results[f"{block}.dimension_share"] = features.new_tensor(
            values.shape[1] / features.shape[1]
        )
        if block in tanh:
            results[f"{block}.saturated_fraction"] = _mean(values.abs() > SATURATION)
    for block, values in (beside or {}).items():
        results |= _block_statistics(block, values)
    return results


def _block_statistics(block: str, values: Tensor) -> dict[str, Tensor]:
    constant = (values == values[0]).all(dim=0)
    return {
        f"{block}.norm": values.norm(dim=1).mean(),
        f"{block}.spread": spread_per_unit(values).square().mean().sqrt(),
        f"{block}.zero_fraction": _mean(values == 0),
        f"{block}.dead_units": _mean(constant),
        f"{block}.effective_rank": effective_rank(values),
        f"{block}.max_abs": values.abs().amax(),
        f"{block}.nonfinite": (~values.isfinite()).sum().to(values.dtype),
    }


def forward_signal(
    inputs: Tensor, weights: Sequence[Tensor], columns: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return how much of what the consumers hear comes from each block.

    `signal_k = tr Cov(z_k W_k^T)`, summed over the consumers, which is the same as stacking them
    into one layer; `share` is over observation blocks and sums to 1. `residual` is the covariance
    between blocks that the shares leave out: (tr Cov of all observation blocks together - sum of
    the signals) / sum of the signals; 0 where blocks are uncorrelated, negative where they cancel.

    Args:
        inputs: float (B, D) or (B, D + A), what the consumers read.
        weights: one float (H, D) or (H, D + A) per consumer.
        columns: block -> int64 columns of `inputs`, `goal` and `action` among them.

    Returns:
        "<block>.signal" (squared units of the pre-activation), "<block>.share" (0..1), "residual";
        shares and residual are absent where no block is heard.
    """
    centred = inputs - inputs.mean(dim=0)
    stacked = torch.cat(list(weights))

    outputs = {block: centred[:, index] @ stacked[:, index].T for block, index in columns.items()}
    signals = {block: output.square().sum() / len(centred) for block, output in outputs.items()}
    results = {f"{block}.signal": value for block, value in signals.items()}
    observed = {block: value for block, value in signals.items() if block != ACTION}
    shares = {f"{block}.share": value for block, value in observed.items()}
    totals = {f"{block}.share": partition_total(observed, block) for block in observed}
    parts = [block for block in observed if block != GOAL]
    total = torch.stack([signals[block] for block in parts]).sum()
    together = torch.stack([outputs[block] for block in parts]).sum(dim=0)
    together = together.square().sum() / len(centred)
    return results | ratios({**shares, "residual": together - total}, {**totals, "residual": total})


def partition_total(values: Mapping[str, Tensor], block: str) -> Tensor:
    """Return the sum over the partition that `block` belongs to.

    The observation keys are one partition; for `goal` the blocks of goal vectors, mixed with each
    other or not, count as one, so that its share, too, lies in 0..1 and is complemented by the
    other blocks'.
    """

    def left_out(name: str) -> bool:
        return set(name.split("+")) <= set(GOAL_KEYS) if block == GOAL else name == GOAL

    return torch.stack([value for name, value in values.items() if not left_out(name)]).sum()


def _mean(mask: Tensor) -> Tensor:
    return mask.float().mean()
