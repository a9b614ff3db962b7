"""The read-out against scikit-learn, and contents that are known."""

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces
from helpers.policies import Mixing, policy_of
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, CombinedExtractor
from stable_baselines3.td3.policies import MultiInputPolicy as TD3Policy
from torch import Tensor, nn

from goalscope.probes import (
    LabelledSet,
    content_readout,
    fresh_copy,
    next_goal_prediction,
    ridge_readout,
    view_networks,
)

PENALTIES = [0.01, 0.1, 1, 10, 100, 1e3, 1e4, 1e5, 1e6]
EPISODES = np.repeat(np.arange(13) * 7, 11)  # 13 episodes of 11 rows; four are held out


def noisy_linear(seed: int, noise: float, units: int = 20):
    generator = np.random.default_rng(seed)
    features = generator.normal(3, generator.uniform(0.1, 9, units), (len(EPISODES), units))
    weights = generator.normal(size=(units, 3)) / features.std(axis=0)[:, None]
    target = features @ weights + noise * generator.normal(size=(len(EPISODES), 3))
    return features.astype(np.float32), target


@pytest.mark.parametrize("noise", [0.1, 3, 30])
@pytest.mark.parametrize("units", [20, 200])
def test_it_equals_scikit_learn_on_the_same_split(noise, units):
    features, target = noisy_linear(0, noise, units)
    result = ridge_readout(features, target, EPISODES)
    train = EPISODES < 9 * 7
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge(solver="svd")),
        {"ridge__alpha": PENALTIES},
        scoring="neg_mean_squared_error",
        cv=GroupKFold(5),
    ).fit(features[train].astype(float), target[train], groups=EPISODES[train])
    told, truth = search.predict(features[~train].astype(float)), target[~train]
    assert result.penalty == pytest.approx(search.best_params_["ridge__alpha"])
    expected = r2_score(truth, told, multioutput="variance_weighted")
    assert result.r2 == pytest.approx(expected, abs=1e-6)
    error = math.sqrt(sum(math.dist(a, b) ** 2 for a, b in zip(told, truth, strict=True)) / 44)
    assert result.error == pytest.approx(error, rel=1e-5)


def test_what_is_linear_is_read_and_what_is_noise_is_not():
    features, target = noisy_linear(1, 0)
    exact = ridge_readout(features, target, EPISODES)
    assert exact.r2 == pytest.approx(1, abs=1e-5)
    assert exact.error < 0.02
    noise = np.random.default_rng(2).normal(size=target.shape)
    nothing = ridge_readout(features, noise, EPISODES)
    assert nothing.r2 < 0.05
    assert nothing.error == pytest.approx(math.sqrt(3), rel=0.15)


def test_a_constant_target_has_no_r2_and_its_error_is_its_miss():
    features, target = noisy_linear(1, 0)
    result = ridge_readout(features, np.full_like(target, 0.42), EPISODES)
    assert math.isnan(result.r2)
    assert result.error == pytest.approx(0, abs=1e-9)


def test_a_unit_that_is_constant_but_for_rounding_tells_nothing():
    features, target = noisy_linear(1, 0)
    constant = np.full((len(features), 1), 100, np.float32)
    constant[::2] = np.nextafter(constant[::2], 101)
    leaking = (constant[:, :1] > 100).astype(float)
    assert ridge_readout(constant, leaking, EPISODES).r2 <= 0
    with_it = ridge_readout(np.concatenate([features, constant], axis=1), target, EPISODES)
    assert with_it.r2 == pytest.approx(ridge_readout(features, target, EPISODES).r2, abs=1e-9)


def test_features_that_are_no_numbers_and_too_few_episodes():
    features, target = noisy_linear(1, 0)
    features[5, 3] = np.inf
    assert math.isnan(ridge_readout(features, target, EPISODES).r2)
    with pytest.raises(ValueError, match="needs three, not 2"):
        ridge_readout(features[:22], target[:22], EPISODES[:22])
    assert ridge_readout(features[:33], target[:33], EPISODES[:33]).r2 != 0  # three will do


