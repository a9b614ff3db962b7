"""How a policy draws: against torch's own distributions, SB3's actor, and rows by hand."""

import math
from dataclasses import replace

import pytest
import torch
from helpers.transition_runs import trained
from stable_baselines3 import TD3
from stable_baselines3.common.distributions import (
    DiagGaussianDistribution,
    SquashedDiagGaussianDistribution,
)
from torch.distributions import Independent, Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform

from goalscope.probes import (
    SquashedDraw,
    density_error,
    least_spread,
    squashed_draw,
    view_networks,
)
from goalscope.probes.isolation import isolated_generators


def a_draw(rows=64, components=3, seed=0):
    """Return what torch's own squashed distribution draws, with the density that it gives."""
    generator = torch.Generator().manual_seed(seed)
    shape = (rows, components)
    mean = torch.randn(shape, generator=generator).double()
    spread = torch.rand(shape, generator=generator).double() + 0.1
    before = mean + spread * torch.randn(shape, generator=generator).double()
    whole = TransformedDistribution(Independent(Normal(mean, spread), 1), TanhTransform(1))
    return SquashedDraw(mean, spread, before, whole.log_prob(before.tanh()))


def drawn_by(distribution=None, agent=None):
    """Return what SB3's actor draws, with its own distribution or another."""
    agent = agent or trained()
    if distribution is not None:
        agent.actor.action_dist = distribution(2)
    actor = view_networks(agent.policy)["actor"]
    with torch.no_grad(), isolated_generators(0):
        features = actor.fused_features(agent.replay_buffer.sample(64).observations)
        return squashed_draw(actor, features)


class WithoutTanh(SquashedDiagGaussianDistribution):
    def log_prob(self, actions, gaussian_actions=None):
        return DiagGaussianDistribution.log_prob(self, gaussian_actions)


class Negated(SquashedDiagGaussianDistribution):
    def log_prob(self, actions, gaussian_actions=None):
        return -super().log_prob(actions, gaussian_actions)


class Averaged(SquashedDiagGaussianDistribution):
    def log_prob(self, actions, gaussian_actions=None):
        return super().log_prob(actions, gaussian_actions) / actions.shape[1]


class OtherUnit(SquashedDiagGaussianDistribution):
    def log_prob(self, actions, gaussian_actions=None):
        return super().log_prob(actions, gaussian_actions) - math.log(50.0)


class ExpTwice(SquashedDiagGaussianDistribution):
    def proba_distribution(self, mean_actions, log_std):
        return super().proba_distribution(mean_actions, log_std.exp())


class Halved(SquashedDiagGaussianDistribution):
    def sample(self):
        return super().sample() / 2


def test_torchs_own_density_is_without_error():
    assert float(density_error(a_draw())) < 1e-3  # SB3 adds 1e-6 to the slope


def test_a_row_by_hand_and_the_error_of_a_density_before_tanh():
    before = torch.tensor([[0.0], [1.0]]).repeat(4, 1).double()
    zeros, ones = torch.zeros(8, 1).double(), torch.ones(8, 1).double()
    half = math.log(2 * math.pi) / 2
    draw = SquashedDraw(zeros, ones, before, -(before[:, 0] ** 2) / 2 - half)
    # At 0 the slope of Tanh is 1, at 1 it is 0.42: half of the rows are off by 0, half by log 0.42.
    slope = 1 - math.tanh(1.0) ** 2
    assert float(density_error(draw)) == pytest.approx(-math.log(slope) / 2, abs=1e-5)
    squashed = draw.log_density - torch.tensor([0.0, math.log(slope)]).repeat(4).double()
    assert float(density_error(replace(draw, log_density=squashed))) == pytest.approx(0, abs=1e-5)
    assert float(density_error(replace(draw, log_density=squashed + 3))) < 1e-5


def test_the_error_equals_a_loop_over_rows():
    draw = a_draw(components=4)
    draw = replace(draw, log_density=draw.log_density * 1.1)
    off = []
    for mean, spread, before, reported in zip(
        *(part.tolist() for part in (draw.mean, draw.spread, draw.before, draw.log_density)),
        strict=True,
    ):
        own = 0.0
        for m, s, u in zip(mean, spread, before, strict=True):
            own += -(((u - m) / s) ** 2) / 2 - math.log(s) - math.log(2 * math.pi) / 2
            own -= math.log(1 - math.tanh(u) ** 2 + 1e-6)
        off.append(reported - own)
    centre = sum(off) / len(off)
    spread = math.sqrt(sum((value - centre) ** 2 for value in off) / len(off))
    assert float(density_error(draw)) == pytest.approx(spread / 2)


def test_rows_at_the_ends_are_left_out():
    draw = a_draw(rows=8)
    before = draw.before.clone()
    before[0, 0] = 7.0
    assert density_error(draw) is not None
    assert density_error(replace(draw, before=before)) is None


def test_the_least_spread_is_that_of_one_component():
    draw = a_draw()
    spread = torch.ones_like(draw.spread)
    spread[3, 1] = 0.25
    assert least_spread(replace(draw, spread=spread)) == 0.25


def test_what_sb3_draws_is_what_it_says():
    draw = drawn_by()
    assert float(density_error(draw)) < 1e-3
    assert 0.5 < float(least_spread(draw)) < 1.1


@pytest.mark.parametrize("distribution", [WithoutTanh, Negated, Averaged])
def test_densities_of_something_else_are_found(distribution):
    assert float(density_error(drawn_by(distribution))) > 0.2


def test_densities_in_another_unit_of_actions_are_as_good():
    assert float(density_error(drawn_by(OtherUnit))) < 1e-3


def test_an_exponential_of_an_exponential_is_wide_and_its_density_true():
    draw = drawn_by(ExpTwice)
    assert float(least_spread(draw)) > 2
    assert float(density_error(draw)) < 1e-3


def test_what_draws_otherwise_is_not_judged():
    assert drawn_by(Halved) is None
    assert drawn_by(agent=trained(TD3)) is None
