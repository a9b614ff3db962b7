"""What LeanSAC's networks read is what SB3's preprocessing returns, bit for bit."""

from types import SimpleNamespace

import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import preprocess_obs
from torch import Tensor

from goalscope.probes.families import substituted_features
from goalscope.training.agents.lean_encoding import prepare

IMAGE = spaces.Box(0, 255, (3, 36, 36), "uint8")
SPACE = spaces.Dict(
    {"pixels": IMAGE, "goal": spaces.Box(-1, 1, (3,)), "task": spaces.Discrete(5)},
)


def observations() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "pixels": torch.randint(0, 256, (4, 3, 36, 36), dtype=torch.uint8, generator=generator),
        "goal": torch.rand(4, 3, generator=generator).double(),
        "task": torch.tensor([0, 4, 1, 1]),
    }


def reading(space: spaces.Space, normalize_images: bool = True) -> SimpleNamespace:
    return SimpleNamespace(observation_space=space, normalize_images=normalize_images)


@pytest.mark.parametrize("normalize_images", [True, False])
def test_prepared_observations_are_sb3s(normalize_images):
    prepared = prepare(observations(), reading(SPACE, normalize_images), torch.float32)
    expected = preprocess_obs(observations(), SPACE, normalize_images=normalize_images)
    torch.testing.assert_close(prepared, expected, rtol=0, atol=0)
    image = prepare(observations()["pixels"], reading(IMAGE, normalize_images), torch.float32)
    assert torch.equal(image, expected["pixels"])


def test_images_come_channels_last_and_in_the_precision_asked_for():
    for dtype in (torch.float32, torch.bfloat16):
        prepared = prepare(observations(), reading(SPACE), dtype)
        assert prepared["pixels"].is_contiguous(memory_format=torch.channels_last)
        assert prepared["pixels"].dtype == dtype
        assert prepared["goal"].dtype == torch.float32
    expected = preprocess_obs(observations(), SPACE)["pixels"].to(torch.bfloat16)
    assert torch.equal(prepared["pixels"], expected)


def test_the_callers_tensors_stay_even_where_nothing_is_to_be_converted():
    batch = observations()
    prepare(batch, reading(SPACE), torch.float32)
    torch.testing.assert_close(batch, observations(), rtol=0, atol=0)
    batch["pixels"] = batch["pixels"].float().contiguous(memory_format=torch.channels_last)
    prepare(batch, reading(SPACE), torch.float32)
    assert torch.equal(batch["pixels"], observations()["pixels"].float())


def test_substituted_features_end_with_the_block(make_agent):
    actor = make_agent().actor
    features = torch.zeros(2, actor.features_dim)
    with substituted_features(actor, features):
        assert actor.extract_features(None, actor.features_extractor) is features
    assert "extract_features" not in vars(actor)
