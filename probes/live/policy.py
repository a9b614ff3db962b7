"""How a policy draws: the spread of what it draws, and whether it knows how likely that was."""

import math
from dataclasses import dataclass

import torch
from stable_baselines3.common.distributions import SquashedDiagGaussianDistribution
from torch import Tensor
from torch.distributions import Normal

from goalscope.probes.live.targets import component_log_density
from goalscope.probes.networks import Network

_FAR_OUT = 6.0  # before Tanh, where the 1e-6 that SB3 adds to its slope is a twentieth of that
_FEWEST = 8  # rows from which anything can be told


@dataclass(frozen=True)
class SquashedDraw:
    """Actions that were drawn from a normal distribution and put through Tanh, detached.

    Attributes:
        mean: float (B, A), of the distribution.
        spread: float (B, A), its standard deviation.
        before: float (B, A), what was drawn, before Tanh.
        log_density: float (B,), of the actions, as the actor reports it.
    """

    mean: Tensor
    spread: Tensor
    before: Tensor
    log_density: Tensor


def squashed_draw(actor: Network, features: Tensor) -> SquashedDraw | None:
    """Return what an actor draws, from torch's global generator: isolate it.

    None of an actor that draws otherwise than SB3's of SAC without state-dependent noise, or in
    less than single precision, in which densities are lost to rounding.

    Args:
        actor: which.
        features: float (B, D), its fused features.
    """
    drawn = getattr(actor.module, "action_dist", None)
    if not isinstance(drawn, SquashedDiagGaussianDistribution):
        return None
    actions, log_density = actor.drawn_actions(features)
    normal, before = drawn.distribution, drawn.gaussian_actions
    if not isinstance(normal, Normal) or before is None or not isinstance(log_density, Tensor):
        return None
    if before.shape != actions.shape or torch.finfo(before.dtype).bits < 32:
        return None
    if not torch.allclose(before.tanh(), actions, atol=1e-5):
        return None
    parts = (normal.mean, normal.stddev, before, log_density)
    return SquashedDraw(*(part.detach().double() for part in parts))


def least_spread(draw: SquashedDraw) -> Tensor:
    """Return the least standard deviation before Tanh, over rows and components.

    The least, because inputs that are loud widen some components and narrow others.
    """
    return draw.spread.min()


def density_error(draw: SquashedDraw) -> Tensor | None:
    """Return how far the reported log densities are off, nats, over the root of the components.

    The standard deviation over the rows of what the report adds to `component_log_density` of what
    was drawn before Tanh, summed: a constant is another unit of actions, and does no harm. Over
    rows whose every value before Tanh lies within 6 of 0; None of fewer than eight.
    """
    inside = (draw.before.abs() <= _FAR_OUT).all(dim=1)
    if int(inside.sum()) < _FEWEST:
        return None
    own = component_log_density(draw.mean, draw.spread.log(), draw.before).sum(dim=1)
    error: Tensor = (draw.log_density - own)[inside].std(correction=0)
    return error / math.sqrt(draw.mean.shape[1])
