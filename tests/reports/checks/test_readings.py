"""What checks read of a run."""

from dataclasses import replace

import pytest
from helpers.planted import with_metrics
from helpers.synthetic_runs import BASELINE, FIX, write_run

from goalscope.diagnostics.record.keys import before_normalisation
from goalscope.diagnostics.record.metrics import (
    DOWNHILL,
    EFFECTIVE_RANK,
    FEATURE_NORM,
    FEATURE_SPREAD,
    ZERO_FRACTION,
)
from goalscope.reports.checks.readings import goal_swap, smaller, under_normalisation, varying_part
from goalscope.reports.checks.series import series_of
from goalscope.reports.checks.step_readings import steepest_climb
from goalscope.reports.findings.diagnosis import diagnose
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


def test_a_few_steps_uphill_are_an_overshoot_and_many_are_a_climb(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    key = DOWNHILL.key("actor_loss")
    over = [(u, -0.5 if 60 <= u <= 300 else 0.3) for u in range(0, 600, 50)]
    assert steepest_climb(with_metrics(run, {key: over}), "actor").values.min() == 0.3
    flat = [(u, -0.5) for u in range(1, 11)]  # and then no gradient, and no direction
    climb = steepest_climb(with_metrics(run, {key: flat}), "actor")
    assert set(climb.values) == {-0.5}
    assert (climb.updates[0], climb.updates[-1]) == (1, run.updates)
    assert steepest_climb(with_metrics(run, {key: flat[:5]}), "actor") is None


def test_the_smaller_number_is_taken_where_both_are_and_else_the_one(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    made = with_metrics(run, {"a/one": [(0, 1.0), (10, 5.0)], "a/other": [(10, 2.0), (20, 3.0)]})
    one, other = (lambda r, _, key=key: read(r, key) for key in ("a/one", "a/other"))
    found = smaller(one, other, lambda *_: None)(made, "")
    assert list(zip(found.updates, found.values, strict=True)) == [(0, 1.0), (10, 2.0), (20, 3.0)]


def read(run, key):
    table = run.metrics[key]
    return series_of(table["update"].to_numpy(), table["value"].to_numpy())


def test_a_goal_that_is_shown_and_that_no_feature_depends_on_is_unheard(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    info = run.record.info
    networks = {
        name: {**network, "blocks": [b for b in network["blocks"] if "goal" not in b["name"]]}
        for name, network in info.networks.items()
    }
    shown = {"observation of desired_goal": "float32 (3,), -inf to inf"}
    for environment, unheard in ((shown, True), ({}, False)):
        blind = replace(info, networks=networks, environment=environment)
        changed = replace(run, record=replace(run.record, info=blind))
        named = {f.check.name for f in diagnose(changed).findings}
        assert ("goal_unheard" in named) == unheard
        if unheard:
            assert set(goal_swap(changed, "critic").values) == {0.0}
