"""Features kept of replay: the same batches, an image encoded about once, to the same bits."""

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

from goalscope.diagnostics.record.keys import LOSSES
from goalscope.diagnostics.updates.routing import RoutingWatch
from goalscope.diagnostics.updates.tap import Tap, TrackedUpdate
from goalscope.probes import view_networks
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


def test_each_transition_is_encoded_once_but_for_those_by_an_unfinished_episode(buffer_of):
    buffer, encoded = buffer_of(1), []
    kept = KeptFeatures(
        buffer, {"pixels": lambda images: encoded.append(len(images)) or images.float().flatten(1)}
    )
    for number, transition in enumerate(islice(Episodes(N_ENVS, 1, longest=9), 4 * ROWS)):
        buffer.add(**transition)
        if number >= 15:
            buffer.sample(1, None, kept)
    whole, single = (sum(n for n in encoded if (n > 1) is many) for many in (True, False))
    assert whole <= 2 * 4 * ROWS * N_ENVS
    assert 0 < single <= 2 * 4 * ROWS


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


def test_a_watch_sees_the_same_on_kept_features_and_what_the_encoder_makes_now(make_agent):
    kwargs = {"features_extractor_class": FusionExtractor}
    kwargs["features_extractor_kwargs"] = {"trunk": "drqv2"}
    settings = {**FROZEN, **SHARED, "policy_kwargs": kwargs}
    seen: dict[type, list[TrackedUpdate]] = {}
    for form in (ExtendedSAC, ExtendedLeanSAC):
        agent, failures = make_agent(of(form), **settings), []
        networks = view_networks(agent.policy)
        routing = RoutingWatch(agent, networks, failures.append)
        updates = seen[form] = []
        tap = Tap(networks, 0, lambda _: LOSSES, lambda: None, updates.append, failures.append)
        agent.learn(70)
        assert not failures
        tap.detach()
        routing.detach()
        rows = {(row["network"], row["group"]): row["target"] for row in routing.rows()}
        told = rows["critic_target", "encoder of pixels"]
        assert told == "equals the critic's encoder of pixels, which stands still"
    for stock, lean in zip(*seen.values(), strict=True):
        for name in ("actor", "critic", "critic_target"):
            raw = stock.passes[name].raw["pixels"]
            torch.testing.assert_close(lean.passes[name].raw["pixels"], raw, rtol=1e-3, atol=1e-5)
            normalised = torch.tanh(torch.nn.functional.layer_norm(raw, raw.shape[1:]))
            inputs = stock.passes[name].inputs
            assert any(  # gain and shift of the normalisation have learnt in the warm-up
                torch.allclose(normalised, inputs[:, first : first + raw.shape[1]], atol=0.05)
                for first in range(inputs.shape[1] - raw.shape[1] + 1)
            )
    first, *_, last = (update.passes["critic"].raw["pixels"] for update in seen[ExtendedSAC])
    assert not torch.equal(first, last)  # each of its own batch


def test_an_agent_whose_frozen_encoder_cannot_learn_is_refused(make_agent):
    with pytest.raises(ValueError, match="use inverse_dynamics=True"):
        make_agent(of(ExtendedSAC), encoder_frozen=True, **SHARED)


def test_features_are_made_anew_of_weights_that_were_loaded(make_agent):
    agent = make_agent(of(ExtendedLeanSAC), **FROZEN, **SHARED).learn(90)
    state = agent.get_parameters()
    for name, value in state["policy"].items():
        if name.startswith("critic.features_extractor."):
            state["policy"][name] = value + 0.1
    agent.set_parameters(state)
    np.random.seed(3)  # noqa: NPY002 - replay draws from it
    features = agent._sample(32).observations["pixels"]
    np.random.seed(3)  # noqa: NPY002
    images = agent.replay_buffer.sample(32).observations["pixels"]
    with torch.no_grad():
        expected = agent._inverse.encoders["pixels"](images)
    torch.testing.assert_close(features, expected)


def test_shifted_images_have_no_kept_features(point):
    shapes = (ROWS * N_ENVS, space(1), ACTIONS, point, "cpu", N_ENVS)
    buffer = SharedFrameHerReplayBuffer(*shapes, random_shift=2)
    for transition in islice(Episodes(N_ENVS, 1, longest=9), 30):
        buffer.add(**transition)
    with pytest.raises(ValueError, match="no random shift"):
        buffer.sample(8, None, kept_of(buffer, 1))
