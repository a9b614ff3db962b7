"""Equivalence, comparison without pairs, p-values of outcomes, and Holm over links."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goalscope.reports.statistics.combining import conjunction
from goalscope.reports.statistics.equivalence import equivalent
from goalscope.reports.statistics.intervals import threshold_p
from goalscope.reports.statistics.multiplicity import after_holm, holm
from goalscope.reports.statistics.outcomes import (
    Outcome,
    Sample,
    Verdict,
    judge_above,
    judge_below,
    judge_raised,
)
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.statistics.unpaired import unpaired_comparison

RULES = Thresholds()
DECIDED = (Outcome.SUPPORTED, Outcome.CONTRADICTED)
SHARES = st.lists(st.floats(0.001, 0.999), min_size=5, max_size=8, unique=True)


def sample(values):
    return Sample({f"seed {number}": value for number, value in enumerate(values)})


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


def test_margins_are_set_by_the_plan_file():
    assert RULES.equivalence_margin(Scale.LOG) == pytest.approx(math.log(1.25))
    assert RULES.equivalence_margin(Scale.LOGIT) == pytest.approx(math.log(1.25))
    assert RULES.equivalence_margin(Scale.FISHER) == 0.1
    assert Thresholds(equivalence_factor=2).equivalence_margin(Scale.LOG) == math.log(2)
    assert Thresholds(success_marks=[0.3, 0.6]).success_marks == (0.3, 0.6)


@pytest.mark.parametrize(
    "fields",
    [
        {"success_marks": []},
        {"success_marks": [0.7, 0.5]},
        {"success_marks": [0.5, 0.5]},
        {"success_marks": [0.5, 1.0]},
        {"success_marks": ["half"]},
        {"arms_to_rank": 3},
        {"noise_ratio": 1},
        {"content_gain": 1},
        {"equivalence_factor": 1},
        {"equivalence_z": "0.1"},
    ],
)
def test_thresholds_that_make_no_sense_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        Thresholds(**fields)


@pytest.mark.parametrize(("first", "second"), [(3, 3), (2, 5), (5, 4)])
def test_the_unpaired_p_is_an_enumeration(first, second):
    generator = np.random.default_rng(first)
    baseline, other = generator.uniform(0.1, 0.5, first), generator.uniform(0.3, 0.7, second)
    found = unpaired_comparison(baseline, other, Scale.LOGIT)
    both = np.concatenate([baseline, other])
    logits = np.log(both / (1 - both))
    distances = []
    for chosen in itertools.combinations(range(first + second), first):
        mask = np.isin(np.arange(first + second), chosen)
        distances.append(abs(logits[mask].mean() - logits[~mask].mean()))
    observed = abs(logits[:first].mean() - logits[first:].mean())
    assert found.p_value == pytest.approx(np.mean(np.array(distances) >= observed - 1e-12))
    assert found.p_value >= found.smallest_p
    assert found.improvement == pytest.approx(np.mean(other[:, None] > baseline[None, :]))
    assert (found.baseline_seeds, found.other_seeds) == (first, second)


def test_the_least_an_unpaired_comparison_can_reach():
    low, high = [0.1, 0.11, 0.12, 0.13, 0.14], [0.5, 0.51, 0.52, 0.53, 0.54]
    assert unpaired_comparison(low, high, Scale.LOGIT).p_value == pytest.approx(2 / 252)
    assert unpaired_comparison(low[:3], high[:3], Scale.LOGIT).p_value == pytest.approx(0.1)
    assert unpaired_comparison(low, low, Scale.LOGIT).p_value == 1.0
    assert unpaired_comparison(low, low, Scale.LOGIT).improvement == 0.5
    many = np.linspace(0.1, 0.3, 12)  # too many splits: drawn, and the same each time
    assert unpaired_comparison(many, many + 0.05, Scale.LOGIT) == unpaired_comparison(
        many, many + 0.05, Scale.LOGIT
    )


@settings(deadline=None, max_examples=60)
@given(SHARES)
def test_p_values_agree_with_intervals(values):
    if np.std(np.log(values)) < 1e-6:
        return
    logits = np.log(np.array(values) / (1 - np.array(values)))
    expected = stats.ttest_1samp(logits, math.log(0.1 / 0.9)).pvalue
    assert threshold_p(values, Scale.LOGIT, 0.1) == pytest.approx(expected, abs=1e-12)
    below, interval = judge_below(sample(values), Scale.LOGIT, 0.1, RULES)
    assert below.p_value == pytest.approx(expected, abs=1e-12)
    if abs(expected - 0.05) > 1e-9:
        assert (below.outcome in DECIDED) == (expected < 0.05)
    above, same = judge_above(sample(values), Scale.LOGIT, 0.1, RULES)
    assert (above.p_value, same, above.reason) == (below.p_value, interval, below.reason)
    opposite = {"supported": "contradicted", "contradicted": "supported"}
    assert str(above) == opposite.get(str(below), str(below))


def test_the_p_of_a_fix_is_the_paired_t_test():
    before, after = [0.1, 0.2, 0.15, 0.3, 0.12], [0.2, 0.35, 0.2, 0.5, 0.2]
    verdict, difference = judge_raised(sample(before), sample(after), Scale.LOG, RULES)
    expected = stats.ttest_rel(np.log(after), np.log(before)).pvalue
    assert verdict.p_value == difference.t_test_p == pytest.approx(expected)
    assert difference.each == pytest.approx(np.log(after) - np.log(before))


def test_above_leans_the_other_way():
    assert str(judge_above(sample([0.2, 0.3]), Scale.LOGIT, 0.1, RULES)[0]) == "leaning for"
    assert str(judge_above(sample([0.02, 0.03]), Scale.LOGIT, 0.1, RULES)[0]) == "leaning against"
    assert str(judge_above(sample([]), Scale.LOGIT, 0.1, RULES)[0]) == "not tested"


def judged(outcome, p_value):
    return Verdict(outcome, "why", p_value=p_value)


YES, NO = Outcome.SUPPORTED, Outcome.CONTRADICTED
OPEN = Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("parts", "outcome", "p_value"),
    [
        ([(YES, 0.01), (YES, 0.03)], YES, 0.03),
        ([(YES, 0.01), (NO, 0.02), (OPEN, 0.4)], NO, 0.06),
        ([(NO, 0.02), (NO, 0.6)], NO, 0.04),
        ([(NO, 0.6), (NO, 0.8)], NO, 1.0),
        ([(YES, 0.01), (OPEN, 0.4)], OPEN, 0.4),
        ([(YES, 0.01), (OPEN, None)], OPEN, None),
        ([(YES, 0.01), (Outcome.NOT_TESTED, None)], Outcome.NOT_TESTED, None),
        ([(NO, 0.01), (Outcome.NOT_TESTED, None)], NO, 0.02),
    ],
)
def test_the_p_of_a_claim_of_several_parts(parts, outcome, p_value):
    joint = conjunction([(str(i), judged(*part)) for i, part in enumerate(parts)])
    assert joint.outcome is outcome
    assert joint.p_value == (p_value if p_value is None else pytest.approx(p_value))


def test_what_does_not_stand_after_holm_is_undecided_and_says_so():
    verdicts = [judged(YES, 0.004), judged(NO, 0.03), judged(OPEN, 0.3)]
    leaning = Verdict(Outcome.LEANING, "why", "for")
    (first, a), (second, b), (third, c), (fourth, d) = after_holm([*verdicts, leaning], RULES)
    assert (first, third, fourth) == (verdicts[0], verdicts[2], leaning)
    assert [a, b, c, d] == [pytest.approx(0.012), pytest.approx(0.06), pytest.approx(0.3), None]
    assert second.outcome is OPEN
    assert second.reason == (
        "not after Holm over 3 links (p 0.03, adjusted 0.06); before it contradicted, why"
    )
    assert second.p_value == 0.03
    assert after_holm([], RULES) == []


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(list(Outcome)), st.floats(0, 1) | st.none()), max_size=8))
def test_holm_only_ever_takes_away(entries):
    verdicts = [judged(outcome, p_value) for outcome, p_value in entries]
    found = after_holm(verdicts, RULES)
    adjusted = holm([p_value for _, p_value in entries if p_value is not None])
    assert [p for _, p in found if p is not None] == adjusted
    for before, (after, p_value) in zip(verdicts, found, strict=True):
        assert after.outcome in (before.outcome, OPEN)
        assert (p_value is None) == (before.p_value is None)
        if before.outcome in DECIDED and p_value is not None:
            assert (after.outcome is before.outcome) == (p_value <= 1 - RULES.confidence)
