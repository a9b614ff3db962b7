"""Whether Q can be: against what rewards allow, against returns, and against a target at rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import torch
from torch import Tensor

Scalar = Tensor | float
_WELL_WITHIN = 0.05  # of the bounds' width


@dataclass(frozen=True)
class ValueBounds:
    """The least and the largest return there can be.

    With rewards in [r_min, r_max] and a horizon h, the sum of the discounts, a return lies in
    [min(0, r_min) h, max(0, r_max) h]: an episode may end at once, and then it is 0. To either end
    SAC adds the entropy that its Q can have gathered (`gathered_entropy`).

    Attributes:
        low: the least.
        high: the largest.
        entropy: what of them is entropy, >= 0.
    """

    low: Scalar
    high: Scalar
    entropy: Scalar = 0.0

    @property
    def width(self) -> Scalar:
        """From end to end; 0 where no reward was ever anything but 0."""
        return self.high - self.low


def outside(values: Tensor, low: Scalar, high: Scalar) -> Tensor:
    """Return by how much values exceed an upper bound; negative: they fall short of a lower one."""
    return (values - high).clamp(min=0) - (low - values).clamp(min=0)


def cut_fraction(values: Tensor, heads: Tensor, bounds: ValueBounds) -> Tensor:
    """Return the share of answers that are cut off at a value that a return may well lie beyond.

    One is cut off where it is the least or the largest of its batch, its head's own answer lies
    beyond it, and it is within the bounds by more than a twentieth of their width.

    Args:
        values: float (B, C), as they are passed on.
        heads: float (B, C), as the heads gave them.
        bounds: what rewards allow.
    """
    margin = _WELL_WITHIN * bounds.width
    least, largest = values.min(), values.max()
    below = (values == least) & (heads < least) & (least > bounds.low + margin)
    above = (values == largest) & (heads > largest) & (largest < bounds.high - margin)
    return (below | above).any(dim=1).double().mean()


def horizon(discount: float, longest_episode: int | None) -> float | None:
    """Return the sum of discounts, 1 / (1 - gamma); for gamma = 1 the steps of an episode.

    None for gamma = 1 where no episode's length is known: nothing bounds the return.
    """
    if discount < 1:
        return 1 / (1 - discount)
    return None if longest_episode is None else float(longest_episode)


def value_bounds(
    least_reward: Scalar, largest_reward: Scalar, steps: float, entropy: Scalar = 0.0
) -> ValueBounds:
    """Return the bounds that rewards set (formula: `ValueBounds`).

    Args:
        least_reward: r_min.
        largest_reward: r_max.
        steps: the horizon h.
        entropy: what SAC's Q can have gathered of it.
    """
    low, high = (torch.as_tensor(reward) * steps for reward in (least_reward, largest_reward))
    return ValueBounds(low.clamp(max=0) - entropy, high.clamp(min=0) + entropy, entropy)


def learnt_share(updates: int, tau: float, steps: float) -> float:
    """Return what share of a constant reward's return Q can have learnt, 1 - exp(-u tau / h).

    Q follows its target, and that follows Q at the rate tau: with a reward r at every step and a
    horizon h, dQ/du = tau (r - Q / h) per update u. With SB3's defaults that takes 20,000 updates.

    Args:
        updates: u.
        tau: share of the critic that the target takes over per update.
        steps: the horizon h.
    """
    return 1 - exp(-updates * tau / steps)


def gathered_entropy(
    before: float, per_step: float, updates: int, tau: float, steps: float
) -> float:
    """Return how much entropy SAC's Q can have gathered, in its unit.

    Gathered and forgotten as `learnt_share` says: a coefficient that has fallen is remembered.

    Args:
        before: what it had gathered then.
        per_step: b: the entropy coefficient times the number of action components. One nat for each
            is more than a uniform action has (log 2), and as much as SAC's own aim falls below 0.
        updates: since then.
        tau: share of the critic that the target takes over per update.
        steps: the horizon h.
    """
    learnt = learnt_share(updates, tau, steps)
    return before * (1 - learnt) + per_step * steps * learnt


def q_excess(q_values: Tensor, bounds: ValueBounds) -> Tensor:
    """Return the mean distance of Q (B,) outside its bounds over their width; 0 where Q can be."""
    return outside(q_values, bounds.low, bounds.high).abs().mean() / bounds.width


def q_bias(
    q_values: Tensor,
    returns: Tensor,
    remaining: Tensor,
    bounds: ValueBounds,
    learnt: float = 1.0,
) -> Tensor:
    """Return how far Q lies above (below: negative) what episodes returned, over the bounds' width.

    Of an episode that is cut off after T steps the rest is unknown, and lies within the bounds: its
    return is in [G + gamma^T low, G + gamma^T high]. Q starts at 0 and learns: between a return and
    the share of it that Q can have learnt nothing is wrong. Only what lies outside counts.

    Args:
        q_values: float (E,), of the first step of episodes.
        returns: float (E,), G, the discounted rewards of these episodes.
        remaining: float (E,), gamma^T; 0 for an episode that truly ended.
        bounds: of a return.
        learnt: the share, as `learnt_share` returns it.
    """
    low = returns + remaining * (bounds.low + bounds.entropy)
    high = returns + remaining * (bounds.high - bounds.entropy)
    low = torch.minimum(low, low * learnt) - bounds.entropy
    high = torch.maximum(high, high * learnt) + bounds.entropy
    return outside(q_values, low, high).mean() / bounds.width


def distance_moved(before: Sequence[Tensor], now: Sequence[Tensor]) -> Tensor:
    """Return the norm of the change of parameters, of which `before` are copies."""
    parts = [torch.linalg.vector_norm(b - n.detach()) for b, n in zip(before, now, strict=True)]
    total: Tensor = torch.linalg.vector_norm(torch.stack(parts))
    return total
