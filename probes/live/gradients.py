"""How one loss's gradient, and the step the optimiser took, divide between the blocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from goalscope.probes.blocks import ACTION, GOAL
from goalscope.probes.live.features import partition_total, ratios, spread_per_unit

_MANTISSA = 0x7FFFFF  # bits of a float32 that are 0 of 0 and of powers of two
_LOST = 0xFFFF  # those of them that bfloat16 has not


@dataclass(frozen=True)
class EncoderUpdate:
    """One encoder's gradient and the size of the step applied to it.

    Attributes:
        gradient: dL/d(theta), flattened to float (P,).
        weight_norm: scalar, norm of theta before the step.
        change_norm: scalar, norm of the change of theta.
    """

    gradient: Tensor
    weight_norm: Tensor
    change_norm: Tensor


@dataclass(frozen=True)
class Moments:
    """How much Adam, or a kin of it, remembers.

    Attributes:
        counted: scalar, the steps that it holds in its moments, by its own count.
        taken: the steps that it was seen to take.
        horizon: the steps that its second moment is a mean of, 1 / (1 - beta_2).
    """

    counted: Tensor
    taken: int
    horizon: float


@dataclass(frozen=True)
class LossUpdate:
    """What one loss's backward pass left behind, and the step its optimiser then took.

    Attributes:
        inputs: float (B, D) or (B, D + A), what the consumers read in that forward pass; without
            consumers the fused features.
        output_gradients: per consumer, dL/d(its output), float (B, H).
        weights: per consumer, its weight before the step, (H, D) or (H, D + A).
        weight_gradients: per consumer, dL/dW, same shapes.
        weights_after: per consumer, its weight after the step.
        encoders: block -> gradient and step of the encoder this loss's optimiser holds.
        received: dL/dz, float (B, D), as it arrived at the fused features, where there are no
            consumers, or they are not the only readers; None where they are.
        moments: what the optimiser remembers after the step; None where it keeps no count.
    """

    inputs: Tensor
    output_gradients: Sequence[Tensor]
    weights: Sequence[Tensor]
    weight_gradients: Sequence[Tensor]
    weights_after: Sequence[Tensor]
    encoders: Mapping[str, EncoderUpdate] = field(default_factory=dict)
    received: Tensor | None = None
    moments: Moments | None = None

    def fusion_gradients(self, features_dim: int) -> Tensor:
        """Return dL/dz, float (B, D): the gradient at the fused features.

        Where the consumers are the only readers of z, the chain rule through them is all of it:
        dL/dz = sum over consumers of dL/d(output) W. It exists, too, where SB3 shares the extractor
        and runs it without gradient for the critic.
        """
        if self.received is not None:
            return self.received
        parts = [
            delta @ weight[:, :features_dim]
            for delta, weight in zip(self.output_gradients, self.weights, strict=True)
        ]
        return torch.stack(parts).sum(dim=0)


def gradient_balance(
    update: LossUpdate, columns: Mapping[str, Tensor], features_dim: int
) -> dict[str, Tensor]:
    """Return "<block>.<name>" -> scalar tensor for every block (definitions: docs/measurements.md).

    Scaling, for all at the fusion: SB3's losses are batch means, so row i of dL/dz is 1/B of sample
    i's own gradient. `fusion_gradient` is ||dL/dz_k||_F sqrt(B), and `signal_gradient` carries the
    factor B: each is the root mean square over the batch of a per-sample quantity, in loss units
    per feature unit and in loss units, whatever the batch size. Of a gradient of zeros, and of
    weights that are all 0, shares and ratios are absent.

    Args:
        update: the tapped update.
        columns: block -> int64 columns of the consumers' weights; `goal` and `action` count in no
            total, and `action` has no fused features.
        features_dim: D.
    """
    observed = {block: index for block, index in columns.items() if block != ACTION}
    results = _fusion_gradients(update, observed, features_dim)
    if update.weights:
        results |= _weight_gradients(update, columns)
    for block, encoder in update.encoders.items():
        results[f"{block}.encoder_gradient"] = encoder.gradient.norm()
    name = "{}.encoder_update_ratio".format
    return results | ratios(
        {name(block): encoder.change_norm for block, encoder in update.encoders.items()},
        {name(block): encoder.weight_norm for block, encoder in update.encoders.items()},
    )


def _fusion_gradients(
    update: LossUpdate, columns: Mapping[str, Tensor], features_dim: int
) -> dict[str, Tensor]:
    results: dict[str, Tensor] = {}
    gradients = update.fusion_gradients(features_dim)
    spread = spread_per_unit(update.inputs[:, :features_dim])
    squares = gradients.square().sum(dim=0)
    moved = gradients.abs() * spread
    batch = len(gradients)
    heard = {}
    parts: dict[str, Tensor] = {}
    totals: dict[str, Tensor] = {}
    for block, index in columns.items():
        norm = squares[index].sum().sqrt() * batch**0.5
        results[f"{block}.fusion_gradient"] = norm
        results[f"{block}.fusion_gradient_per_unit"] = norm / len(index) ** 0.5
        parts[f"{block}.fusion_gradient_share"] = squares[index].sum()
        totals[f"{block}.fusion_gradient_share"] = squares.sum()
        heard[block] = moved[:, index].sum(dim=1).square().mean().sqrt() * batch
        results[f"{block}.signal_gradient"] = heard[block]
    for block in columns:
        parts[f"{block}.signal_gradient_share"] = heard[block]
        totals[f"{block}.signal_gradient_share"] = partition_total(heard, block)
    return results | ratios(parts, totals)


def _weight_gradients(update: LossUpdate, columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
    results: dict[str, Tensor] = {}
    parts: dict[str, Tensor] = {}
    totals: dict[str, Tensor] = {}
    gradient = torch.cat(list(update.weight_gradients))
    before = torch.cat(list(update.weights))
    change = torch.cat(list(update.weights_after)) - before
    centred = update.inputs - update.inputs.mean(dim=0)
    squares = gradient.square().sum(dim=0)
    observed = torch.cat([i for b, i in columns.items() if b not in (GOAL, ACTION)])
    for block, index in columns.items():
        results[f"{block}.weight_gradient"] = squares[index].sum().sqrt()
        if block != ACTION:
            parts[f"{block}.weight_gradient_share"] = squares[index].sum()
            totals[f"{block}.weight_gradient_share"] = squares[observed].sum()
        parts[f"{block}.update_ratio"] = change[:, index].norm()
        totals[f"{block}.update_ratio"] = before[:, index].norm()
        voice = centred[:, index] @ change[:, index].T
        results[f"{block}.update_effect"] = voice.square().sum(dim=1).mean().sqrt()
    return results | ratios(parts, totals)


def step_directions(update: LossUpdate) -> dict[str, Tensor]:
    """Return "own_gradient" and "downhill" of the consumers' weights W, cosines in [-1, 1].

    own_gradient: between what the optimiser was given for W and the gradient that this loss sends,
    sum over rows of dL/d(output)^T input. 1, whatever scales or clips a gradient as a whole; less
    where gradients of other losses, or of updates before, were left in it. downhill: between the
    step taken and minus what the optimiser was given. Of zeros there is no direction: absent.
    """
    if not update.weights:
        return {}
    given = _joined(update.weight_gradients)
    sent = _joined([delta.T @ update.inputs for delta in update.output_gradients])
    step = _joined(update.weights_after) - _joined(update.weights)
    products = {"own_gradient": given @ sent, "downhill": -given @ step}
    sizes = {"own_gradient": given.norm() * sent.norm(), "downhill": given.norm() * step.norm()}
    return ratios(products, sizes)


def optimiser_state(update: LossUpdate) -> dict[str, Tensor]:
    """Return what is kept between the steps: "moments_kept" and "bfloat16_fraction".

    moments_kept: the steps that Adam's moments hold over those that they could, of the steps taken
    and the horizon the fewer; at most 1. Absent where the optimiser keeps no count.
    bfloat16_fraction: the share of the consumers' weights before the step that bfloat16 holds to
    the last bit: the lower 16 bits of their float32 are 0. Of others one in 2^16 is. Zeros and
    powers of two, from which weights start, are left out, and so are NaN and infinities.
    """
    results = {}
    if update.moments is not None:
        whole = min(update.moments.taken, update.moments.horizon)
        results["moments_kept"] = (update.moments.counted / whole).clamp(max=1.0)
    if update.weights:
        weights = torch.cat([w.detach().float().flatten() for w in update.weights])
        bits = weights.view(torch.int32)
        told = ((bits & _MANTISSA) != 0) & weights.isfinite()
        held = told & ((bits & _LOST) == 0)
        results |= ratios({"bfloat16_fraction": held.sum()}, {"bfloat16_fraction": told.sum()})
    return results


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    """Return all of them in one, float64 (P,): products of tiny gradients vanish in single."""
    return torch.cat([tensor.double().flatten() for tensor in tensors])


def direction_consistency(gradients: Tensor) -> Tensor:
    """Return norm(mean g)^2 / mean(norm(g)^2) over a window of n gradients, in [0, 1].

    1/n is what independent zero-mean gradients give on average (a window of opposed gradients falls
    below it); 1 is the same gradient every time.

    Args:
        gradients: float (n, P).
    """
    return gradients.mean(dim=0).square().sum() / gradients.square().sum(dim=1).mean()
