"""Files of a page: whole or not at all."""

import errno

import pytest

from goalscope.reports.errors import ReportError
from goalscope.reports.files import whole


def test_the_old_file_stays_where_the_new_one_cannot_be_written(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fill_the_disk():
        with whole(path) as draft:
            draft.write_text("ne")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ReportError, match=r"a.csv: No space left on device"):
        fill_the_disk()
    assert path.read_text() == "old"
    with whole(path) as draft:
        draft.write_text("new")
        assert (draft.suffix, path.read_text()) == (".csv", "old")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_not_followed(tmp_path):
    elsewhere = tmp_path / "theirs"
    elsewhere.write_text("theirs")
    path = tmp_path / "a.csv"
    path.symlink_to(elsewhere)
    with whole(path) as draft:
        draft.write_text("new")
    assert (elsewhere.read_text(), path.read_text(), path.is_symlink()) == ("theirs", "new", False)
