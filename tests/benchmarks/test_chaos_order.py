"""Time and order: what a run, or a record, went through is said or refused."""

import pytest

from benchmarks.chaos import order


def test_a_clock_that_goes_backwards_changes_nothing(tmp_path):
    assert order.trained_by_a_clock_that_goes_backwards(tmp_path) == []


def test_a_run_that_goes_on_elsewhere_says_with_what(tmp_path):
    assert order.moved_house(tmp_path) == []


@pytest.mark.parametrize("disorder", [order.torn, order.doubled, order.swapped, order.joined])
def test_a_record_that_was_changed_says_so(disorder, tmp_path):
    for number in range(10):
        assert disorder(tmp_path / str(number)) == []
