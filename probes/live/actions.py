"""What actions do: how far they spread, whether they sit at their ends, what they change."""

from collections.abc import Collection

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goalscope.probes.blocks import ACHIEVED_GOAL
from goalscope.probes.live.features import SATURATION, spread_per_unit
from goalscope.probes.live.readout import halves_told
from goalscope.probes.live.replay import ReplayBatch
from goalscope.probes.swaps import rms

_ROWS = 64  # images at a time
_SAME_ACTION = 1e-5  # of a range of 2, scaled to the environment's and back
_FEWEST = 8  # actions from which anything can be told
_MOVES = 0.1  # of the largest change: a step that moves less was stopped, or asked for nothing
_FEWEST_MOVES = 32  # steps that a line is fitted to
_OWN_MOTION = 0.5  # R^2 of the line from which what is achieved moves with the action
_EITHER_WAY = 0.3  # of the steps, driven forth and as many back: else no action is near 0
_ROUNDED = 1e-6  # of a variance: what may be left of a perfect fit in single precision
_SHORT_OF_ENDS = 0.9  # a mean before the Tanh that is clipped at 2, as SB3's SDE does, ends at 0.96


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

    None where nothing changes, the actions are too few (fewer than eight different ones), or some
    of them are NaN.

    Args:
        batch: of replay.
        keys: of the observation that are looked at; None for all.
    """
    actions = batch.actions.double()
    distinct, number = torch.unique(actions, dim=0, return_inverse=True)
    if len(distinct) < _FEWEST or bool(actions.isnan().any()):
        return None
    half = number % 2 == 0  # a transition that was drawn twice is not both fitted and asked
    changes = (
        _change(batch.observations[key], after)
        for key, after in batch.next_observations.items()
        if keys is None or key in keys
    )
    told = (halves_told(x, actions, half) for x in changes if bool((x != x[0]).any()))
    scores = [(1 - missed / varied)[:, varied > 0].max() for missed, varied in told]
    return torch.stack(scores).max() if scores else None


def moving_steps(change: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which steps of changes (N, d) move by a tenth of the largest or more, bool (N,).

    What a wall stops answers to no action. All finite ones where nothing changes.
    """
    size = np.sqrt(np.square(change.astype(np.float64)).sum(axis=1))
    finite = np.isfinite(size)
    most = size[finite].max(initial=0.0)
    moving: NDArray[np.bool_] = finite & (size >= _MOVES * most)
    return moving


def own_motion(batch: ReplayBatch) -> dict[str, Tensor]:
    """Return "idle_motion" and "cut_share": how what is achieved answers to the action.

    A line on (1, action) is fitted by least squares to each dimension's change, over the steps that
    move it by a tenth of its largest change or more: what a wall stops answers to nothing. A
    dimension with fewer than 32 such steps, or an R^2 below 0.5, tells nothing.

    Returns:
        "idle_motion": abs(w_0) / sum_k abs(w_k), what action 0 moves over what the largest does.
        The largest over dimensions, of those that 3 of 10 steps drive one way and as many the
        other: beyond what was done, a line is a guess.
        "cut_share": S / (S + L), L and S what the line, and one on the actions' signs, leave of the
        change's square. Near 1 where the size of an action counts, 0.5 where it hardly varies,
        towards 0 where all but the smallest actions do the same. Of these steps or of all, the
        larger: what moves from cell to cell goes one far, but not with each action. The least over
        dimensions.
        Each is absent where no dimension tells it.
    """
    if ACHIEVED_GOAL not in batch.observations:
        return {}
    actions = batch.actions.double()
    change = _change(batch.observations[ACHIEVED_GOAL], batch.next_observations[ACHIEVED_GOAL])
    finite = actions.isfinite().all(dim=1) & change.isfinite().all(dim=1)
    if int(finite.sum()) < _FEWEST_MOVES:
        return {}
    actions, change = actions[finite], change[finite]
    idle, cut = [], []
    for moved in change.T:
        moving = (moved != 0) & (moved.abs() >= _MOVES * moved.abs().max())
        if int(moving.sum()) < _FEWEST_MOVES:
            continue
        known, target = actions[moving], moved[moving]
        weights, left = _line(known, target)
        if bool(left > (1 - _OWN_MOTION) * _variation(target)):
            continue
        cut.append(torch.maximum(_cut_share(known, target), _cut_share(actions, moved)))
        forth = (known @ weights[1:] > 0).double().mean()
        if bool(torch.minimum(forth, 1 - forth) >= _EITHER_WAY):
            idle.append(weights[0].abs() / weights[1:].abs().sum())
    results = {"idle_motion": max(idle, default=None), "cut_share": min(cut, default=None)}
    return {name: value for name, value in results.items() if value is not None}


def cut_off_fraction(actions: Tensor, features: Tensor) -> Tensor:
    """Return how often a component of the mean action is exactly its least or largest value.

    The largest share of rows over components, rows of the same features counted once: one of the
    rows where nothing cuts an action off. Values beyond 0.9, where Tanh itself ends, do not count,
    nor does a component that is one for all.

    Args:
        actions: float (B, A), the deterministic actions, in -1..1.
        features: float (B, D), what they were taken on.
    """
    rows = torch.cat([actions, features.to(actions)], dim=1).unique(dim=0)
    most = torch.zeros(()).to(actions)
    for component in rows[:, : actions.shape[1]].T:
        for end in (component.min(), component.max()):
            if bool((end.abs() <= _SHORT_OF_ENDS) & (component != end).any()):
                most = torch.maximum(most, (component == end).sum() / len(actions))
    return most


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


def _line(known: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weights (1 + A,) of least squares on (1, known), and the square they leave."""
    design = torch.cat([torch.ones_like(known[:, :1]), known], dim=1)
    weights = torch.linalg.pinv(design) @ target
    return weights, (target - design @ weights).square().sum()


def _cut_share(known: Tensor, target: Tensor) -> Tensor:
    rounding = _ROUNDED * _variation(target)
    by_size, by_sign = (_line(k, target)[1] + rounding for k in (known, known.sign()))
    return by_sign / (by_sign + by_size)


def _variation(values: Tensor) -> Tensor:
    return (values - values.mean()).square().sum()
