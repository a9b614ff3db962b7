"""Checks and quantities say which record keys they read, and all of them are in the table."""

import pytest
from helpers.synthetic_runs import BASELINE, FIX, write_arms

from goalscope.diagnostics.record.keys import Family
from goalscope.diagnostics.record.metrics import metric_of
from goalscope.reports import Thresholds
from goalscope.reports.claims import quantities
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.rivals.checks import CHECKS


@pytest.mark.parametrize("kind", [BASELINE, FIX])
def test_checks_say_which_keys_they_read(tmp_path, kind):
    run = load_run(write_arms(tmp_path, 1, {"arm": kind})[0])
    keys = {check.name: check.reading.keys(run) for check in CHECKS}
    assert [name for name, own in keys.items() if not own] == ["nan"]  # it reads them all
    assert [key for own in keys.values() for key in own if metric_of(key) is None] == []


@pytest.mark.parametrize("family", [Family.SENSITIVITY, Family.SENSITIVITY_REPLAY])
def test_quantities_say_which_keys_they_read(family):
    found = [
        *quantities.tested_quantities(family, Thresholds()),
        *quantities.noise_quantities("pixels", "object", Thresholds()),
        *quantities.quantities_beside(family, "pixels"),
    ]
    keys = [key for quantity in found for key in quantity.keys]
    assert [key for key in keys if metric_of(key) is None] == []
