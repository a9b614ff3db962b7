"""Each algorithm trains, is watched, and goes on bit for bit; what does not go with it is said."""

from dataclasses import replace

import pytest
import torch
from conftest import POINT
from safetensors.torch import load_file

from goalscope.diagnostics.record import read_run
from goalscope.training.runs.checkpoint.folder import list_checkpoints
from goalscope.training.runs.configuration import settings_of
from goalscope.training.runs.run import make_probe_set, train
from goalscope.training.runs.settings import (
    Cadence,
    EvaluationSettings,
    RunSettings,
    SettingsError,
)
from goalscope.training.runs.validation import check


@pytest.fixture(scope="module")
def probe_set(tmp_path_factory):
    path = tmp_path_factory.mktemp("probe") / "probe_set.safetensors"
    make_probe_set(POINT).save(path)
    return path


def settings(out, algorithm, **changes) -> RunSettings:
    given = RunSettings(
        arm="pixel-her",
        out=out,
        algorithm=algorithm,
        total_steps=72,
        learning_starts=48,
        batch_size=16,
        net_arch=(16,),
        env=POINT.id,
        image_size=POINT.image_size,
        every=Cadence(sensitivity=50),
        evaluation=EvaluationSettings(every=0),
        threads=1,
        device="cpu",
    )
    if algorithm == "ppo":
        given = replace(given, arm="plain", learning_starts=24)
    else:
        given = replace(given, buffer_size=96)
    return replace(given, **changes)


def last_state(folder) -> dict[str, torch.Tensor]:
    last = list_checkpoints(folder)[-1].folder
    return {
        **load_file(last / "policy.safetensors"),
        **load_file(last / "resume/state.safetensors"),
    }


@pytest.mark.parametrize(("algorithm", "cut_at"), [("td3", 60), ("tqc", 60), ("ppo", 48)])
def test_a_run_that_goes_on_equals_one_that_was_never_cut(algorithm, cut_at, tmp_path, probe_set):
    whole = settings(tmp_path / "whole", algorithm, probe_set=probe_set)
    train(whole)
    for steps in (cut_at, 72):
        train(replace(whole, out=tmp_path / "cut", total_steps=steps))
    expected, found = last_state(tmp_path / "whole"), last_state(tmp_path / "cut")
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
    for name in ("whole", "cut"):
        assert [line for line in read_run(tmp_path / name).lines if line.event == "failure"] == []
    last = list_checkpoints(tmp_path / "whole")[-1]
    assert last.content["update"] == max(line.update for line in read_run(tmp_path / "whole").lines)
    described = settings_of(last.content["configuration"], tmp_path / "whole")
    assert described.algorithm == algorithm


@pytest.mark.parametrize(
    ("algorithm", "changes", "says"),
    [
        ("ppo", {"arm": "pixel-her"}, "hindsight.*the arm plain"),
        ("ppo", {"buffer_size": 500}, "--buffer-size goes with sac and td3 and tqc"),
        ("ppo", {"gradient_steps": 2}, "--gradient-steps"),
        ("ppo", {"tau": 0.1}, "target critic"),
        ("ppo", {"batch_size": 64}, "24 steps at a time"),
        ("ppo", {"ent_coef": "0.1"}, "entropy coefficient goes with sac and tqc"),
        ("td3", {"ent_coef": "0.1"}, "entropy coefficient goes with sac and tqc"),
        ("td3", {"arm": "pixel-her+explore"}, "explore.* goes with sac alone"),
        ("tqc", {"arm": "pixel-her+critic-encoder"}, "a critic encoder goes with sac alone"),
        ("tqc", {"fast": True}, "--fast goes with sac alone"),
    ],
)
def test_what_does_not_go_with_an_algorithm_is_refused(tmp_path, algorithm, changes, says):
    check(settings(tmp_path, algorithm))
    with pytest.raises(SettingsError, match=says):
        check(settings(tmp_path, algorithm, **changes))


def test_drqs_shift_and_a_shared_encoder_go_with_td3_and_tqc(tmp_path):
    for algorithm in ("td3", "tqc"):
        check(settings(tmp_path, algorithm, arm="pixel-her-drq+share"))
