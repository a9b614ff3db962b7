"""The block finder on extractors that draw, refuse NaN, hand on, and on keys of any name."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, CombinedExtractor
from torch import Tensor, nn

from goalscope.probes import find_blocks
from goalscope.probes.blocks import Block, key_name

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
SPACE = spaces.Dict(achieved_goal=VECTOR, desired_goal=VECTOR)


def found(extractor: nn.Module, space: spaces.Dict = SPACE) -> dict[str, Block]:
    generator = torch.Generator().manual_seed(0)
    batch = {k: torch.rand((4, *s.shape), generator=generator) for k, s in space.items()}
    return {block.name: block for block in find_blocks(extractor, batch)}


class Drawing(BaseFeaturesExtractor):
    """Draws the code of each goal, as a variational encoder does."""

    def __init__(self, checked: bool) -> None:
        super().__init__(SPACE, features_dim=8)
        self.encoders = nn.ModuleDict({key: nn.Linear(3, 8) for key in SPACE.spaces})
        self.checked = checked

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        codes = []
        for key, encoder in self.encoders.items():
            mean, log_std = encoder(observations[key]).chunk(2, dim=1)
            law = torch.distributions.Normal(mean, log_std.exp(), validate_args=self.checked)
            codes.append(law.rsample())
        return torch.cat(codes, dim=1)


@pytest.mark.parametrize("checked", [False, True], ids=["takes NaN", "refuses NaN"])
def test_an_extractor_that_draws_is_taken_apart(checked):
    extractor = Drawing(checked)
    state = torch.get_rng_state()
    blocks = found(extractor)
    assert torch.equal(torch.get_rng_state(), state)
    assert {name: block.columns.tolist() for name, block in blocks.items()} == {
        "achieved_goal": [0, 1, 2, 3],
        "desired_goal": [4, 5, 6, 7],
    }
    assert blocks["desired_goal"].parameters == (
        "encoders.desired_goal.weight",
        "encoders.desired_goal.bias",
    )


class Embedding(BaseFeaturesExtractor):
    """Looks a whole number up, which NaN is not."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, features_dim=4)
        self.table = nn.Embedding(2, 4)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        places = observations["desired_goal"][:, 0] > 0.4
        if observations["desired_goal"].isnan().any():
            raise IndexError("index out of range in self")
        features: Tensor = self.table(places.long())
        return features


def test_an_extractor_that_refuses_nan_is_asked_by_exchange():
    blocks = found(Embedding(SPACE))
    assert {name: b.parameters for name, b in blocks.items()} == {"desired_goal": ("table.weight",)}


class Ending(CombinedExtractor):
    """Encodes the desired goal with what it is given."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(SPACE)
        self.extractors["desired_goal"] = nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("layers", "ends_in", "normalisation"),
    [
        ((nn.Linear(3, 3), nn.LayerNorm(3), nn.Tanh()), "Tanh", "1"),
        ((nn.Linear(3, 3), nn.LayerNorm(3), nn.Tanh(), nn.Identity()), "Tanh", "1"),
        ((nn.Linear(3, 3), nn.LayerNorm(3), nn.Tanh(), nn.Dropout(0.5)), "Tanh", "1"),
        ((nn.Linear(3, 3), nn.LayerNorm(3), nn.Dropout(0.5), nn.Tanh()), "Tanh", "1"),
        ((nn.Linear(3, 3), nn.LayerNorm(3), nn.Identity()), "LayerNorm", "1"),
        ((nn.LayerNorm(3), nn.Linear(3, 3)), "Linear", None),
        ((nn.LayerNorm(3), nn.Linear(3, 3), nn.Tanh()), "Tanh", None),
        ((nn.LayerNorm(3), nn.PReLU(3)), "PReLU", "0"),
    ],
)
def test_what_an_encoder_ends_in(layers, ends_in, normalisation):
    block = found(Ending(*layers))["desired_goal"]
    assert block.ends_in == ends_in
    where = None if normalisation is None else f"extractors.desired_goal.{normalisation}"
    assert block.normalisation == where


class Joined(BaseFeaturesExtractor):
    """Every vector as it is."""

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return torch.cat(list(observations.values()), dim=1)


def test_keys_of_any_name_have_blocks_of_their_own():
    keys = ("goal", "action", "constant", "key_goal", "pixels_raw", "a.b", "a/b", "a+b", "pixels")
    space = spaces.Dict({**SPACE.spaces, **dict.fromkeys(keys, VECTOR)})
    blocks = found(Joined(space, features_dim=33), space)
    assert len(blocks) == len(keys) + 2
    assert not {"goal", "action", "constant", "pixels_raw"} & set(blocks)
    assert blocks["key_goal"].keys == ("goal",)
    assert blocks["key_key_goal"].keys == ("key_goal",)
    assert not any(set(name) & set("/.+") for name in blocks)
    assert key_name("desired_goal") == "desired_goal"
