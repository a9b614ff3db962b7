"""Features in training mode beside those in evaluation mode: compared, and nothing is altered."""

import pytest
import torch
from helpers.policies import batch_of, policy_of
from stable_baselines3.common.torch_layers import CombinedExtractor
from torch import nn

from goalscope.probes import Network, alone_difference, mode_difference, view_networks
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.probes.isolation import evaluation_mode, isolated_generators

GOALS = ("achieved_goal.mode_difference", "desired_goal.mode_difference")


class Ending(CombinedExtractor):
    """Ends its encoder of images in one more module."""

    def __init__(self, space, end: nn.Module) -> None:
        super().__init__(space, cnn_output_dim=8)
        self.extractors["pixels"] = nn.Sequential(self.extractors["pixels"], end)


def critic_with(end: nn.Module) -> Network:
    options = {"features_extractor_class": Ending, "features_extractor_kwargs": {"end": end}}
    return view_networks(policy_of(**options))["critic"]


def difference(network: Network, rows: int = 64, seed: int = 0) -> dict[str, float]:
    observations = batch_of(rows).observations
    with torch.no_grad(), evaluation_mode(network.module):
        acted = network.fused_features(observations)
    with isolated_generators(seed):
        return {k: float(v) for k, v in mode_difference(network, observations, acted).items()}


def test_without_a_module_that_knows_modes_nothing_differs():
    found = difference(critic_with(nn.LayerNorm(8)))
    assert found == dict.fromkeys(("pixels.mode_difference", *GOALS), 0)


def test_the_difference_is_that_of_a_loop():
    network = critic_with(nn.Dropout(0.8))
    columns = network.block("pixels").columns
    observations = batch_of(64).observations
    extractor = network.extractor
    given = {**observations, "pixels": observations["pixels"] / 255}
    with torch.no_grad(), isolated_generators(3):
        acted = extractor.eval()(given)[:, columns].double()
        learnt = extractor.train()(given)[:, columns].double()
    squares = [
        (one - other) ** 2 for one, other in zip(learnt.flatten(), acted.flatten(), strict=True)
    ]
    spreads = [unit.var(correction=0) for unit in learnt.T]
    naive = (sum(squares) / len(squares) / (sum(spreads) / len(spreads))) ** 0.5
    found = difference(network, seed=3)
    assert found["pixels.mode_difference"] == pytest.approx(float(naive), rel=1e-4)
    assert found["pixels.mode_difference"] > 0.5
    assert {found[goal] for goal in GOALS} == {0}


@pytest.mark.parametrize(("momentum", "passes", "differs"), [(0.0, 200, True), (0.1, 200, False)])
def test_statistics_that_are_never_learnt_differ_and_learnt_ones_do_not(momentum, passes, differs):
    network = critic_with(nn.BatchNorm1d(8, momentum=momentum))
    observations = batch_of(256, seed=1).observations
    network.extractor.train()
    with torch.no_grad():
        for _ in range(passes):
            network.encode(observations, network.extractor)
    network.extractor.eval()
    found = difference(network, rows=128)["pixels.mode_difference"]
    assert (found > 0.5) == differs
    assert found < 0.3 or differs


def test_modes_and_statistics_stay_as_they_are():
    network = critic_with(nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.5)))
    parts = list(network.extractor.modules())
    for number, part in enumerate(parts):
        part.training = number % 2 == 0
    modes = [part.training for part in parts]
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    difference(network)
    assert [part.training for part in parts] == modes
    after = network.module.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


class Blank(nn.Module):
    """The same features for all, but for rounding."""

    def forward(self, features):
        return 3.0 + 1e-7 * features


def test_rounding_is_no_company():
    network = critic_with(Blank())
    observations = batch_of(64).observations
    with torch.no_grad(), evaluation_mode(network.module):
        together = network.fused_features(observations)
        found = alone_difference(network, observations, together)
    assert "pixels.alone_difference" not in found


class OverBatch(nn.Module):
    """Standardises features over whatever comes with them."""

    def forward(self, features):
        return (features - features.mean(dim=0)) / (features.std(dim=0) + 1e-5)


@pytest.mark.parametrize("end", [nn.LayerNorm(8), nn.BatchNorm1d(8), OverBatch()])
def test_features_that_need_company_are_told(end):
    network = critic_with(end)
    observations = batch_of(64).observations
    with torch.no_grad(), evaluation_mode(network.module):
        together = network.fused_features(observations)
        found = alone_difference(network, observations, together)
    companions = {key: values[:8] for key, values in observations.items()}
    with torch.no_grad(), evaluation_mode(network.module):
        columns = network.block("pixels").columns
        alone = [
            network.fused_features({k: v[row : row + 1] for k, v in companions.items()})[0, columns]
            for row in range(8)
        ]
    naive = torch.stack(alone).nan_to_num(0.0) - together[:8, columns]
    spread = together[:, columns].std(dim=0, correction=0).square().mean().sqrt()
    expected = naive.square().mean().sqrt() / spread
    assert found["pixels.alone_difference"] == pytest.approx(float(expected), abs=1e-5)
    assert (found["pixels.alone_difference"] > 0.5) == isinstance(end, OverBatch)
    assert {float(found[f"{goal}.alone_difference"]) < 1e-6 for goal in GOAL_KEYS} == {True}
