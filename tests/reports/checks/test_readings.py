"""What checks read of a run."""

import pytest
from helpers.planted import with_metrics
from helpers.synthetic_runs import FIX, write_run

from goalscope.diagnostics.record.keys import before_normalisation
from goalscope.diagnostics.record.metrics import (
    EFFECTIVE_RANK,
    FEATURE_NORM,
    FEATURE_SPREAD,
    ZERO_FRACTION,
)
from goalscope.reports.checks.readings import under_normalisation, varying_part
from goalscope.reports.numbers.runs import load_run


@pytest.mark.parametrize("metric", [ZERO_FRACTION, EFFECTIVE_RANK])
@pytest.mark.parametrize("network", ["critic", "actor"])
def test_a_normalised_encoder_is_read_before_its_normalisation(tmp_path, metric, network):
    # of 50 features before LayerNorm and Tanh: the zeros that the demo's fix records late
    run = load_run(write_run(tmp_path / "a", kind=FIX))
    recorded = {before_normalisation("pixels"): 0.62, "pixels": 0.0}
    run = with_metrics(run, {metric.key(network, b): v for b, v in recorded.items()})
    assert set(under_normalisation(metric)(run, network).values) == {0.62}


def test_a_constant_is_seen_under_a_normalisation_that_blows_it_up(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=FIX))
    raw = before_normalisation("pixels")
    values = {(FEATURE_NORM, raw): 2.0, (FEATURE_SPREAD, raw): 1e-5}
    values |= {(FEATURE_NORM, "pixels"): 4.9, (FEATURE_SPREAD, "pixels"): 0.3}
    run = with_metrics(run, {m.key("critic", b): v for (m, b), v in values.items()})
    assert varying_part(run, "critic").values.max() < 1e-4
