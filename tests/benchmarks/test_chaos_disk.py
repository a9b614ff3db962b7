"""A disk that is full, read-only or gone costs what it would have held, and is said in a line."""

import errno

import pytest

from benchmarks.chaos.disk import (
    WRITES,
    cannot_begin,
    full_for_a_while,
    full_to_the_end,
    mountable,
    refused,
    removed,
    rewriting_refused,
)

QUICK = ("line of the record", "weights")


@pytest.mark.skipif(not mountable(), reason="no small file system can be mounted here")
class TestOnASmallDisk:
    @pytest.mark.slow
    def test_a_run_goes_on_without_room_and_says_what_is_missing(self, tmp_path):
        assert full_for_a_while(tmp_path / "disk", 55) == []

    def test_once_there_is_room_the_run_goes_on_from_its_last_checkpoint(self, tmp_path):
        assert full_to_the_end(tmp_path / "disk", 55) == []

    def test_no_run_begins_and_nothing_of_it_is_left(self, tmp_path):
        assert cannot_begin(tmp_path / "disk") == []

    @pytest.mark.slow
    def test_what_was_written_before_stays(self, tmp_path):
        assert rewriting_refused(tmp_path / "disk") == []


@pytest.mark.parametrize(
    "write",
    [pytest.param(write, marks=[] if write in QUICK else [pytest.mark.slow]) for write in WRITES],
)
def test_each_write_may_be_refused(write, tmp_path):
    assert refused(write, errno.EDQUOT, tmp_path) == []


@pytest.mark.slow
def test_a_folder_that_is_removed_stays_so(tmp_path):
    assert removed(tmp_path, 55) == []
