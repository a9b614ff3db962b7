"""Checks and quantities say which record keys they read, and all of them are in the table."""

import pytest
from helpers.keys_asked import keys_asked
from helpers.synthetic_runs import BASELINE, FIX, write_arms

from goalscope.diagnostics.record.keys import Family
from goalscope.diagnostics.record.metrics import (
    SIGNAL,
    metric_of,
)
from goalscope.diagnostics.record.transition_metrics import TARGET_MOTION
from goalscope.reports import Thresholds
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.claims import deciding
from goalscope.reports.numbers.runs import load_run


@pytest.mark.parametrize("kind", [BASELINE, FIX])
def test_checks_ask_for_what_a_record_can_hold(tmp_path, kind):
    (folder,) = write_arms(tmp_path, 1, {"arm": kind})
    with keys_asked() as asked:
        run = load_run(folder)
        for check in CHECKS:
            for network in check.networks:
                check.read(run, network)
    assert {TARGET_MOTION.key(), SIGNAL.key("critic", "goal")} <= asked
    assert [key for key in sorted(asked) if metric_of(key) is None] == []


@pytest.mark.parametrize("family", [Family.SENSITIVITY, Family.SENSITIVITY_REPLAY])
@pytest.mark.parametrize("network", ["critic", "actor"])
def test_quantities_say_which_keys_they_read(family, network):
    study = deciding.Study(family, "pixels", "object")
    found = [
        *deciding.tested_quantities(study, network, Thresholds()),
        *deciding.compared_quantities(study, network, Thresholds()),
        *deciding.quantities_beside(study, network),
    ]
    keys = [key for quantity in found for key in quantity.keys]
    assert [key for key in keys if metric_of(key) is None] == []
