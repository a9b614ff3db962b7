"""Intervals against scipy, and against numbers worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goalscope.diagnostics.record.successes import wilson_interval
from goalscope.reports.statistics.intervals import limited_t_test, t_interval, threshold_p
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


def test_intervals_cover_as_often_as_they_say():
    generator = np.random.default_rng(0)
    truth = 0.2
    covered = 0
    for _ in range(1000):
        logits = generator.normal(math.log(truth / (1 - truth)), 0.7, size=5)
        interval = t_interval((1 / (1 + np.exp(-logits))).tolist(), Scale.LOGIT)
        covered += interval.low <= truth <= interval.high
    assert 0.93 < covered / 1000 < 0.97


@pytest.mark.parametrize("episodes", [1, 7, 333])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_a_wilson_interval_is_scipy_s(episodes, confidence):
    for successes in range(episodes + 1):
        scipy_s = stats.binomtest(successes, episodes).proportion_ci(confidence, "wilson")
        assert wilson_interval(successes, episodes, confidence) == (scipy_s.low, scipy_s.high)


def test_distances_that_are_cut_off_alike_have_a_p_value():
    # logits 7 and 9.2 are both cut off at ln 1000: their spread is not seen
    mean, p_value = threshold_p([0.9991, 0.9999], Scale.LOGIT, 0.5)
    assert mean == pytest.approx(math.log(1000))
    assert p_value == pytest.approx(2 * stats.norm.sf(2) ** 2)
    # one of them alone would agree too well
    assert threshold_p([0.998995, 0.9999], Scale.LOGIT, 0.5)[1] == pytest.approx(p_value)
    assert threshold_p([0.0] * 5, Scale.LOG, 1e-3)[1] == pytest.approx(2 * stats.norm.sf(2) ** 5)
    assert limited_t_test(np.full(3, 0.3), Scale.PLAIN)[1] == pytest.approx(2.4e-5, rel=0.03)
    assert limited_t_test(np.zeros(3), Scale.PLAIN) == (0.0, 1.0)
    assert limited_t_test(np.array([1.0, 2.0, 4.0]), Scale.LOG)[1] == pytest.approx(
        stats.ttest_1samp([1.0, 2.0, 4.0], 0).pvalue
    )
