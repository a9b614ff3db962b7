"""LeanSAC is seen as stock SAC is, and watching changes nothing of it."""

import pytest
import torch
from helpers.lean import SHARED, assert_close, extractor, gather, of, update
from stable_baselines3 import SAC

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.record.keys import LOSSES
from goalscope.diagnostics.updates.tap import Tap, TrackedUpdate
from goalscope.probes import view_networks
from goalscope.training import NormalizedCombinedExtractor
from goalscope.training.agents.critic_encoder import CriticEncoderPolicy
from goalscope.training.agents.lean_sac import LeanSAC


def tracked(agent: SAC) -> TrackedUpdate:
    """Return the third of three updates as the tap saw it."""
    updates: list[TrackedUpdate] = []
    failures: list[Exception] = []
    networks = view_networks(agent.policy)
    tap = Tap(
        networks,
        0,
        lambda u: LOSSES if u == 3 else (),
        lambda: None,
        updates.append,
        failures.append,
    )
    update(agent, 3)
    tap.detach()
    assert not failures
    assert len(updates) == 1
    return updates[0]


@pytest.mark.parametrize("case", ["normalized", "shared", "critic's encoder"])
def test_the_tap_sees_on_it_what_it_sees_on_stock_sac(make_agent, case):
    policy = CriticEncoderPolicy if case == "critic's encoder" else "MultiInputPolicy"
    settings = extractor(NormalizedCombinedExtractor, **(SHARED if case == "shared" else {}))
    stock, lean = (
        tracked(gather(make_agent(of(cls, policy), **settings))) for cls in (SAC, LeanSAC)
    )
    assert stock.losses.keys() == lean.losses.keys() == {"critic_loss", "actor_loss"}
    assert stock.passes.keys() == lean.passes.keys() == {"actor", "critic", "critic_target"}
    assert float(stock.q_weight) == float(lean.q_weight) == 1
    tolerance = {"rtol": 1e-3, "atol": 1e-5}
    for name, expected in stock.passes.items():
        assert expected.raw.keys() == lean.passes[name].raw.keys() == {"pixels"}
        torch.testing.assert_close(vars(lean.passes[name]), vars(expected), **tolerance)
    for loss, expected in stock.losses.items():
        seen = vars(lean.losses[loss])
        wanted = vars(expected)
        assert seen["encoders"].keys() == wanted["encoders"].keys()
        for block, encoder in wanted.pop("encoders").items():
            torch.testing.assert_close(vars(seen["encoders"][block]), vars(encoder), **tolerance)
        seen.pop("encoders")
        moments = (vars(one.pop("moments")) for one in (seen, wanted))
        torch.testing.assert_close(*moments, **tolerance)
        torch.testing.assert_close(seen, wanted, **tolerance)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_watching_changes_nothing(make_agent, tmp_path, precision):
    settings = {**extractor(NormalizedCombinedExtractor), "precision": precision}
    plain = make_agent(LeanSAC, **settings).learn(66)
    generator = torch.get_rng_state()
    callback = ModalityDiagnostics(
        tmp_path / "run", features_every=1, gradients_every=1, sensitivity_every=3
    )
    watched = make_agent(LeanSAC, **settings).learn(66, callback=callback)
    assert torch.equal(torch.get_rng_state(), generator)
    assert callback.failures == {}
    assert_close(plain, watched, rtol=0, atol=0)


def test_after_an_update_the_critics_gradient_is_its_own(make_agent):
    agent = gather(make_agent(LeanSAC))
    update_seen = tracked(agent)
    left_over = [net[0].weight.grad for net in agent.critic.q_networks]
    expected = list(update_seen.losses["critic_loss"].weight_gradients)
    torch.testing.assert_close(left_over, expected, rtol=0, atol=0)
