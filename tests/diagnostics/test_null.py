"""Watching changes nothing: the same seed gives the same agent, bit for bit."""

import numpy as np
import pytest
from helpers.identity import assert_identical, generators, trained

from goalscope.diagnostics import (
    FeatureStatistics,
    GoalSensitivity,
    GradientBalance,
    ModalityDiagnostics,
)


@pytest.mark.parametrize("shared", [False, True])
def test_all_instruments_at_every_update_change_nothing(make_agent, tmp_path, shared):
    settings = {"policy_kwargs": {"share_features_extractor": shared}}
    plain = trained(make_agent, None, **settings)
    left_plain = generators()
    action = plain.action_space.sample()
    watched = trained(
        make_agent,
        ModalityDiagnostics(
            tmp_path / "run", features_every=1, gradients_every=1, sensitivity_every=1
        ),
        **settings,
    )
    assert generators() == left_plain
    assert np.array_equal(watched.action_space.sample(), action)
    assert_identical(plain, watched)


def test_each_instrument_alone_changes_nothing_and_records(make_agent, tmp_path):
    plain = trained(make_agent, None)
    callbacks = [
        FeatureStatistics(tmp_path / "features", every=1),
        GradientBalance(tmp_path / "gradients", every=1),
        GoalSensitivity(tmp_path / "sensitivity", every=20),
    ]
    watched = trained(make_agent, callbacks)
    assert_identical(plain, watched)
    for callback in callbacks:
        assert callback.failures == {}
