"""Four short runs as a user makes them: an arm and its fix, two seeds each."""

from pathlib import Path

import pytest
from helpers.command import TINY, goalscope


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for arm in ("pixel-her", "pixel-her-norm"):
        for seed in (0, 1):
            out = folder / f"{arm}-{seed}"
            done = goalscope("train", arm, *TINY, "--seed", seed, "--out", out)
            assert done.returncode == 0, done.stderr
    return folder
