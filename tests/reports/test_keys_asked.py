"""Every key that a page, a check or a quantity asks for is one that a record can hold."""

import pytest
from helpers.keys_asked import keys_asked
from helpers.synthetic_probes import probed
from helpers.synthetic_runs import BASELINE, FIX, write_arms

from goalscope.diagnostics.record.keys import Family
from goalscope.diagnostics.record.metrics import SHAPLEY_SHARE, SIGNAL_SHARE, metric_of
from goalscope.reports import Thresholds, write_comparison, write_probe_page, write_report
from goalscope.reports.claims import quantities
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.rivals.checks import CHECKS


def test_pages_ask_for_what_a_record_can_hold(tmp_path):
    folders = write_arms(tmp_path, 2, {"pixel-her": BASELINE, "pixel-her-norm": FIX})
    with keys_asked() as asked:
        write_report(folders[0])
        write_comparison(folders, tmp_path / "page")
        write_probe_page(probed(tmp_path / "probed"))
    assert {SIGNAL_SHARE.key("actor", "goal"), SHAPLEY_SHARE.key("critic", "goal")} <= asked
    assert [key for key in sorted(asked) if metric_of(key) is None] == []


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
