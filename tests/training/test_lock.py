"""A folder is one process's, and goes again where nothing came of it."""

import pytest

from goalscope.training.runs.lock import LOCK_FILE, RunLocked, locked


def write_half(folder, worth_keeping: bool) -> None:
    with locked(folder, lambda: worth_keeping):
        (folder / "half").write_text("written")
        raise OSError("no disk")


def fail(folder, worth_keeping: bool) -> None:
    with pytest.raises(OSError, match="no disk"):
        write_half(folder, worth_keeping)


def test_a_new_folder_of_which_nothing_came_goes_again(tmp_path):
    fail(tmp_path / "new", worth_keeping=False)
    assert not (tmp_path / "new").exists()


def test_what_is_worth_keeping_stays_and_so_does_what_was_there(tmp_path):
    fail(tmp_path / "new", worth_keeping=True)
    assert (tmp_path / "new" / "half").exists()
    (tmp_path / "there").mkdir()
    fail(tmp_path / "there", worth_keeping=False)
    assert (tmp_path / "there" / "half").exists()


def test_another_process_s_folder_is_left_alone(tmp_path):
    folder = tmp_path / "run"
    with locked(folder, lambda: False):
        with pytest.raises(RunLocked), locked(folder, lambda: False):
            pass
        assert (folder / LOCK_FILE).exists()
