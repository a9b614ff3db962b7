"""Rank correlations over arms, their intervals over seeds, and the orders of the arms."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goalscope.reports.claims.links import Point
from goalscope.reports.claims.rank_correlation import order_p, rank_arms, rank_test
from goalscope.reports.statistics.outcomes import Outcome, decide
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()
SEEDS = [f"seed {number}" for number in range(5)]


def points_of(predictor, outcome):
    """Points of (seeds, arms) arrays."""
    return [
        Point(f"arm {arm}", f"seed {seed}", float(x), float(y))
        for seed, (row, column) in enumerate(zip(predictor, outcome, strict=True))
        for arm, (x, y) in enumerate(zip(row, column, strict=True))
    ]


def verdict_of(points, seeds=SEEDS):
    test = rank_test(rank_arms(points, seeds, 4, 0.95), points, RULES)
    return decide([test], RULES)[0]


@settings(deadline=None, max_examples=50)
@given(st.integers(4, 13), st.integers(0, 2**32 - 1), st.integers(2, 9))
def test_the_correlation_is_scipys_with_ties(arms, seed, levels):
    generator = np.random.default_rng(seed)
    x, y = generator.integers(levels, size=(2, arms)).astype(float)
    correlation = rank_arms(points_of([x], [y]), ["seed 0"], 4, 0.95)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert correlation.sample.missing == ("seed 0",)
    else:
        expected = stats.spearmanr(x, y).statistic
        assert correlation.sample.numbers["seed 0"] == pytest.approx(expected)


def test_a_perfect_order_is_moved_in_by_half_a_step():
    x = np.arange(4.0)
    correlation = rank_arms(points_of([x, x, x[::-1]], [x, x, x]), SEEDS[:3], 4, 0.95)
    assert list(correlation.sample.numbers.values()) == pytest.approx([1, 1, -1])
    assert list(correlation.inside.numbers.values()) == pytest.approx([0.9, 0.9, -0.9])
    # one pair of neighbours exchanged is the next possible order: 0.8
    assert stats.spearmanr(x, [1, 0, 2, 3]).statistic == pytest.approx(0.8)


def test_the_p_of_the_orders_is_an_enumeration():
    generator = np.random.default_rng(0)
    x, y = np.arange(4.0) + generator.normal(0, 0.1, size=(2, 5, 4))
    # of 24 orders the one observed and its reverse lie as far out
    assert order_p(points_of(x, y), SEEDS) == pytest.approx(2 / 24)
    assert order_p(points_of(x, -y), SEEDS) == pytest.approx(2 / 24)
    assert order_p(points_of(x, y)[:5], SEEDS) == 1.0  # no arm with every seed but one
    many = np.arange(9.0) + generator.normal(0, 0.1, size=(2, 5, 9))
    assert order_p(points_of(*many), SEEDS) <= 3e-4  # of 10,000 orders, those that lie as far out


def test_an_order_of_few_arms_may_be_chance():
    # two neighbours of five arms exchanged: each seed says 0.9, and one order in twelve lies as far
    # out, one way or the other
    x = np.tile(np.arange(5.0), (5, 1))
    y = np.tile([1.0, 0.0, 2.0, 3.0, 4.0], (5, 1))
    verdict = verdict_of(points_of(x, y))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.p_value == pytest.approx(10 / 120)


@settings(deadline=None, max_examples=100)
@given(
    st.integers(1, 6),
    st.integers(4, 8),
    st.sampled_from([math.nan, math.inf, None]),
    st.integers(0, 2**32 - 1),
)
def test_nothing_is_decided_on_a_seed_that_is_broken_or_too_few(seeds, arms, broken, seed):
    generator = np.random.default_rng(seed)
    x = np.tile(np.arange(float(arms)), (seeds, 1)) + generator.normal(0, 0.1, (seeds, arms))
    points = points_of(x, x)
    if broken is None:
        points = [point for point in points if point.seed != "seed 0"]
    else:
        points[0] = replace(points[0], outcome=broken)
    verdict = verdict_of(points, [f"seed {number}" for number in range(seeds)])
    assert verdict.outcome not in (Outcome.SUPPORTED, Outcome.CONTRADICTED)
