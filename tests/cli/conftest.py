"""Four short runs as a user makes them, an arm and its fix, two seeds each; and short forms."""

from pathlib import Path

import pytest
from helpers.command import TINY, goalscope

from goalscope.reports.pages import comparison
from goalscope.reports.pages.short_form import write_short


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for arm in ("pixel-her", "pixel-her-norm"):
        for seed in (0, 1):
            out = folder / f"{arm}-{seed}"
            done = goalscope("train", arm, *TINY, "--seed", seed, "--out", out)
            assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def few_in_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts one figure into a short form, for tests of where things lie: all cost seconds."""

    def write_few(words, plots, *where) -> Path:
        return write_short(words, [plot for plot in plots if plot.name == "forward_signal"], *where)

    monkeypatch.setattr(comparison, "write_short", write_few)
