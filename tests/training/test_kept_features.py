"""Features kept of replay: the same batches, each image encoded once, always to the same bits."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import POINT
from helpers.replay_streams import ACTIONS, Episodes, space
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import Tensor, nn

from goalscope.training.agents.critic_encoder import CriticEncoderPolicy, DecoupledPolicy
from goalscope.training.agents.extended_sac import ExtendedLeanSAC, ExtendedSAC
from goalscope.training.agents.extractors import FusionExtractor
from goalscope.training.replay import SharedFrameHerReplayBuffer
from goalscope.training.replay.kept_features import KeptFeatures
from goalscope.training.runs.settings import RunSettings, SettingsError
from goalscope.training.runs.validation import check

ROWS, N_ENVS = 40, 2
FROZEN = {"inverse_dynamics": True, "encoder_warmup": 20, "encoder_frozen": True}
SHARED = {
    "replay_buffer_class": SharedFrameHerReplayBuffer,
    "policy_kwargs": {"features_extractor_class": FusionExtractor},
}


def encoder(channels: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 5))


def kept_of(buffer: SharedFrameHerReplayBuffer, stack: int) -> KeptFeatures:
    net = encoder(stack)
    return KeptFeatures(buffer, {"pixels": lambda images: net(images.float() / 255)})


def drawn(buffer, *args):
    np.random.seed(3)  # noqa: NPY002 - replay draws from it
    return buffer.sample(64, None, *args)


@pytest.fixture
def buffer_of(point: DummyVecEnv):
    def make(stack: int) -> SharedFrameHerReplayBuffer:
        shapes = (ROWS * N_ENVS, space(stack), ACTIONS, point, "cpu", N_ENVS)
        return SharedFrameHerReplayBuffer(*shapes, frame_stack=stack)

    return make


@pytest.mark.parametrize("stack", [1, 3])
def test_batches_are_the_same_but_for_features_in_the_images_place(buffer_of, stack):
    buffer, net = buffer_of(stack), encoder(stack)
    kept = kept_of(buffer, stack)
    for number, transition in enumerate(islice(Episodes(N_ENVS, stack, longest=9), 150)):
        buffer.add(**transition)  # three times round the ring
        if number < 15 or number % 7:
            continue
        images, features = drawn(buffer), drawn(buffer, kept)
        for part in ("observations", "next_observations"):
            plain, encoded = getattr(images, part), getattr(features, part)
            with torch.no_grad():
                expected = net(plain.pop("pixels").float() / 255)
            torch.testing.assert_close(encoded.pop("pixels"), expected)
            torch.testing.assert_close(encoded, plain, rtol=0, atol=0)
        for part in ("actions", "rewards", "dones"):
            assert torch.equal(getattr(images, part), getattr(features, part))


def test_features_have_the_same_bits_whenever_they_are_asked_for(buffer_of):
    buffer = buffer_of(1)
    early = kept_of(buffer, 1)
    for number, transition in enumerate(islice(Episodes(N_ENVS, 1, longest=9), 110)):
        buffer.add(**transition)
        if number >= 15:
            drawn(buffer, early)
    for part in ("observations", "next_observations"):
        asked, late = (getattr(drawn(buffer, kept), part) for kept in (early, kept_of(buffer, 1)))
        assert torch.equal(asked["pixels"], late["pixels"])


def test_each_transition_is_encoded_about_once(buffer_of):
    buffer, encoded = buffer_of(1), []
    kept = KeptFeatures(
        buffer, {"pixels": lambda images: encoded.append(len(images)) or images.float().flatten(1)}
    )
    for transition in islice(Episodes(N_ENVS, 1, longest=9), ROWS):
        buffer.add(**transition)
    for _ in range(50):
        buffer.sample(64, None, kept)
    assert sum(encoded) == 2 * ROWS * N_ENVS


def of(form: type[ExtendedSAC], policy: type[CriticEncoderPolicy] = DecoupledPolicy) -> Any:
    return lambda _, env, **settings: form(policy, env, **settings)


def weights(agent: ExtendedSAC) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in agent.policy.state_dict().items()}


@pytest.mark.parametrize("form", [ExtendedSAC, ExtendedLeanSAC])
def test_a_frozen_encoder_learns_in_its_warm_up_alone(make_agent, form):
    agent = make_agent(of(form), **FROZEN, **SHARED)
    fresh = weights(agent)
    warm: list[dict[str, Tensor]] = []
    agent.critic.optimizer.register_step_pre_hook(lambda *_: warm.append(weights(agent)))
    agent.learn(90)
    after = weights(agent)
    names = [name for name in after if name.startswith("critic.features_extractor.")]
    assert names
    for name in names:
        assert torch.equal(after[name], warm[0][name]), name
        assert not torch.equal(after[name], fresh[name]), name


def test_updates_on_kept_features_are_those_on_images(make_agent):
    agents = [
        make_agent(of(form), **FROZEN, **SHARED).learn(90)
        for form in (ExtendedSAC, ExtendedLeanSAC)
    ]
    assert agents[1]._kept is not None
    torch.testing.assert_close(*map(weights, agents), rtol=1e-3, atol=1e-5)


def test_a_frozen_encoder_is_one_that_no_loss_trains(make_agent):
    with pytest.raises(ValueError, match="use DecoupledPolicy"):
        make_agent(of(ExtendedSAC, CriticEncoderPolicy), **FROZEN)
    settings = RunSettings(
        "pixel-her+inverse-dynamics+frozen-encoder", Path("run"), env=POINT.id, image_size=36
    )
    with pytest.raises(SettingsError, match="add decoupled-encoder"):
        check(settings)
