"""Holm over links."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goalscope.reports.statistics.multiplicity import after_holm, holm
from goalscope.reports.statistics.outcomes import (
    Outcome,
    Verdict,
)
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()
DECIDED = (Outcome.SUPPORTED, Outcome.CONTRADICTED)


def judged(outcome, p_value):
    return Verdict(outcome, "why", p_value=p_value)


YES, NO = Outcome.SUPPORTED, Outcome.CONTRADICTED
OPEN = Outcome.UNDECIDED


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


def test_holm_worked_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
