"""What critics are taught, told from gradients: against autograd, loops, and rows by hand."""

import math

import pytest
import torch
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform

from goalscope.probes import (
    cautious_values,
    squashed_log_density,
    taught_targets,
    twin_gap,
    unpaid_fraction,
)


def lesson(loss, critics=2, rows=16):
    """Return answers of some critics, the gradient of a loss at them, and the targets in it."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(rows, critics, generator=generator).requires_grad_()
    targets = torch.randn(rows, 1, generator=generator) - 5
    loss(values, targets).backward()
    return values.detach(), values.grad, targets.flatten().double()


def squared(values, targets):
    return (values - targets).square().mean(dim=0).sum()


@pytest.mark.parametrize("scale", [0.5, 1.0, 1e-3, 128.0])
@pytest.mark.parametrize("critics", [2, 3])
def test_targets_are_found_whatever_the_loss_is_scaled_by(scale, critics):
    values, gradients, targets = lesson(lambda v, t: scale * squared(v, t), critics)
    assert torch.allclose(taught_targets(values, gradients), targets, atol=1e-5)


def test_other_losses_and_critics_that_do_not_differ_tell_nothing():
    weights = torch.linspace(0, 2, 16).reshape(-1, 1)
    for loss in (
        lambda v, t: (v - t).abs().mean(),
        lambda v, t: (weights * (v - t).square()).mean(),
        lambda v, t: squared(v[:, :1], t) + squared(v[:, 1:], 2 * t),
        lambda v, t: squared(v, t) + 0.1 * v.exp().mean(),
    ):
        assert taught_targets(*lesson(loss)[:2]) is None
    assert taught_targets(*lesson(squared, critics=1)[:2]) is None
    values = torch.ones(4, 2)
    assert taught_targets(values, values) is None
    assert taught_targets(torch.full((4, 2), math.nan), values) is None


def test_the_density_is_that_of_a_normal_distribution_through_tanh():
    generator = torch.Generator().manual_seed(0)
    mean, log_spread = torch.randn(2, 32, 3, generator=generator) / 2
    actions = (mean + log_spread.exp() * torch.randn(32, 3, generator=generator)).tanh()
    actions[0, 0] = 1.0
    found = squashed_log_density(mean, log_spread, actions)
    assert found[0].isnan()
    inside = actions.abs().amax(dim=1) < 0.99  # SB3 adds 1e-6 to the slope
    spread = Normal(mean.double(), log_spread.double().exp())
    inner = actions.double().clamp(-0.99, 0.99)
    true = TransformedDistribution(spread, TanhTransform()).log_prob(inner).sum(dim=1)
    assert torch.allclose(found[inside], true[inside], atol=1e-3)


def test_a_reward_explains_a_target_or_not():
    rewards = torch.tensor([0.0, -1.0, -1.0])
    following = torch.tensor([-5.0, -5.0, -5.0, -5.0, math.nan])[:, None]
    targets = torch.tensor([-6.0, -5.0, -1.0, -5.5, -5.5])  # paid, paid, an end, neither, unknown
    assert unpaid_fraction(targets, following, rewards) == 0.25
    doubt = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.0])
    assert unpaid_fraction(targets, following, rewards, doubt) == 0
    assert unpaid_fraction(targets, following, torch.zeros(3)) is None
    assert unpaid_fraction(targets, following * math.nan, rewards) is None


def test_rewards_are_looked_up_one_by_one():
    generator = torch.Generator().manual_seed(0)
    rewards = torch.randn(20, generator=generator)
    targets, first, second = torch.randn(3, 50, generator=generator) * 3
    following = torch.stack([first, second], dim=1)
    span = max(float(rewards.max()), 0) - min(float(rewards.min()), 0)
    off = 0
    for target, after in zip(targets.tolist(), following.tolist(), strict=True):
        paid = [abs(target - a - r) for r in rewards.tolist() for a in (*after, 0.0)]
        off += min(paid) > 0.02 * span
    assert 0 < off < 50
    assert float(unpaid_fraction(targets, following, rewards)) == pytest.approx(off / 50)


def test_targets_may_take_any_critic_but_the_largest_or_their_mean():
    answers = torch.tensor([[3.0, -1.0, 1.0], [0.0, 0.0, 3.0]])
    assert cautious_values(answers).tolist() == [[-1, 1, 1], [0, 0, 1]]
    assert cautious_values(torch.tensor([[2.0]])).tolist() == [[2]]


def test_what_lies_between_rewards_counts_where_they_are_few():
    targets, following = torch.tensor([-0.01, -0.01]), torch.zeros(2, 1)
    assert unpaid_fraction(targets, following, torch.tensor([0.0, -1.0])) == 1
    assert unpaid_fraction(targets, following, torch.linspace(-1, 0, 17)) == 0


def test_critics_that_are_one_have_no_gap():
    assert twin_gap(torch.tensor([[1.0, 1.5], [-2.0, -2.0]])) == 0.25
    assert twin_gap(torch.tensor([[1.0, 1.0], [-2.0, -2.0]])) == 0
    assert twin_gap(torch.ones(3, 1)) is None
    assert twin_gap(torch.zeros(3, 2)) is None
