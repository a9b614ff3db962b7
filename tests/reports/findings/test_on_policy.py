"""The diagnosis of an agent without replay: its shared encoder is judged by the joint loss."""

import pytest
from gymnasium import make
from gymnasium.wrappers import FilterObservation
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import CombinedExtractor

from goalscope import ModalityDiagnostics
from goalscope.reports.findings.diagnosis import diagnose
from goalscope.reports.numbers.runs import load_run


class Detached(CombinedExtractor):
    def forward(self, observations):
        return super().forward(observations).detach()


@pytest.fixture(scope="module", params=[CombinedExtractor, Detached])
def diagnosis(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ppo") / "run"
    env = make("goalscope.training.envs.making:PixelPoint-v0", image_size=36, proprioception=True)
    policy = {"features_extractor_class": request.param}
    model = PPO(
        "MultiInputPolicy",
        FilterObservation(env, ["pixels", "proprioception"]),
        n_steps=48,
        batch_size=8,
        n_epochs=10,
        policy_kwargs=policy,
        seed=0,
    )
    model.learn(96, callback=ModalityDiagnostics(folder))
    return request.param, diagnose(load_run(folder))


def test_an_encoder_that_both_losses_train_is_judged(diagnosis):
    extractor, found = diagnosis
    named = [finding.check.name for finding in found.findings]
    quiet = {check.name for check in found.quiet}
    if extractor is Detached:
        assert named == ["encoder_without_gradient"]
    else:
        assert named == []
        assert {"encoder_without_gradient", "encoder_not_moving"} <= quiet


def test_what_is_of_replay_is_not_asked_and_says_so(diagnosis):
    _, found = diagnosis
    reasons = {c.name: why for why, checks in found.impossible.items() for c in checks}
    assert "the agent keeps none" in reasons["images_differ_in_replay"]


def test_the_environment_is_named(diagnosis):
    assert "PixelPoint-v0" in diagnosis[1].run.environment
