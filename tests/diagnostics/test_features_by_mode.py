"""Features where the agent learns beside where it acts: measured of real runs, unaltered."""

import pytest
from helpers.identity import assert_identical, generators, trained
from helpers.transition_runs import context_of
from stable_baselines3.common.torch_layers import CombinedExtractor
from torch import nn

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.instruments.transitions import TransitionInstrument
from goalscope.diagnostics.updates.schedule import Schedule


class Ending(CombinedExtractor):
    """Ends its encoder of images in more modules."""

    def __init__(self, space, ends):
        super().__init__(space, cnn_output_dim=16)
        encoder = self.extractors["pixels"]
        self.extractors["pixels"] = nn.Sequential(encoder, *(make() for make in ends))


def ending(*ends):
    kwargs = {"features_extractor_kwargs": {"ends": ends}}
    return {"policy_kwargs": {"features_extractor_class": Ending, **kwargs}}


def batch_norm():
    return nn.BatchNorm1d(16)


def unlearnt():
    return nn.BatchNorm1d(16, momentum=0.0)


def test_dropout_and_statistics_of_batches_stay_as_they_are(make_agent, tmp_path):
    settings = ending(batch_norm, nn.Dropout)
    plain = trained(make_agent, None, **settings)
    left = generators()
    callback = ModalityDiagnostics(tmp_path / "run", features_every=1, sensitivity_every=1)
    watched = trained(make_agent, callback, **settings)
    assert callback.failures == {}
    assert generators() == left
    assert_identical(plain, watched)


@pytest.mark.parametrize(
    ("ends", "differs"), [((), False), ((nn.Dropout,), True), ((unlearnt,), True)]
)
def test_what_the_mode_changes_is_measured_of_both_networks(make_agent, ends, differs):
    agent = trained(make_agent, None, **ending(*ends))
    found = TransitionInstrument(Schedule(1)).measure(context_of(agent))
    differences = {key: float(v) for key, v in found.items() if key.endswith("mode_difference")}
    for network in ("critic", "actor"):
        assert (differences[f"transitions/{network}.pixels.mode_difference"] > 0.5) == differs
        assert differences[f"transitions/{network}.desired_goal.mode_difference"] == 0
    assert differs or set(differences.values()) == {0}
