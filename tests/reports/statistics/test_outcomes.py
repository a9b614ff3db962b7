"""One rule for every outcome: tests over seeds, judged together."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from goalscope.reports.statistics.outcomes import Outcome, decide
from goalscope.reports.statistics.samples import sort_sample
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.seed_tests import (
    SeedTest,
    above_threshold,
    all_of,
    any_of,
    below_threshold,
    raised,
)
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()
LISTS = st.lists(st.floats(0.002, 0.998), min_size=2, max_size=8, unique=True)
BROKEN = st.sampled_from([None, math.nan, math.inf, -math.inf, 1.5, -0.2])


def sample(*values):
    return sort_sample({f"seed {i}": v for i, v in enumerate(values)}, Scale.LOGIT)


def below(*values, threshold=0.1):
    return below_threshold(sample(*values), Scale.LOGIT, threshold, RULES)


def alone(test):
    return decide([test], RULES)[0]


def test_five_seeds_decide_by_the_side_of_their_mean():
    assert alone(below(0.01, 0.02, 0.015, 0.02, 0.01)).outcome is Outcome.SUPPORTED
    assert alone(below(0.3, 0.4, 0.35, 0.3, 0.5)).outcome is Outcome.CONTRADICTED
    assert alone(below(0.01, 0.4, 0.05, 0.3, 0.09)).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("seeds", [2, 3, 4])
def test_few_seeds_lean_where_they_agree_closely(seeds):
    low = alone(below(*np.linspace(0.010, 0.011, seeds)))
    assert str(low) == "leaning for"
    assert f"{seeds} seeds, and a test needs 5" in low.reason
    assert str(alone(below(*np.linspace(0.5, 0.51, seeds)))) == "leaning against"
    assert alone(below(0.05, *[0.09] * (seeds - 1))).outcome is Outcome.UNDECIDED


def test_one_seed_or_none_is_not_tested():
    assert alone(below(0.01)).outcome is Outcome.NOT_TESTED
    assert alone(below(0.01)).reason == "1 seed is no test"
    assert alone(below()).outcome is Outcome.NOT_TESTED


@given(LISTS, BROKEN)
@settings(deadline=None, max_examples=50)
def test_a_broken_or_missing_seed_never_decides(values, broken):
    verdict = alone(below(*values, broken))
    assert verdict.outcome not in (Outcome.SUPPORTED, Outcome.CONTRADICTED)


@given(LISTS)
@settings(deadline=None, max_examples=50)
def test_the_p_value_is_scipys_on_the_logits(values):
    logits = np.log(np.array(values) / (1 - np.array(values)))
    assume(np.ptp(logits) > 1e-6)  # of a spread that is rounding, scipy's p-value is none
    found = below(*values, threshold=0.5).p_value
    assert found == pytest.approx(stats.ttest_1samp(logits, 0).pvalue, rel=1e-6)


@pytest.mark.parametrize("threshold", [1e-7, 1e-3, 0.1])
def test_exact_zeros_lie_below_every_threshold(threshold):
    zeros = sort_sample({f"seed {i}": 0.0 for i in range(5)}, Scale.LOG)
    assert alone(below_threshold(zeros, Scale.LOG, threshold, RULES)).speaks == "for"
    assert alone(above_threshold(zeros, Scale.LOG, threshold, RULES)).speaks == "against"


def test_one_exact_zero_does_not_outweigh_the_other_seeds():
    mixed = sort_sample(
        {f"seed {i}": v for i, v in enumerate((0.0, 0.001, 0.002, 0.0015, 0.0012))}, Scale.LOG
    )
    assert alone(below_threshold(mixed, Scale.LOG, 0.02, RULES)).speaks == "for"
    above = sort_sample(
        {f"seed {i}": v for i, v in enumerate((0.0, 0.2, 0.3, 0.2, 0.3))}, Scale.LOG
    )
    assert alone(below_threshold(above, Scale.LOG, 0.02, RULES)).outcome is Outcome.UNDECIDED


def test_a_family_adjusts_as_benjamini_and_hochberg_do():
    p_values = [0.01, 0.02, 0.03, 0.9]
    tests = [SeedTest("for", p, 5, True, "") for p in p_values]
    untested = SeedTest("for", None, 1, False, "1 seed is no test")
    verdicts = decide([*tests, untested], RULES)
    assert [v.adjusted_p for v in verdicts[:4]] == pytest.approx([0.04, 0.04, 0.04, 0.9])
    assert [str(v) for v in verdicts] == ["supported"] * 3 + ["undecided", "not tested"]


def part(side, p_value, seeds=5):
    return "part", SeedTest(side, p_value, seeds, True, "")


def test_all_parts_are_needed_and_any_one_is_enough_against():
    assert all_of([part("for", 0.01), part("for", 0.04)]).p_value == 0.04
    joint = all_of([part("for", 0.001), part("against", 0.01)])
    assert (joint.side, joint.p_value) == ("against", 0.02)
    assert all_of([part("for", 0.001), part("for", None)]).p_value is None
    assert all_of([part("against", 0.001), part("for", None)]).side == "against"
    assert all_of([part("for", 0.01, 5), part("for", 0.02, 3)]).seeds == 3


def test_the_side_of_a_rise_is_that_of_the_mean_which_is_tested():
    # One pair leaves an exact 0, and nine fall: its log odds alone would outweigh the nine.
    before, after = sample(0.0, *[0.5] * 9), sample(0.999, *[0.024, 0.027, 0.022] * 3)
    test, difference = raised(before, after, Scale.LOGIT, RULES)
    assert difference.mean > 0 > difference.t_test_mean
    assert test.side == "against"
    assert "not higher" in test.reason


def test_any_part_is_enough_and_all_are_needed_against():
    joint = any_of([part("for", 0.01), part("against", 0.001)])
    assert (joint.side, joint.p_value) == ("for", 0.02)
    assert any_of([part("against", 0.01), part("against", 0.04)]).p_value == 0.04


def test_a_rise_is_paired_by_seed():
    before = sample(0.1, 0.2, 0.3, 0.4, 0.5)
    after = sample(0.2, 0.35, 0.48, 0.57, 0.66)
    test, difference = raised(before, after, Scale.LOGIT, RULES)
    assert alone(test).outcome is Outcome.SUPPORTED
    assert difference.t_test_p == test.p_value
    # what one arm alone ran, and cannot be used, is no gap of the pairs
    more = sort_sample({**before.numbers, "seed 9": 0.5}, Scale.LOGIT, {"seed 9": "dead"})
    assert raised(more, after, Scale.LOGIT, RULES)[0].whole
    test, _ = raised(after, before, Scale.LOGIT, RULES)
    assert alone(test).outcome is Outcome.CONTRADICTED
    test, difference = raised(
        sample(0.1), sort_sample({"seed 9": 0.2}, Scale.LOGIT), Scale.LOGIT, RULES
    )
    assert test.p_value is None
    assert difference is None


def test_a_seed_that_says_nothing_is_named_and_keeps_the_rest_from_deciding():
    values = {f"seed {i}": 0.01 + i / 1000 for i in range(6)}
    own = sort_sample(values, Scale.LOGIT, {"seed 5": "the encoder is dead"})
    verdict = alone(below_threshold(own, Scale.LOGIT, 0.1, RULES))
    assert str(verdict) == "leaning for"
    assert "the encoder is dead: seed 5" in verdict.reason
