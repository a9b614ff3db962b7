"""C7: rank correlations over arms, their intervals over seeds, and the orders of the arms."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.memory_runs import ARMS, BASELINE, holding_numbers, holding_world, memory_run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goalscope.reports.claims.cause import cause_link
from goalscope.reports.claims.links import Point
from goalscope.reports.claims.rank_correlation import judge_rank_correlation, order_p, rank_arms
from goalscope.reports.claims.success import mean_success
from goalscope.reports.numbers.windows import Window
from goalscope.reports.statistics.outcomes import Outcome
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()
LATE = Window("late", 9000, 10000)
SEEDS = [f"seed {number}" for number in range(5)]


def points_of(predictor, outcome):
    """Points of (seeds, arms) arrays."""
    return [
        Point(f"arm {arm}", f"seed {seed}", float(x), float(y))
        for seed, (row, column) in enumerate(zip(predictor, outcome, strict=True))
        for arm, (x, y) in enumerate(zip(row, column, strict=True))
    ]


def verdict_of(points, seeds=SEEDS):
    return judge_rank_correlation(rank_arms(points, seeds, 4, 0.95), points, RULES)


def claim_of(world, window=LATE):
    return cause_link(world, "late", window, None, mean_success(world), RULES)


@pytest.fixture(scope="module")
def holds():
    return holding_world()


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
    assert order_p(points_of(x, y), SEEDS) == pytest.approx(1 / 24)
    assert order_p(points_of(x, -y), SEEDS) == pytest.approx(1 / 24)  # as far out, the other way
    assert order_p(points_of(x, y)[:5], SEEDS) == 1.0  # no arm with every seed but one
    many = np.arange(9.0) + generator.normal(0, 0.1, size=(2, 5, 9))
    assert order_p(points_of(*many), SEEDS) == pytest.approx(1e-4)


def test_an_order_of_few_arms_may_be_chance():
    # the same three of four arms in order: each seed says 0.8, and a sixth of the orders does
    x = np.tile(np.arange(4.0), (5, 1))
    y = np.tile([1.0, 0.0, 2.0, 3.0], (5, 1))
    verdict = verdict_of(points_of(x, y))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.p_value == pytest.approx(4 / 24)
    assert "17 % of the orders of the arms give as much" in verdict.reason


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
    assert verdict.p_value is None


def test_a_world_ordered_by_the_share_supports_and_one_ordered_against_contradicts(holds):
    link = claim_of(holds)
    assert link.verdict.outcome is Outcome.SUPPORTED
    assert [part.interval.low > 0.9 for part in link.quantities] == [True, True]
    assert link.quantities[0].points[0].arm == BASELINE
    assert link.quantities[0].points[0].predictor == pytest.approx(0.02, rel=0.1)
    levels = [holding_numbers(level) for level in range(6)]
    share = "signal/critic.goal.share"
    turned = {
        arm: [memory_run(arm, s, own | {share: other[share]}, (0.0, 0.1 * s)) for s in range(5)]
        for arm, own, other in zip(ARMS, levels, levels[::-1], strict=True)
    }
    link = claim_of(turned)
    assert link.verdict.outcome is Outcome.CONTRADICTED
    assert link.quantities[0].interval.high < 0


def test_success_that_never_varies_has_no_rank(holds):
    levels = [holding_numbers(level) for level in range(6)]
    world = {
        arm: [memory_run(arm, seed, numbers, (0.0, 0.0, 0.0)) for seed in range(5)]
        for arm, numbers in zip(ARMS, levels, strict=True)
    }
    link = claim_of(world)
    assert link.verdict.outcome is Outcome.NOT_TESTED
    assert link.quantities[0].verdict.outcome is Outcome.SUPPORTED
    assert link.quantities[1].sample.missing == tuple(SEEDS)
    assert "without a measurement: seed 0" in link.verdict.reason


def test_what_else_could_order_the_arms_is_shown_and_decides_nothing(holds):
    link = claim_of(holds)
    shown = {part.quantity.label.partition(": ")[2]: part for part in link.beside}
    assert all(part.verdict is None for part in link.beside)
    reaction = "change of Q when the goal is exchanged"
    for predictor in (
        "goal's share of the dimensions",
        "learning rate",
        "the goal's own signal",
        "the signal of pixels",
        "spread of the desired goal",
    ):
        assert f"{predictor} with {reaction}" in shown
        assert f"{predictor} with success over training" in shown
    pixels = shown[f"the signal of pixels with {reaction}"]
    assert pixels.interval.high < -0.9
    # one learning rate for all arms orders nothing
    assert shown[f"learning rate with {reaction}"].sample.missing == tuple(SEEDS)
    slow = [
        memory_run(ARMS[5], seed, holding_numbers(5), (0.0, 0.9), learning_rate=1e-4)
        for seed in range(5)
    ]
    rates = claim_of({**holds, ARMS[5]: slow}).beside[2]
    assert rates.quantity.label == f"rank correlation over arms: learning rate with {reaction}"
    assert rates.interval.high < 0


def test_the_dose_arms_are_ranked_alone_where_there_are_three(holds):
    dose = [part for part in claim_of(holds).beside if "dose" in part.quantity.label]
    assert [part.sample.numbers["seed 0"] for part in dose] == pytest.approx([1, 1])
    assert {point.arm for point in dose[0].points} == set(ARMS[:3])
    without = {arm: runs for arm, runs in holds.items() if not arm.endswith("scale10")}
    assert not [p for p in claim_of(without).beside if "dose" in p.quantity.label]


def test_a_seed_uses_the_arms_it_has_and_needs_four(holds):
    some = {arm: runs[:4] if index > 4 else runs for index, (arm, runs) in enumerate(holds.items())}
    link = claim_of(some)
    assert link.quantities[0].sample.numbers.keys() == set(SEEDS)
    assert link.verdict.outcome is Outcome.SUPPORTED
    few = {arm: runs[:4] if index > 2 else runs for index, (arm, runs) in enumerate(holds.items())}
    link = claim_of(few)  # three arms ran seed 4: it is left out, and four seeds can only lean
    assert link.quantities[0].sample.labels == tuple(SEEDS[:4])
    assert str(link.verdict) == "leaning for"


def test_too_few_arms_or_no_window_are_named(holds):
    three = {arm: holds[arm] for arm in ARMS[:3]}
    link = claim_of(three)
    assert link.verdict.outcome is Outcome.NOT_TESTED
    assert "no seed was run by 4 arms" in link.verdict.reason
    link = claim_of(holds, None)
    assert link.verdict.outcome is Outcome.NOT_TESTED
    assert "no run has a number for: goal's share of the critic's signal" in link.verdict.reason
