"""The five outcomes: what is supported, and that nothing is on missing or broken data."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goalscope.reports.statistics.intervals import threshold_p
from goalscope.reports.statistics.outcomes import (
    Outcome,
    Sample,
    Verdict,
    judge_above,
    judge_below,
    judge_raised,
    sort_sample,
)
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()
SHARES = st.floats(0, 1)
LISTS = st.lists(st.floats(0.001, 0.999), min_size=5, max_size=8, unique=True)
BROKEN = st.sampled_from([None, math.nan, math.inf, -math.inf, 1.5, -0.2])
DECIDED = (Outcome.SUPPORTED, Outcome.CONTRADICTED)


def sample(*values):
    return sort_sample({f"seed {i}": v for i, v in enumerate(values)}, Scale.LOGIT)


def below(*values, threshold=0.1):
    return judge_below(sample(*values), Scale.LOGIT, threshold, RULES)[0]


def raised(before, after):
    return judge_raised(sample(*before), sample(*after), Scale.LOGIT, RULES)[0]


def test_five_seeds_and_an_interval_on_one_side_decide():
    assert below(0.01, 0.02, 0.015, 0.02, 0.01).outcome is Outcome.SUPPORTED
    assert below(0.3, 0.4, 0.35, 0.3, 0.5).outcome is Outcome.CONTRADICTED
    assert below(0.01, 0.4, 0.05, 0.3, 0.09).outcome is Outcome.UNDECIDED
    # all on one side, but the interval is not
    assert below(0.001, 0.099, 0.099, 0.099, 0.0999).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("seeds", [2, 3, 4])
def test_few_seeds_lean_at_most(seeds):
    assert below(*[0.01] * seeds) == Verdict(
        Outcome.LEANING, f"all {seeds} seeds below 0.1; a test needs 5", "for"
    )
    assert below(*[0.5] * seeds).way == "against"
    assert below(0.01, *[0.5] * (seeds - 1)).outcome is Outcome.UNDECIDED


def test_one_seed_or_none_is_not_tested():
    assert below(0.01).outcome is Outcome.NOT_TESTED
    assert below().outcome is Outcome.NOT_TESTED
    assert below(math.nan, None).outcome is Outcome.NOT_TESTED


def test_a_failed_seed_is_named_and_keeps_the_outcome_at_leaning():
    verdict = below(*[0.01] * 6, math.nan)
    assert verdict.outcome is Outcome.LEANING
    assert "seed 6" in verdict.reason
    assert "NaN" in verdict.reason
    verdict = below(*[0.01] * 6, None)
    assert verdict.outcome is Outcome.LEANING
    assert "without a measurement: seed 6" in verdict.reason


@settings(deadline=None, max_examples=200)
@given(st.lists(SHARES, max_size=8), st.lists(BROKEN, min_size=1, max_size=3))
def test_nothing_is_decided_on_missing_or_broken_seeds(values, broken):
    verdict = below(*values, *broken)
    assert verdict.outcome not in DECIDED
    other = raised([0.1] * (len(values) + len(broken)), [*values, *broken])
    assert other.outcome not in DECIDED
    assert raised([*values, *broken], [0.1] * (len(values) + len(broken))).outcome not in DECIDED


@settings(deadline=None, max_examples=200)
@given(st.lists(SHARES, max_size=4), st.lists(SHARES, max_size=4))
def test_nothing_is_decided_on_fewer_than_five_seeds(before, after):
    assert below(*before).outcome not in DECIDED
    assert raised(before, after).outcome not in DECIDED
    if len(before) < 2:
        assert below(*before).outcome is Outcome.NOT_TESTED
        assert raised(before, after).outcome is Outcome.NOT_TESTED


@settings(deadline=None, max_examples=100)
@given(st.lists(SHARES, min_size=5, max_size=8))
def test_supported_only_with_every_interval_below(values):
    verdict, interval = judge_below(sample(*values), Scale.LOGIT, 0.1, RULES)
    assert (verdict.outcome is Outcome.SUPPORTED) == (interval.high < 0.1)
    assert (verdict.outcome is Outcome.CONTRADICTED) == (interval.low >= 0.1)


def test_shares_of_exactly_nothing():
    assert below(0, 0, 0, 0, 0).outcome is Outcome.SUPPORTED
    assert below(1, 1, 1, 1, 1).outcome is Outcome.CONTRADICTED
    # one share of 0 among larger ones says more about epsilon than about the arm
    assert below(0, 0.09, 0.09, 0.09, 0.09).outcome is Outcome.UNDECIDED


def test_a_rise_in_every_pair_decides_with_five():
    before, after = [0.1, 0.2, 0.15, 0.3, 0.12], [0.2, 0.35, 0.3, 0.5, 0.25]
    assert raised(before, after).outcome is Outcome.SUPPORTED
    assert raised(after, before).outcome is Outcome.CONTRADICTED
    assert raised(before, before).outcome is Outcome.UNDECIDED
    assert raised(before[:3], after[:3]) == Verdict(
        Outcome.LEANING, "all 3 pairs higher than the baseline; a test needs 5", "for"
    )


def test_seeds_without_a_partner_are_left_out():
    before = sort_sample({f"seed {i}": 0.1 + i / 100 for i in range(8)}, Scale.LOGIT)
    after = sort_sample({f"seed {i}": 0.4 + i / 100 for i in range(5)}, Scale.LOGIT)
    verdict, difference = judge_raised(before, after, Scale.LOGIT, RULES)
    assert difference.pairs == 5
    assert verdict.outcome is Outcome.SUPPORTED
    strangers = Sample({"seed 90": 0.3})
    verdict, difference = judge_raised(before, strangers, Scale.LOGIT, RULES)
    assert verdict.outcome is Outcome.NOT_TESTED
    assert difference is None


def test_no_effect_is_supported_as_rarely_as_the_interval_says():
    generator = np.random.default_rng(0)
    supported = 0
    for _ in range(500):
        before, after = generator.normal(-1, 0.5, size=(2, 5))
        supported += raised(expit(before), expit(after)).outcome is Outcome.SUPPORTED
    assert supported / 500 < 0.05  # one side of a 95 % interval: 0.025


def test_a_large_effect_is_found():
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(100):
        before = generator.normal(-1, 0.3, size=5)
        after = before + generator.normal(1.5, 0.3, size=5)
        found += raised(expit(before), expit(after)).outcome is Outcome.SUPPORTED
    assert found == 100


def expit(values):
    return (1 / (1 + np.exp(-values))).tolist()


@settings(deadline=None, max_examples=60)
@given(LISTS)
def test_p_values_agree_with_intervals(values):
    if np.std(np.log(values)) < 1e-6:
        return
    logits = np.log(np.array(values) / (1 - np.array(values)))
    expected = stats.ttest_1samp(logits, math.log(0.1 / 0.9)).pvalue
    assert threshold_p(values, Scale.LOGIT, 0.1) == pytest.approx(expected, abs=1e-12)
    below, interval = judge_below(sample(*values), Scale.LOGIT, 0.1, RULES)
    assert below.p_value == pytest.approx(expected, abs=1e-12)
    if abs(expected - 0.05) > 1e-9:
        assert (below.outcome in DECIDED) == (expected < 0.05)
    above, same = judge_above(sample(*values), Scale.LOGIT, 0.1, RULES)
    assert (above.p_value, same, above.reason) == (below.p_value, interval, below.reason)
    opposite = {"supported": "contradicted", "contradicted": "supported"}
    assert str(above) == opposite.get(str(below), str(below))


def test_the_p_of_a_fix_is_the_paired_t_test():
    before, after = [0.1, 0.2, 0.15, 0.3, 0.12], [0.2, 0.35, 0.2, 0.5, 0.2]
    verdict, difference = judge_raised(sample(*before), sample(*after), Scale.LOG, RULES)
    expected = stats.ttest_rel(np.log(after), np.log(before)).pvalue
    assert verdict.p_value == difference.t_test_p == pytest.approx(expected)
    assert difference.each == pytest.approx(np.log(after) - np.log(before))


def test_above_leans_the_other_way():
    assert str(judge_above(sample(0.2, 0.3), Scale.LOGIT, 0.1, RULES)[0]) == "leaning for"
    assert str(judge_above(sample(0.02, 0.03), Scale.LOGIT, 0.1, RULES)[0]) == "leaning against"
    assert str(judge_above(sample(), Scale.LOGIT, 0.1, RULES)[0]) == "not tested"
