"""Statistics over seeds against scipy, against enumeration, and against numbers worked by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goalscope.reports.statistics.intervals import t_interval
from goalscope.reports.statistics.multiplicity import holm
from goalscope.reports.statistics.paired import (
    paired_difference,
    paired_permutation_p,
    smallest_paired_p,
)
from goalscope.reports.statistics.scales import EPSILON, Scale

shares = st.floats(0.001, 0.999)


@settings(deadline=None, max_examples=50)
@given(st.lists(shares, min_size=2, max_size=9, unique=True))
def test_the_logit_interval_is_scipys_on_the_logits(values):
    logits = np.log(np.array(values) / (1 - np.array(values)))
    expected = stats.t.interval(0.95, len(values) - 1, logits.mean(), stats.sem(logits))
    interval = t_interval(values, Scale.LOGIT)
    for got, logit in zip((interval.low, interval.high), expected, strict=True):
        assert got == pytest.approx(1 / (1 + math.exp(-logit)), rel=1e-6, abs=1e-12)
    assert 0 <= interval.low <= interval.mean <= interval.high <= 1


def test_a_log_interval_worked_by_hand():
    # logs 0 and 2: mean 1, standard error 1, and t with one degree of freedom is 12.706
    interval = t_interval([1.0, math.e**2], Scale.LOG)
    assert interval.mean == pytest.approx(math.e)
    assert math.log(interval.high) == pytest.approx(1 + 12.7062, rel=1e-5)
    assert math.log(interval.low) == pytest.approx(1 - 12.7062, rel=1e-5)
    assert interval.seeds == 2


def test_one_seed_has_a_mean_and_no_interval():
    interval = t_interval([0.3], Scale.LOGIT)
    assert interval.mean == pytest.approx(0.3)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_a_share_of_nothing_is_moved_in_and_counted():
    interval = t_interval([0.0, 0.2, 1.0], Scale.LOGIT)
    assert interval.clipped == 2
    assert math.isfinite(interval.low)
    assert t_interval([0.0, 0.0], Scale.LOG).mean == pytest.approx(EPSILON)


def test_the_paired_difference_is_scipys_one_sample_interval():
    before, after = [0.1, 0.2, 0.15, 0.3, 0.12], [0.2, 0.35, 0.2, 0.5, 0.2]
    difference = paired_difference(before, after, Scale.LOGIT)
    logits = [np.log(np.array(v) / (1 - np.array(v))) for v in (before, after)]
    result = stats.ttest_rel(logits[1], logits[0])
    low, high = result.confidence_interval(0.95)
    assert (difference.low, difference.high) == pytest.approx((low, high))
    change = logits[1] - logits[0]
    assert difference.effect_size == pytest.approx(change.mean() / change.std(ddof=1))
    assert difference.p_value == pytest.approx(2 / 32)
    above = np.mean([a > b for a in after for b in before])
    equal = np.mean([a == b for a in after for b in before])
    assert difference.improvement == pytest.approx(above + equal / 2)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=7))
def test_the_permutation_p_is_the_enumeration(values):
    observed = abs(sum(values))
    patterns = list(itertools.product((1, -1), repeat=len(values)))
    sums = [abs(sum(s * v for s, v in zip(signs, values, strict=True))) for signs in patterns]
    expected = sum(total >= observed for total in sums) / len(sums)
    assert paired_permutation_p([float(v) for v in values]) == pytest.approx(expected)
    assert paired_permutation_p([float(v) for v in values]) >= smallest_paired_p(len(values))


def test_the_permutation_p_is_scipys():
    values = np.random.default_rng(0).normal(0.4, 1, size=9)
    result = stats.permutation_test(
        (values,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
    )
    assert paired_permutation_p(values) == pytest.approx(result.pvalue)


def test_many_pairs_are_drawn_and_still_sane():
    values = np.random.default_rng(0).normal(0, 1, size=20)
    assert 0 < paired_permutation_p(values) <= 1
    assert paired_permutation_p(values) == paired_permutation_p(values)
    assert paired_permutation_p(np.ones(20)) < 0.001


def test_the_smallest_p_of_few_pairs():
    assert smallest_paired_p(2) == 0.5
    assert smallest_paired_p(5) == 0.0625
    assert smallest_paired_p(6) < 0.05
    assert smallest_paired_p(1) == 1


def test_holm_worked_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_intervals_cover_as_often_as_they_say():
    generator = np.random.default_rng(0)
    truth = 0.2
    covered = 0
    for _ in range(1000):
        logits = generator.normal(math.log(truth / (1 - truth)), 0.7, size=5)
        interval = t_interval((1 / (1 + np.exp(-logits))).tolist(), Scale.LOGIT)
        covered += interval.low <= truth <= interval.high
    assert 0.93 < covered / 1000 < 0.97
