"""What critics are taught, told from their loss's gradient, against what their algorithm says."""

import math

import torch
from torch import Tensor

_SAME = 1e-3  # of the distance between critics: what rounding leaves of a target that they share
_AT_AN_END = 1e-4  # from the end of its range; nearer the action before Tanh is lost to rounding
_ROUNDING = 1e-4  # of the largest value
_OFF = 0.02  # of the span of rewards, what lies between two that are paid
_FEW = 16  # different rewards; nothing lies between these
_OFF_FEW = 0.002  # a tenth of it, and twenty times what is left of a healthy target's
_LOG_SPREADS = (-20.0, 2.0)  # between which SB3 holds the logarithm of SAC's spread
_SQUASHED = 1e-6  # that SB3 adds to the squashing's slope


def taught_targets(values: Tensor, gradients: Tensor) -> Tensor | None:
    """Return the targets, float (B,), that several critics were taught by one squared loss.

    At answers q_c the gradient of a squared loss with a common target y is g_c = k (q_c - y), so
    that differences between critics give 1 / k by least squares, and y = q_c - g_c / k.

    Args:
        values: float (B, C), the critics' answers.
        gradients: float (B, C), of the loss at these.

    Returns:
        None of one critic or of critics that answer alike, and where the loss is another: what is
        left of the differences is more than rounding.
    """
    values, gradients = values.double(), gradients.double()
    apart = values - values.mean(dim=1, keepdim=True)
    pulled = gradients - gradients.mean(dim=1, keepdim=True)
    if not bool(apart.norm() > _ROUNDING * values.norm()) or not bool(pulled.norm() > 0):
        return None
    inverse = (apart * pulled).sum() / pulled.square().sum()
    if not bool((apart - inverse * pulled).norm() <= _SAME * apart.norm()):
        return None
    return (values - inverse * gradients).mean(dim=1)


def squashed_log_density(mean: Tensor, log_spread: Tensor, actions: Tensor) -> Tensor:
    """Return the log density, float (B,), of actions of a normal distribution put through Tanh.

    As SB3's SAC has it. NaN where an action lies so near to an end that what went into Tanh is
    lost to rounding.

    Args:
        mean: float (B, A), before Tanh.
        log_spread: float (B, A), logarithm of the standard deviation.
        actions: float (B, A), in -1..1.

    Source: Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018, appendix C.
    """
    mean, log_spread, actions = mean.double(), log_spread.double(), actions.double()
    log_spread = log_spread.clamp(*_LOG_SPREADS)
    lost = actions.abs() > 1 - _AT_AN_END
    before = torch.atanh(actions.masked_fill(lost, 0))
    density = component_log_density(mean, log_spread, before)
    return density.masked_fill(lost, math.nan).sum(dim=1)


def component_log_density(mean: Tensor, log_spread: Tensor, before: Tensor) -> Tensor:
    """Return the log density, float (B, A), of Tanh of what was drawn, of each component.

    log N(u; mean, spread) - log(1 - tanh(u)^2 + 1e-6), as SB3's SAC has it.

    Args:
        mean: float (B, A), before Tanh.
        log_spread: float (B, A), logarithm of the standard deviation.
        before: float (B, A), u.

    Source: Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018, appendix C.
    """
    normal = -((before - mean) / log_spread.exp()).square() / 2 - log_spread
    slope = 1 - before.tanh().square() + _SQUASHED
    return normal - math.log(2 * math.pi) / 2 - slope.log()


def unpaid_fraction(
    targets: Tensor, following: Tensor, rewards: Tensor, doubt: Tensor | float = 0.0
) -> Tensor | None:
    """Return the share of targets that no reward explains.

    A target is r + following, or r where the episode ends; r must be one of the rewards that
    are paid.

    Args:
        targets: float (B,), what critics were taught.
        following: float (B, n), the discounted values that what came next may be given; NaN where
            none is known.
        rewards: float (n,), all that are paid.
        doubt: float (B,), how far off what followed may be.

    Returns:
        None where no reward is anything but 0, or nothing that follows is known.
    """
    rewards = rewards.double().sort().values
    span = max(float(rewards[-1]), 0.0) - min(float(rewards[0]), 0.0)
    known = following.isfinite().all(dim=1)
    if not span > 0 or not bool(known.any()):
        return None
    doubt = torch.as_tensor(doubt).to(targets).expand_as(targets)[known]
    targets, following = targets.double()[known, None], following.double()[known]
    paid = torch.cat([targets - following, targets], dim=1)  # the last, where the episode ends
    off = _nearest(paid, rewards).amin(dim=1)
    rounding = _ROUNDING * torch.maximum(targets.abs().max(), following.abs().max())
    least = _OFF if len(rewards.unique_consecutive()) > _FEW else _OFF_FEW
    return (off - doubt > torch.clamp(rounding, min=least * span)).double().mean()


def _nearest(values: Tensor, rewards: Tensor) -> Tensor:
    """Return how far each value is from the nearest of sorted rewards."""
    above = torch.searchsorted(rewards, values).clamp(max=len(rewards) - 1)
    below = (above - 1).clamp(min=0)
    return torch.minimum((rewards[above] - values).abs(), (rewards[below] - values).abs())


def cautious_values(values: Tensor) -> Tensor:
    """Return what a target may make of critics' answers, float (B, C), float64 (B, C).

    Each but the largest, and their mean: the least is SAC's and TD3's, the least of some is REDQ's.
    Of one critic its answer.

    Source: Chen et al., "Randomized Ensembled Double Q-Learning", 2021.
    """
    ordered = values.double().sort(dim=1).values
    return torch.cat([ordered[:, :-1], ordered.mean(dim=1, keepdim=True)], dim=1)


def twin_gap(values: Tensor) -> Tensor | None:
    """Return the largest distance between critics, float (B, C), over their largest value.

    None of one critic, or where all values are 0.
    """
    largest = values.abs().max()
    if values.shape[1] < 2 or not bool(largest > 0):
        return None
    return (values.amax(dim=1) - values.amin(dim=1)).max() / largest
