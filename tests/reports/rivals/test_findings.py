"""Findings in one run: which checks speak, in which order, and which may not."""

import math
from dataclasses import replace

import pytest
from helpers.planted import HEALTHY, PLANTED, with_metrics
from helpers.synthetic_runs import BASELINE, FIX, write_run

from goalscope.diagnostics.record.keys import before_normalisation
from goalscope.diagnostics.record.metrics import (
    EFFECTIVE_RANK,
    FEATURE_NORM,
    FEATURE_SPREAD,
    WEIGHT_GRADIENT,
    WEIGHT_GRADIENT_SHARE,
    ZERO_FRACTION,
)
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.windows import three_times
from goalscope.reports.rivals.checks import CHECKS
from goalscope.reports.rivals.findings import run_findings


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    run = load_run(write_run(tmp_path_factory.mktemp("run") / "a", kind=BASELINE))
    return with_metrics(run, HEALTHY)


def names(run):
    return [finding.name for finding in run_findings(run, checks=CHECKS)]


def test_nothing_speaks_in_a_healthy_run(healthy):
    assert names(healthy) == []


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_named_first(healthy, name):
    assert names(with_metrics(healthy, PLANTED[name]))[0] == name


def test_every_check_has_been_planted():
    assert {check.name for check in CHECKS} - set(PLANTED) == {"nan"}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("dead_units", {ZERO_FRACTION: 1.0}, {ZERO_FRACTION: 0.0}),
        (
            "constant_features",
            {FEATURE_NORM: 2.0, FEATURE_SPREAD: 1e-5},
            {FEATURE_NORM: 4.9, FEATURE_SPREAD: 0.3},
        ),
        ("rank_collapsed", {EFFECTIVE_RANK: 1.1}, {EFFECTIVE_RANK: 24.0}),
    ],
)
def test_a_normalisation_hides_nothing_from_a_check(tmp_path, name, before, after):
    run = with_metrics(load_run(write_run(tmp_path / "a", kind=FIX)), HEALTHY)
    raw = before_normalisation("pixels")
    planted = {metric.key("critic", raw): value for metric, value in before.items()}
    hidden = {metric.key("critic", "pixels"): value for metric, value in after.items()}
    assert names(run) == []
    assert names(with_metrics(run, planted | hidden))[0] == name


def test_dead_units_are_read_as_a_normalised_encoder_was_recorded(tmp_path):
    # of 50 features before LayerNorm and Tanh, as the demo's fix records them late in training
    run = load_run(write_run(tmp_path / "a", kind=FIX))
    recorded = {before_normalisation("pixels"): 0.62, "pixels": 0.0}
    run = with_metrics(run, {ZERO_FRACTION.key("critic", b): v for b, v in recorded.items()})
    (check,) = [check for check in CHECKS if check.name == "dead_units"]
    assert check.read(run, three_times([run]).windows["late"]) == 0.62


def test_nan_is_named_before_what_follows_from_it(tmp_path):
    key = WEIGHT_GRADIENT.key("critic_loss", "pixels")
    broken = replace(BASELINE, overrides={(key, 300): math.nan})
    run = with_metrics(load_run(write_run(tmp_path / "a", kind=broken)), HEALTHY)
    assert names(with_metrics(run, PLANTED["dead_units"]))[:2] == ["nan", "dead_units"]


def test_what_an_earlier_suspect_explains_is_left_out(healthy):
    constant = PLANTED["critic_constant"] | PLANTED["encoder_without_gradient"]
    assert names(with_metrics(healthy, constant)) == ["critic_constant"]


def test_a_share_of_nothing_is_not_broken(tmp_path):
    key = WEIGHT_GRADIENT_SHARE.key("critic_loss", "pixels")
    nothing = replace(BASELINE, overrides={(key, 300): math.nan})
    run = with_metrics(load_run(write_run(tmp_path / "a", kind=nothing)), HEALTHY)
    assert names(run) == []


def test_causes_come_before_their_consequences():
    order = [check.name for check in CHECKS]
    for cause, consequence in (
        ("constant_images", "constant_features"),
        ("dead_units", "constant_features"),
        ("critic_constant", "encoder_without_gradient"),
        ("encoder_without_gradient", "encoder_not_moving"),
    ):
        assert order.index(cause) < order.index(consequence)


def test_an_encoder_that_no_loss_reaches_is_read_from_the_routing(healthy):
    rows = [
        {**row, "losses": []} if row["group"].startswith("encoder") else row
        for row in healthy.record.routing
    ]
    unfed = replace(healthy, record=replace(healthy.record, routing=rows))
    assert names(unfed)[0] == "encoder_without_gradient"


def test_an_encoder_that_no_optimiser_holds_is_read_from_the_routing(healthy):
    rows = [
        {**row, "optimizer": None} if row["group"].startswith("encoder") else row
        for row in healthy.record.routing
    ]
    unheld = replace(healthy, record=replace(healthy.record, routing=rows))
    assert names(unheld)[0] == "encoder_not_moving"
