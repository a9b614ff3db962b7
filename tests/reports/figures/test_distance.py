"""Q over the distance to the goal."""

import pytest
from helpers.synthetic_runs import write_run

from goalscope.diagnostics.record.keys import Family
from goalscope.reports.figures.distance import bin_centres
from goalscope.reports.numbers.runs import load_run


def test_distances_come_from_the_record(tmp_path):
    run = load_run(write_run(tmp_path / "a"))
    assert bin_centres(run, Family.SENSITIVITY)[0] == pytest.approx(0.42 / 16)
