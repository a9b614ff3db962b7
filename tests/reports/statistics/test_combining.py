"""Several verdicts together: all of them needed, or one of them enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goalscope.reports.statistics.combining import conjunction, disjunction, flipped
from goalscope.reports.statistics.outcomes import (
    Outcome,
    Verdict,
)

SUPPORTED, CONTRADICTED = Outcome.SUPPORTED, Outcome.CONTRADICTED
UNDECIDED, NOT_TESTED = Outcome.UNDECIDED, Outcome.NOT_TESTED
VERDICTS = st.sampled_from(
    [
        Verdict(Outcome.SUPPORTED, "a"),
        Verdict(Outcome.CONTRADICTED, "b"),
        Verdict(Outcome.LEANING, "c", "for"),
        Verdict(Outcome.LEANING, "d", "against"),
        Verdict(Outcome.UNDECIDED, "e"),
        Verdict(Outcome.NOT_TESTED, "f"),
    ]
)


@given(st.lists(VERDICTS, min_size=1, max_size=5))
def test_one_part_is_enough_and_only_all_contradict(verdicts):
    parts = [(str(number), verdict) for number, verdict in enumerate(verdicts)]
    outcome = disjunction(parts).outcome
    outcomes = {verdict.outcome for verdict in verdicts}
    assert (outcome is Outcome.SUPPORTED) == (Outcome.SUPPORTED in outcomes)
    assert (outcome is Outcome.CONTRADICTED) == (outcomes == {Outcome.CONTRADICTED})


@given(VERDICTS)
def test_flipping_twice_changes_nothing(verdict):
    assert flipped(flipped(verdict)) == verdict


def verdict(outcome, way=None):
    return Verdict(outcome, "why", way)


YES, NO = verdict(Outcome.SUPPORTED), verdict(Outcome.CONTRADICTED)
FOR, AGAINST = verdict(Outcome.LEANING, "for"), verdict(Outcome.LEANING, "against")
OPEN, NONE = verdict(Outcome.UNDECIDED), verdict(Outcome.NOT_TESTED)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([YES, YES], "supported"),
        ([YES, NO], "contradicted"),
        ([NO, NONE], "contradicted"),
        ([FOR, AGAINST], "leaning against"),
        ([AGAINST, NONE], "leaning against"),
        ([YES, NONE], "not tested"),
        ([OPEN, NONE], "not tested"),
        ([FOR, OPEN], "undecided"),
        ([YES, FOR], "leaning for"),
    ],
)
def test_a_claim_of_several_parts(parts, expected):
    named = [(f"part {i}", part) for i, part in enumerate(parts)]
    joint = conjunction(named)
    assert str(joint) == expected
    assert str(conjunction(named[::-1])) == expected


def test_the_part_that_decides_is_named():
    joint = conjunction([("signal", YES), ("gradient", NO)])
    assert joint.reason == "gradient: why"


@given(st.lists(st.sampled_from([YES, NO, FOR, AGAINST, OPEN, NONE]), min_size=1, max_size=5))
def test_supported_takes_every_part(parts):
    joint = conjunction([(str(i), part) for i, part in enumerate(parts)])
    assert (joint.outcome is Outcome.SUPPORTED) == all(part is YES for part in parts)
    assert (joint.outcome is Outcome.CONTRADICTED) == any(part is NO for part in parts)


def judged(outcome, p_value):
    return Verdict(outcome, "why", p_value=p_value)


@pytest.mark.parametrize(
    ("parts", "outcome", "p_value"),
    [
        ([(SUPPORTED, 0.01), (SUPPORTED, 0.03)], SUPPORTED, 0.03),
        ([(SUPPORTED, 0.01), (CONTRADICTED, 0.02), (UNDECIDED, 0.4)], CONTRADICTED, 0.06),
        ([(CONTRADICTED, 0.02), (CONTRADICTED, 0.6)], CONTRADICTED, 0.04),
        ([(CONTRADICTED, 0.6), (CONTRADICTED, 0.8)], CONTRADICTED, 1.0),
        ([(SUPPORTED, 0.01), (UNDECIDED, 0.4)], UNDECIDED, 0.4),
        ([(SUPPORTED, 0.01), (UNDECIDED, None)], UNDECIDED, None),
        ([(SUPPORTED, 0.01), (NOT_TESTED, None)], NOT_TESTED, None),
        ([(CONTRADICTED, 0.01), (NOT_TESTED, None)], CONTRADICTED, 0.02),
    ],
)
def test_the_p_of_a_claim_of_several_parts(parts, outcome, p_value):
    joint = conjunction([(str(i), judged(*part)) for i, part in enumerate(parts)])
    assert joint.outcome is outcome
    assert joint.p_value == (p_value if p_value is None else pytest.approx(p_value))
