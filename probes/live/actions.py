"""What actions do: how far they spread, whether they sit at their ends, what they change."""

from collections.abc import Collection

import torch
from torch import Tensor

from goalscope.probes.live.features import SATURATION, spread_per_unit
from goalscope.probes.live.replay import ReplayBatch
from goalscope.probes.swaps import rms

PENALTIES = (1e-3, 1e-1, 1e1)  # over the mean square of a standardised row
_ROWS = 64  # images at a time
_ROUNDING = 1e-3
_SAME_ACTION = 1e-5  # of a range of 2, scaled to the environment's and back
_FEWEST = 8  # actions from which anything can be told


def action_spread(actions: Tensor) -> Tensor:
    """Return the standard deviation over the batch of actions (B, A), RMS over components."""
    return rms(spread_per_unit(actions))


def saturated_fraction(actions: Tensor) -> Tensor:
    """Return the fraction of the components of actions (B, A) in [-1, 1] with abs(a) > 0.99."""
    return (actions.abs() > SATURATION).float().mean()


def own_fraction(carried_out: Tensor, own: Tensor) -> Tensor | None:
    """Return the share of steps that carried out the policy's own action, and nothing beside it.

    To rounding, in all components but those whose own action sits at an end: there, noise and none
    may come to the same.

    Args:
        carried_out: float (B, A), in -1..1.
        own: float (B, A), the policy's deterministic action.

    Returns:
        None where fewer than eight steps have such a component.
    """
    inside = own.abs() <= SATURATION
    told = inside.any(dim=1)
    if int(told.sum()) < _FEWEST:
        return None
    same = (carried_out.double() - own.double()).abs() <= _SAME_ACTION
    return (same | ~inside).all(dim=1)[told].double().mean()


def action_effect_r2(batch: ReplayBatch, keys: Collection[str] | None = None) -> Tensor | None:
    """Return how well the action is told from what the step changed: R^2, at most 1.

    By ridge regression of each component of the action on what one key of the observation shows of
    the step: x' - x of vectors, `image_motion` of images. Fitted on one half of the batch and asked
    of the other, both ways round. The best component, key and penalty: one thing that answers to
    actions is enough. Near 0 where actions and observations do not belong together.

    None where nothing changes, or the actions are too few (fewer than eight different ones).

    Args:
        batch: of replay.
        keys: of the observation that are looked at; None for all.
    """
    actions = batch.actions.double()
    distinct, number = torch.unique(actions, dim=0, return_inverse=True)
    if len(distinct) < _FEWEST:
        return None
    half = number % 2 == 0  # a transition that was drawn twice is not both fitted and asked
    changes = (
        _change(batch.observations[key], after)
        for key, after in batch.next_observations.items()
        if keys is None or key in keys
    )
    scores = [_told(x, actions, half) for x in changes if bool((x != x[0]).any())]
    return torch.stack(scores).max() if scores else None


def image_motion(before: Tensor, after: Tensor) -> Tensor:
    """Return where the content of images (B, C, H, W) moved, float64 (B, 2 C).

    Per channel the means over the image of I_x I_t and of I_y I_t, differences over space of the
    images' mean times the difference over time: the side of the equations of optical flow that
    tells a motion from its opposite, wherever in the image it is. Rows first, columns after.

    Source: Lucas & Kanade, "An iterative image registration technique with an application to stereo
    vision", 1981.
    """
    pieces = zip(before.split(_ROWS), after.split(_ROWS), strict=True)
    return torch.cat([_motion(one.float(), other.float()) for one, other in pieces])


def _motion(before: Tensor, after: Tensor) -> Tensor:
    middle = (before + after) / 2
    change = (after - before)[..., 1:-1, 1:-1]
    slopes = (
        middle[..., 2:, 1:-1] - middle[..., :-2, 1:-1],
        middle[..., 1:-1, 2:] - middle[..., 1:-1, :-2],
    )
    return torch.cat([(slope * change).mean(dim=(2, 3)) for slope in slopes], dim=1).double()


def _change(before: Tensor, after: Tensor) -> Tensor:
    """Return what one key shows of the step, float64 (B, n)."""
    if before.ndim == 4:
        return image_motion(before, after)
    return after.double().flatten(1) - before.double().flatten(1)


def _told(change: Tensor, actions: Tensor, half: Tensor) -> Tensor:
    """Return the best R^2, over components and penalties, of actions (B, A) from changes (B, n)."""
    missed = torch.zeros(len(PENALTIES), actions.shape[1]).to(actions)
    varied = torch.zeros_like(missed[0])
    for fitted in (half, ~half):
        mean = actions[fitted].mean(dim=0)
        truth = actions[~fitted] - mean
        predicted = _predictions(change[fitted], actions[fitted] - mean, change[~fitted])
        missed += (predicted - truth).square().sum(dim=1)
        varied += (actions[~fitted] - actions[~fitted].mean(dim=0)).square().sum(dim=0)
    scores = 1 - missed / varied
    return scores[:, varied > 0].max()


def _predictions(known: Tensor, target: Tensor, asked: Tensor) -> Tensor:
    """Return the target for each penalty, float64 (P, M, A), in the dual form of ridge.

    f(x) = k(x) (K + penalty I)^-1 y, K = X X^T / n of standardised columns. A column that varies by
    less than a thousandth of the one that varies most is rounding, and is not blown up to its size.
    """
    spread = spread_per_unit(known)
    scale = torch.where(spread.max() > 0, spread.clamp(min=_ROUNDING * spread.max()), 1)
    fitted, told = ((rows - known.mean(dim=0)) / scale for rows in (known, asked))
    columns = known.shape[1]
    gram = fitted @ fitted.T / columns
    identity = torch.eye(len(known)).to(gram)
    weights = [torch.linalg.solve(gram + penalty * identity, target) for penalty in PENALTIES]
    return torch.stack([told @ fitted.T / columns @ weight for weight in weights])