def scene() -> LabelledSet:
    """Return images of a bright square, whose place is the target; 12 episodes of 20 steps."""
    generator = np.random.default_rng(0)
    rows = 240
    places = generator.uniform(0, 1, (rows, 2))
    images = np.zeros((rows, 3, 36, 36), np.uint8)
    ys, xs = np.mgrid[:36, :36]
    for image, (x, y) in zip(images, places, strict=True):
        image[0] = 255 * np.exp(-((xs - 30 * x - 3) ** 2 + (ys - 30 * y - 3) ** 2) / 60)
    previous = np.maximum(np.arange(rows) - 1, np.arange(rows) // 20 * 20)
    achieved = generator.normal(size=(rows, 3)).astype(np.float32)
    actions = generator.uniform(-1, 1, (rows, 4)).astype(np.float32)
    velocity = np.repeat(generator.normal(size=(12, 3)), 20, axis=0)
    return LabelledSet(
        observations={
            "pixels": images,
            "achieved_goal": achieved,
            "desired_goal": np.ones((rows, 3), np.float32),
        },
        actions=actions,
        episodes=np.arange(rows) // 20,
        targets={"object": places * 0.3, "object_velocity": velocity},
        next_achieved=achieved + 0.03 * actions[:, :3],
        previous=previous,
    )


@pytest.mark.parametrize("cls", [None, TD3Policy])
def test_content_is_the_read_out_of_the_image_block_and_of_two_references(cls):
    policy, labelled = policy_of(*([cls] if cls else [])), scene()
    critic = view_networks(policy)["critic"]
    fresh = fresh_copy(critic, seed=1)
    results = content_readout(critic, fresh, labelled, "cm", 100)
    names = [
        f"critic.pixels.{prefix}{name}"
        for prefix in ("", "fresh_", "raw_")
        for name in ("object_r2", "object_cm", "object_velocity_r2", "object_velocity_cm_per_s")
    ]
    assert sorted(results) == sorted(names)
    assert all(type(value) is float for value in results.values())

    observations = {k: torch.from_numpy(v) for k, v in labelled.observations.items()}
    columns = critic.block("pixels").columns
    with torch.no_grad():
        encoded = {
            "": critic.fused_features(observations)[:, columns].numpy(),
            "fresh_": fresh.fused_features(observations)[:, columns].numpy(),
        }
    blocks = labelled.observations["pixels"].reshape(240, 3, 12, 3, 12, 3) / 255
    encoded["raw_"] = blocks.mean(axis=(3, 5)).reshape(240, -1)
    for prefix, features in encoded.items():
        for target, unit in (("object", "cm"), ("object_velocity", "cm_per_s")):
            truth = labelled.targets[target]
            expected = ridge_readout(features, truth, labelled.episodes)
            key = f"critic.pixels.{prefix}{target}"
            assert results[f"{key}_r2"] == pytest.approx(expected.r2, abs=1e-4)
            assert results[f"{key}_{unit}"] == pytest.approx(expected.error * 100, rel=1e-4)
    assert results["critic.pixels.raw_object_r2"] > 0.95
    assert results["critic.pixels.raw_object_cm"] < 3
    assert results["critic.pixels.object_velocity_r2"] < 0.2  # one image does not show it


def test_without_a_fresh_copy_or_an_image_block_there_is_less():
    labelled = scene()
    results = content_readout(view_networks(policy_of())["critic"], None, labelled)
    assert len(results) == 8
    assert not any("fresh_" in key for key in results)
    mixing = view_networks(policy_of(features_extractor_class=Mixing))["critic"]
    assert content_readout(mixing, None, labelled) == {}


def test_the_next_goal_is_predicted_from_what_decides_it():
    labelled = scene()
    critic = view_networks(policy_of(features_extractor_kwargs={"cnn_output_dim": 16}))["critic"]
    results = next_goal_prediction(critic, labelled, {})
    assert results["critic.features.next_goal_r2"] == pytest.approx(1, abs=0.01)

    achieved = labelled.observations["achieved_goal"]
    hidden = np.random.default_rng(3).normal(size=(240, 2, 3))
    moved = 0.03 * labelled.actions[:, :3] + 0.1 * hidden[:, 0]
    from_before = 0.1 * achieved[labelled.previous]
    for change, name in ((moved, "with_hidden"), (from_before, "with_previous")):
        other = LabelledSet(**{**vars(labelled), "next_achieved": achieved + change})
        results = next_goal_prediction(critic, other, {"hidden": hidden})
        assert set(results) == {
            "critic.features.next_goal_r2",
            "critic.features.next_goal_with_previous_r2",
            "critic.features.next_goal_with_hidden_r2",
        }
        for key, value in results.items():
            assert (value > 0.95) == (name in key), (name, key, value)


class Normalised(CombinedExtractor):
    """Ends in a batch normalisation, which keeps statistics."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, cnn_output_dim=8)
        self.extractors["pixels"] = nn.Sequential(self.extractors["pixels"], nn.BatchNorm1d(8))


def test_a_fresh_copy_is_fresh_and_the_original_is_not_touched():
    policy = policy_of(features_extractor_class=Normalised)
    policy.train()
    critic = view_networks(policy)["critic"]
    norm = critic.extractor.extractors["pixels"][1]
    norm.running_mean += 5
    before = {k: v.clone() for k, v in policy.state_dict().items()}
    state = torch.get_rng_state()
    copies = [fresh_copy(critic, seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, before[k]) for k, v in policy.state_dict().items())
    first, again, other = (dict(copy.extractor.state_dict()) for copy in copies)
    for key, value in first.items():
        assert torch.equal(value, again[key])
        if key.endswith(".weight") and value.ndim > 1:
            assert not torch.equal(value, other[key])
            assert not torch.equal(value, critic.extractor.state_dict()[key])
            bound = 1 / math.sqrt(value[0].numel())  # torch's default, by fan-in
            assert value.abs().max() <= bound
            assert value.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
    assert (copies[0].extractor.extractors["pixels"][1].running_mean == 0).all()
    assert copies[0].extractor is not critic.extractor is policy.critic.features_extractor
    assert copies[0].module.q_networks is critic.module.q_networks


class Offset(BaseFeaturesExtractor):
    """Holds a parameter that nothing re-initialises."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, features_dim=3)
        self.offset = nn.Parameter(torch.zeros(3))

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return observations["desired_goal"] + self.offset


def test_a_copy_that_would_keep_what_was_learnt_is_refused():
    critic = view_networks(policy_of(features_extractor_class=Offset))["critic"]
    with pytest.raises(ValueError, match=r"Offset .* no reset_parameters"):
        fresh_copy(critic, seed=0)


def test_measuring_leaves_everything_as_it_was():
    policy, labelled = policy_of(), scene()
    policy.train()
    critic = view_networks(policy)["critic"]
    before = {k: v.clone() for k, v in policy.state_dict().items()}
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    content_readout(critic, fresh_copy(critic, 0), labelled)
    next_goal_prediction(critic, labelled, {})
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert all(torch.equal(v, before[k]) for k, v in policy.state_dict().items())
    assert all(module.training for module in policy.modules())
    assert all(p.grad is None for p in policy.parameters())
