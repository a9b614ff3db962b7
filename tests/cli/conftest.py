"""Four short runs as a user makes them, an arm and its fix, two seeds each; and short forms."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from helpers.command import TINY, goalscope

from goalscope.reports.pages import comparison
from goalscope.reports.pages.short_form import write_short


@pytest.fixture(scope="session")
def runs(tmp_path_factory, worker_id) -> Path:
    """Return this worker's own copy of what the first worker to ask trained for all."""
    own = tmp_path_factory.mktemp("runs")
    if worker_id == "master":  # one process, without workers
        train_all(own)
        return own
    made = tmp_path_factory.getbasetemp().parent / "runs"
    with FileLock(made.with_suffix(".lock")):
        if not made.exists():
            partly = made.with_suffix(".partly")
            shutil.rmtree(partly, ignore_errors=True)
            train_all(partly)
            partly.rename(made)
    return Path(shutil.copytree(made, own, dirs_exist_ok=True))


def train_all(folder: Path) -> None:
    for arm in ("pixel-her", "pixel-her-norm"):
        for seed in (0, 1):
            out = folder / f"{arm}-{seed}"
            done = goalscope("train", arm, *TINY, "--seed", seed, "--out", out)
            assert done.returncode == 0, done.stderr


@pytest.fixture
def few_in_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts one figure into a short form, for tests of where things lie: all cost seconds."""

    def write_few(words, plots, *where) -> Path:
        return write_short(words, [plot for plot in plots if plot.name == "forward_signal"], *where)

    monkeypatch.setattr(comparison, "write_short", write_few)
