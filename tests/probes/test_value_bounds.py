"""Where Q can be: by hand, against loops, and with a Q, or a target, that is at fault."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from goalscope.probes import (
    cut_fraction,
    distance_moved,
    gathered_entropy,
    horizon,
    learnt_share,
    q_bias,
    q_excess,
    value_bounds,
)

DISCOUNT = 0.9


def test_the_horizon_is_the_sum_of_discounts():
    assert horizon(DISCOUNT, None) == pytest.approx(sum(DISCOUNT**t for t in range(1000)))
    assert horizon(1.0, 50) == 50
    assert horizon(1.0, None) is None


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [((-1, 0), (-10, 0)), ((0, 1), (0, 10)), ((2, 3), (0, 30)), ((-3, 2), (-30, 20))],
)
def test_bounds_worked_out_by_hand(rewards, expected):
    bounds = value_bounds(*rewards, 10.0)
    assert (bounds.low, bounds.high) == expected
    assert bounds.width == expected[1] - expected[0]


def test_entropy_widens_both_ends():
    bounds = value_bounds(-1.0, 0.0, 10.0, entropy=2.5)
    assert (bounds.low, bounds.high) == (-12.5, 2.5)


def test_any_return_lies_within():
    draw = np.random.default_rng(0)
    bounds = value_bounds(-1.0, 2.0, horizon(DISCOUNT, None))
    for _ in range(100):
        rewards = draw.uniform(-1, 2, draw.integers(1, 60))
        assert bounds.low <= sum(DISCOUNT**t * r for t, r in enumerate(rewards)) <= bounds.high


def test_excess_worked_out_by_hand():
    bounds = value_bounds(-1.0, 0.0, 10.0)
    assert q_excess(torch.tensor([-10.0, -5.0, 0.0]), bounds) == 0
    assert q_excess(torch.tensor([-12.0, -5.0, 4.0]), bounds) == pytest.approx((2 + 0 + 4) / 3 / 10)


def test_q_beyond_what_rewards_allow_is_found():
    assert q_excess(torch.full((8,), 50.0), value_bounds(-1.0, 0.0, 10.0)) == 5


def test_rewards_a_hundredfold_move_the_bounds():
    assert q_excess(torch.full((8,), 50.0), value_bounds(-100.0, 0.0, 10.0)) == 0.05


def test_entropy_gathers_as_a_target_that_follows_slowly():
    tau, steps, bonuses = 0.005, 100.0, (4.0, 1.0)
    gathered = expected = 0.0
    for bonus in bonuses:
        for _ in range(3000):
            expected += tau * (bonus - expected / steps)
        gathered = gathered_entropy(gathered, bonus, 3000, tau, steps)
    assert gathered == pytest.approx(expected, rel=1e-3)
    assert gathered_entropy(0.0, 4.0, 10**9, tau, steps) == 400
    assert gathered_entropy(123.0, 4.0, 0, tau, steps) == 123


def test_bias_worked_out_by_hand():
    bounds = value_bounds(-1.0, 0.0, 10.0)
    # cut off: R in [-4 - 0.5 * 10, -4]; ended: R = -4
    returns, remaining = torch.tensor([-4.0, -4.0]), torch.tensor([0.5, 0.0])
    assert q_bias(torch.tensor([-8.0, -4.0]), returns, remaining, bounds) == 0
    assert q_bias(torch.tensor([-3.0, -3.0]), returns, remaining, bounds) == pytest.approx(0.1)
    assert q_bias(torch.tensor([-11.0, -6.0]), returns, remaining, bounds) == pytest.approx(-0.2)


def test_what_q_cannot_have_learnt_yet_is_no_bias():
    bounds, ended = value_bounds(-1.0, 0.0, 10.0), torch.zeros(1)
    fresh, returns = torch.zeros(1), torch.full((1,), -4.0)
    assert q_bias(fresh, returns, ended, bounds, learnt=0.0) == 0
    assert q_bias(fresh, returns, ended, bounds, learnt=0.25) == pytest.approx(0.1)
    assert q_bias(fresh, returns, ended, bounds) == pytest.approx(0.4)
    gains = value_bounds(0.0, 1.0, 10.0)
    assert q_bias(fresh, -returns, ended, gains, learnt=0.25) == pytest.approx(-0.1)


def test_a_constant_reward_is_learnt_as_a_target_that_follows_slowly():
    q, target, reward = 0.0, 0.0, -1.0
    for _ in range(3000):
        q = reward + 0.99 * target
        target += 0.005 * (q - target)
    assert learnt_share(3000, 0.005, 100.0) == pytest.approx(target / -100, rel=1e-2)


def test_bias_equals_a_loop_over_episodes():
    draw = np.random.default_rng(0)
    entropy, steps = 1.5, horizon(DISCOUNT, None)
    bounds = value_bounds(-1.0, 0.0, steps, entropy)
    q_values, returns, remaining, outside = [], [], [], []
    for _ in range(40):
        rewards = -draw.integers(0, 2, draw.integers(1, 30)).astype(float)
        ended = draw.random() < 0.5
        total = sum(DISCOUNT**t * r for t, r in enumerate(rewards))
        rest = 0.0 if ended else DISCOUNT ** len(rewards)
        q = draw.uniform(-20, 10)
        low, high = total - rest * steps - entropy, total + entropy
        outside.append(max(q - high, 0.0) - max(low - q, 0.0))
        for values, value in ((q_values, q), (returns, total), (remaining, rest)):
            values.append(value)
    tensors = [torch.tensor(values) for values in (q_values, returns, remaining)]
    expected = np.mean(outside) / (steps + 2 * entropy)
    assert q_bias(*tensors, bounds) == pytest.approx(expected, rel=1e-4)


def test_a_discount_of_one_is_bounded_by_the_episodes():
    bounds = value_bounds(-1.0, 0.0, horizon(1.0, 50))
    assert q_excess(torch.full((4,), -100.0), bounds) == 1


def critic_and_target() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    critic, target = nn.Linear(3, 2), nn.Linear(3, 2)
    target.load_state_dict(critic.state_dict())
    return critic, target


def copies(module: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def test_the_distance_moved_equals_a_loop():
    critic, _ = critic_and_target()
    before = copies(critic)
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter += torch.randn_like(parameter)
    squares = [
        (float(new) - float(old)) ** 2
        for was, parameter in zip(before, critic.parameters(), strict=True)
        for old, new in zip(was.flatten(), parameter.detach().flatten(), strict=True)
    ]
    assert distance_moved(before, list(critic.parameters())) == pytest.approx(
        math.sqrt(sum(squares))
    )


def test_a_target_that_never_moves_is_found():
    critic, target = critic_and_target()
    before = copies(critic)
    with torch.no_grad():
        critic.weight += 1
    assert distance_moved(before, list(critic.parameters())) == pytest.approx(math.sqrt(6))
    assert distance_moved(before, list(target.parameters())) == 0


def test_answers_that_are_cut_off_within_what_rewards_allow_are_found():
    bounds = value_bounds(-1.0, 0.0, 10.0)
    heads = torch.tensor([[-3.0, -0.5], [-0.2, -0.4], [-5.0, -2.0], [-0.9, 0.3]])
    assert cut_fraction(heads.clamp(-1, 0), heads, bounds) == 0.5  # rows 0 and 2
    assert cut_fraction(heads.clamp(-10, 0), heads, bounds) == 0  # of the bounds themselves
    assert cut_fraction(heads.clamp(-9.9, 0), heads, bounds) == 0
    assert cut_fraction(heads.clamp(-10, -0.6), heads, bounds) == 0.75  # all but row 2
    assert cut_fraction(heads * 0.5, heads, bounds) == 0.25  # the least alone was one


def test_one_critic_that_is_cut_counts_its_row():
    bounds = value_bounds(-1.0, 0.0, 10.0)
    heads = torch.tensor([[-3.0, -0.5], [-0.2, -0.4]])
    cut = [any(min(max(q, -1), 0) != q for q in row) for row in heads.tolist()]
    assert cut_fraction(heads.clamp(-1, 0), heads, bounds) == sum(cut) / len(cut)
