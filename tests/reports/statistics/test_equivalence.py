"""No difference: two one-sided tests."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goalscope.reports.statistics.equivalence import equivalent


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8, unique=True), st.floats(0.01, 1))
def test_equivalence_is_two_one_sided_tests_of_scipy(differences, margin):
    if np.std(differences) < 1e-9:
        return
    low = stats.ttest_1samp(differences, -margin, alternative="greater").pvalue
    high = stats.ttest_1samp(differences, margin, alternative="less").pvalue
    found = equivalent(differences, margin, 0.95)
    assert found.p_value == pytest.approx(max(low, high), abs=1e-12)
    inside = stats.t.interval(
        0.90, len(differences) - 1, np.mean(differences), stats.sem(differences)
    )
    if abs(found.p_value - 0.05) > 1e-9:
        assert found.equivalent == (-margin < inside[0] and inside[1] < margin)


def test_equivalence_without_variation_or_pairs():
    assert equivalent([0.0] * 5, 0.1, 0.95).equivalent
    assert not equivalent([0.1] * 5, 0.1, 0.95).equivalent
    assert not equivalent([-0.3] * 5, 0.1, 0.95).equivalent
    lone = equivalent([0.0], 0.1, 0.95)
    assert math.isnan(lone.p_value)
    assert not lone.equivalent
