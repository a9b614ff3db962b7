"""Watching changes nothing: the same seed gives the same agent, bit for bit."""

import random

import numpy as np
import pytest
import torch
from stable_baselines3 import SAC

from goalscope.diagnostics import (
    FeatureStatistics,
    GoalSensitivity,
    GradientBalance,
    ModalityDiagnostics,
)

UPDATES = 60


def trained(make_agent, callback, **settings) -> SAC:
    random.seed(0)
    agent = make_agent(**settings)
    agent.learn(60 + UPDATES, callback=callback)
    assert agent._n_updates == UPDATES
    return agent


def assert_identical(left: SAC, right: SAC) -> None:
    for (name, one), (_, other) in zip(
        left.policy.state_dict().items(), right.policy.state_dict().items(), strict=True
    ):
        assert torch.equal(one, other), name
    assert torch.equal(left.log_ent_coef, right.log_ent_coef)
    for part in ("actor", "critic"):
        states = [getattr(a, part).optimizer.state_dict()["state"] for a in (left, right)]
        assert states[0].keys() == states[1].keys()
        for key, state in states[0].items():
            for name, value in state.items():
                assert torch.equal(value, states[1][key][name]), (part, key, name)
    one, other = left.replay_buffer, right.replay_buffer
    assert one.pos == other.pos
    for key in one.observations:
        assert np.array_equal(one.observations[key], other.observations[key])
        assert np.array_equal(one.next_observations[key], other.next_observations[key])
    for name in ("actions", "rewards", "dones", "ep_start", "ep_length"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def generators() -> tuple[object, ...]:
    state = np.random.get_state()  # noqa: NPY002
    return random.getstate(), state[1].tolist(), state[2], torch.get_rng_state().tolist()


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
