"""Updates replayed as CUDA graphs: what they learn is what updates in the open learn."""

import json

import numpy as np
import pytest
import torch
from stable_baselines3.common.torch_layers import CombinedExtractor
from torch import Tensor

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.training.agents import cuda_graphs
from goalscope.training.agents.critic_encoder import CriticEncoderPolicy, DecoupledPolicy
from goalscope.training.agents.extended_sac import ExtendedLeanSAC
from goalscope.training.agents.lean_sac import LeanSAC

pytestmark = pytest.mark.gpu


class OnCriticsEncoder(LeanSAC):
    def __init__(self, _, *args, **kwargs):
        super().__init__(CriticEncoderPolicy, *args, **kwargs)


class OnDecoupledEncoder(ExtendedLeanSAC):
    def __init__(self, _, *args, **kwargs):
        super().__init__(DecoupledPolicy, *args, **kwargs)


AGENTS = {
    "separate": (LeanSAC, {}),
    "fixed entropy, bfloat16": (LeanSAC, {"ent_coef": 0.01, "precision": "bfloat16"}),
    "critic's encoder": (OnCriticsEncoder, {}),
    "decoupled": (OnDecoupledEncoder, {"inverse_dynamics": True, "target_range": (-20.0, 0.0)}),
}


@pytest.fixture(params=AGENTS)
def trained(request, make_agent):
    """Return a function that trains an agent on the GPU from one fixed state."""

    def train(steps: int = 100, callback=None):
        cls, settings = AGENTS[request.param]
        agent = make_agent(cls, device="cuda", **settings)
        torch.manual_seed(3)
        np.random.seed(3)  # noqa: NPY002 - SB3's buffers draw from it
        return agent.learn(59 + steps, callback=callback)

    return train


def weights(agent) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in agent.policy.state_dict().items()}


def test_replayed_updates_learn_what_open_ones_learn(trained, monkeypatch):
    replayed = trained()
    assert replayed._update._captured
    monkeypatch.setattr(cuda_graphs, "anyone_listens", lambda: True)
    openly = trained()
    assert not openly._update._captured
    torch.testing.assert_close(weights(replayed), weights(openly), rtol=0, atol=1e-5)


def test_a_callback_sees_the_updates_it_measures_and_changes_nothing(trained, tmp_path):
    watch = ModalityDiagnostics(tmp_path / "run", gradients_every=20, features_every=20)
    watched, alone = trained(callback=watch), trained()
    assert watched._update._captured
    torch.testing.assert_close(weights(watched), weights(alone), rtol=0, atol=1e-5)
    assert watch.update == watched._n_updates
    lines = map(json.loads, (tmp_path / "run" / "measurements.jsonl").open())
    measured = {line["update"] for line in lines if any("gradient" in key for key in line)}
    assert {20, 40, 60, 80} <= measured


class Asking(CombinedExtractor):
    """Asks the device for a value amid its pass, which no graph can hold."""

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        features = super().forward(observations)
        return features * (2.0 if bool(features.abs().sum() > 1e9) else 1.0)


def test_passes_that_cannot_be_captured_go_on_in_the_open(make_agent, caplog):
    agent = make_agent(
        LeanSAC, device="cuda", policy_kwargs={"features_extractor_class": Asking}
    ).learn(90)
    assert not agent._update._captured
    assert "cannot be captured" in caplog.text
    assert all(torch.isfinite(value).all() for value in weights(agent).values())
