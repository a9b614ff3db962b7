"""The block finder on the extractors people use, and on those that would fool it."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, CombinedExtractor
from torch import Tensor, nn

from goalscope.probes import BlockError, find_blocks
from goalscope.probes.blocks import goal_columns
from goalscope.training import NormalizedCombinedExtractor

GOALS = {key: spaces.Box(-1, 1, (3,), np.float32) for key in ("achieved_goal", "desired_goal")}
IMAGE = spaces.Box(0, 255, (3, 36, 36), np.uint8)


def space_of(**images: spaces.Box) -> spaces.Dict:
    return spaces.Dict({**GOALS, **images})


def batch_of(space: spaces.Dict, rows: int = 4) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {k: torch.rand((rows, *s.shape), generator=generator) for k, s in space.items()}


def found(extractor: nn.Module, space: spaces.Dict) -> dict[str, list[int]]:
    return {b.name: b.columns.tolist() for b in find_blocks(extractor, batch_of(space))}


def test_combined_extractor_of_sb3():
    space = space_of(pixels=IMAGE)
    extractor = CombinedExtractor(space)
    blocks = {b.name: b for b in find_blocks(extractor, batch_of(space))}
    assert blocks["achieved_goal"].columns.tolist() == [0, 1, 2]
    assert blocks["desired_goal"].columns.tolist() == [3, 4, 5]
    assert blocks["pixels"].columns.tolist() == list(range(6, 262))
    assert blocks["desired_goal"].identity
    assert not blocks["pixels"].identity
    assert blocks["pixels"].ends_in == "ReLU"
    assert blocks["pixels"].normalisation is None
    assert len(blocks["pixels"].parameters) == len(list(extractor.parameters()))
    assert blocks["achieved_goal"].parameters == ()


def test_normalized_extractor_ends_in_a_normalised_tanh():
    space = space_of(pixels=IMAGE)
    extractor = NormalizedCombinedExtractor(space)
    pixels = {b.name: b for b in find_blocks(extractor, batch_of(space))}["pixels"]
    assert pixels.width == 50
    assert pixels.ends_in == "Tanh"
    assert pixels.normalisation is not None
    assert isinstance(extractor.get_submodule(pixels.normalisation), nn.LayerNorm)


def test_two_image_keys_are_two_blocks():
    space = space_of(front=IMAGE, wrist=IMAGE)
    extractor = CombinedExtractor(space, cnn_output_dim=16)
    assert found(extractor, space) == {
        "achieved_goal": [0, 1, 2],
        "desired_goal": [3, 4, 5],
        "front": list(range(6, 22)),
        "wrist": list(range(22, 38)),
    }


def test_frame_stack_is_one_block():
    space = space_of(pixels=spaces.Box(0, 255, (12, 36, 36), np.uint8))
    assert found(CombinedExtractor(space, 8), space)["pixels"] == list(range(6, 14))


class Permuted(CombinedExtractor):
    """Shuffles its output units."""

    order = torch.randperm(22, generator=torch.Generator().manual_seed(1))

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return super().forward(observations)[:, self.order]


def test_permuted_outputs_are_found_where_they_went():
    space = space_of(pixels=IMAGE)
    blocks = found(Permuted(space, cnn_output_dim=16), space)
    straight = {"achieved_goal": range(3), "desired_goal": range(3, 6), "pixels": range(6, 22)}
    for name, members in straight.items():
        assert blocks[name] == [i for i, source in enumerate(Permuted.order) if source in members]


class Mixing(BaseFeaturesExtractor):
    """One linear layer over both goals, and the achieved goal once more by itself."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, features_dim=7)
        self.mix = nn.Linear(6, 4)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        goals = torch.cat([observations["achieved_goal"], observations["desired_goal"]], dim=1)
        return torch.cat([self.mix(goals), observations["achieved_goal"]], dim=1)


def test_mixed_columns_form_a_block_named_as_mixed():
    blocks = {b.name: b for b in find_blocks(Mixing(space_of()), batch_of(space_of()))}
    assert blocks["achieved_goal+desired_goal"].columns.tolist() == [0, 1, 2, 3]
    assert blocks["achieved_goal+desired_goal"].mixed
    assert blocks["achieved_goal"].columns.tolist() == [4, 5, 6]
    assert goal_columns(tuple(blocks.values())).tolist() == [0, 1, 2, 3, 4, 5, 6]


class Hidden(BaseFeaturesExtractor):
    """Wires a gradient cannot see: dead units, a detached key, a factor of zero, a constant."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, features_dim=8)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        achieved, desired = observations["achieved_goal"], observations["desired_goal"]
        dead = torch.relu(achieved[:, :2] - 100)
        return torch.cat(
            [dead, desired.detach(), 0.0 * desired[:, :2], torch.ones(len(desired), 1)], dim=1
        )


def test_wires_without_a_gradient_are_found():
    assert found(Hidden(space_of()), space_of()) == {
        "achieved_goal": [0, 1],
        "desired_goal": [2, 3, 4, 5, 6],
        "constant": [7],
    }


class Cleaning(BaseFeaturesExtractor):
    """Replaces NaN by zero, so that only a changed value betrays the dependence."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, features_dim=3)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return observations["desired_goal"].nan_to_num()


def test_an_extractor_that_cleans_nans_away():
    assert found(Cleaning(space_of()), space_of()) == {"desired_goal": [0, 1, 2]}


class Running(BaseFeaturesExtractor):
    """Keeps running statistics and drops units."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, features_dim=3)
        self.net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        features: Tensor = self.net(observations["desired_goal"])
        return features


def test_looking_leaves_no_trace():
    extractor = Running(space_of()).train()
    before = {k: v.clone() for k, v in extractor.state_dict().items()}
    state = torch.get_rng_state()
    blocks = find_blocks(extractor, batch_of(space_of()))
    assert blocks[0].keys == ("desired_goal",)
    assert all(torch.equal(v, before[k]) for k, v in extractor.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in extractor.modules())
    assert not any(m._forward_hooks for m in extractor.modules())


class Broken(Cleaning):
    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return observations["desired_goal"] / 0 * 0


def test_non_finite_features_are_refused_in_one_line():
    with pytest.raises(BlockError, match="non-finite") as caught:
        find_blocks(Broken(space_of()), batch_of(space_of()))
    assert "\n" not in str(caught.value)
