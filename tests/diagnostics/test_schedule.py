"""When measurements are due."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goalscope.diagnostics.updates.schedule import Schedule


def test_dense_then_logarithmic_then_at_the_cadence():
    due = [update for update in range(300) if Schedule(50).due(update)]
    assert due == [*range(11), 15, 22, 34, 50, 51, 76, 100, 114, 150, 200, 250]


@given(st.integers(1, 1000), st.floats(1.1, 4))
def test_it_starts_dense_and_never_pauses_longer_than_the_cadence(every, growth):
    schedule = Schedule(every, growth)
    due = [update for update in range(3 * every + 20) if schedule.due(update)]
    assert due[:11] == list(range(11))
    assert max(b - a for a, b in itertools.pairwise(due)) <= max(every, 1)


@given(st.integers(1, 300), st.floats(1.1, 4), st.integers(0, 2_000))
def test_how_often_it_is_due_is_counted_without_asking_each_update(every, growth, updates):
    schedule = Schedule(every, growth)
    assert schedule.count(updates) == sum(map(schedule.due, range(updates + 1)))


@pytest.mark.parametrize("bad", [{"every": 0}, {"every": 5, "growth": 1.0}])
def test_impossible_cadences_are_refused(bad):
    with pytest.raises(ValueError, match="use"):
        Schedule(**bad)


@pytest.mark.parametrize("every", [1, 7, 50, 500])
def test_the_next_measurement_is_the_first_that_is_due(every):
    schedule = Schedule(every)
    for update in range(-1, 3 * every + 60):
        following = schedule.next(update)
        assert schedule.due(following)
        assert not any(schedule.due(between) for between in range(update + 1, following))
