"""Paired differences against scipy, and against enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goalscope.reports.statistics.paired import (
    paired_difference,
    paired_permutation_p,
    smallest_paired_p,
)
from goalscope.reports.statistics.scales import Scale


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


def test_the_p_of_many_pairs_is_scipys_draw_for_draw():
    for pairs in (17, 23):
        values = np.random.default_rng(pairs).normal(0.3, 1, size=pairs)
        result = stats.permutation_test(
            (values,),
            lambda x, axis: np.abs(np.mean(x, axis=axis)),
            permutation_type="samples",
            vectorized=True,
            alternative="greater",
            n_resamples=2**16,
            rng=np.random.default_rng(0),
        )
        assert paired_permutation_p(values) == result.pvalue


def test_the_smallest_p_of_few_pairs():
    assert smallest_paired_p(2) == 0.5
    assert smallest_paired_p(5) == 0.0625
    assert smallest_paired_p(6) < 0.05
    assert smallest_paired_p(1) == 1
