"""Plan files and presets, as a user types them; bad input in one line."""

import json

import pytest
from helpers.command import goalscope, refused

from goalscope.cli.plan import PlanError, find_plan, load_plan
from goalscope.cli.report import Report
from goalscope.cli.thresholds import kept_thresholds
from goalscope.training.runs.arms import find_arm

pytestmark = pytest.mark.usefixtures("few_figures", "few_in_short")

PLAN = """
arms = ["pixel-her", "pixel-her-norm"]
seeds = [3, 4]
[run]
env = "PixelPoint-v0"
image_size = 36
total_steps = 130
batch_size = 16
net_arch = [16]
fast = true
evaluation.every = 0
[thresholds]
goal_share = 0.2
early_updates = 20
success_marks = [0.4, 0.6]
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def test_a_plan_is_trained_and_its_thresholds_decide(plan, tmp_path, capsys):
    study = tmp_path / "study"
    done = goalscope("study", plan, "--out", study, "--seeds", 7, "--threads", 1)
    assert done.returncode == 0, done.stderr
    runs = {
        row["name"]: row["state"] for row in json.loads((study / "study.json").read_text())["runs"]
    }
    assert runs == {"pixel-her-seed7": "finished", "pixel-her-norm-seed7": "finished"}
    assert kept_thresholds(study).goal_share == 0.2
    compared = goalscope("compare", study, "--format", "md")
    assert compared.returncode == 0, compared.stderr
    verdict = json.loads((study / "comparison" / "verdict.json").read_text())
    assert verdict["thresholds"]["goal_share"] == 0.2
    assert verdict["windows"]["early"]["last"] == 20
    assert verdict["arms"] == ["pixel-her", "pixel-her-norm"]
    text = (study / "comparison" / "short" / "verdict.md").read_text()
    assert verdict["answer"] in text
    assert Report(study / "pixel-her-seed7").run() == 0
    assert "(updates 1 to 20)" in capsys.readouterr().out
    plan.write_text(PLAN.replace("0.2", "0.3"))
    refused(goalscope("study", plan, "--out", study, "--seeds", 7), "another plan")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("seeds", "sedes"), ["unknown key sedes", "did you mean seeds"]),
        (("image_size", "image_sise"), ["run.image_sise", "did you mean image_size"]),
        (("goal_share = 0.2", "goal_share = 2"), ["goal_share = 2 makes no sense"]),
        (("goal_share = 0.2", 'goal_share = "much"'), ["thresholds: goal_share: expected `float`"]),
        (("early_updates", "early"), ["thresholds.early"]),
        (("evaluation.every", "evaluation.often"), ["run.evaluation.often"]),
        (('["pixel-her", "pixel-her-norm"]', "[]"), ["arms: expected `list` of length >= 1"]),
        (("[3, 4]", '["a"]'), ["seeds[0]: expected `int`"]),
        (("[0.4, 0.6]", "[0.6, 0.4]"), ["success_marks"]),
        (("arms =", "arms"), ["is not TOML"]),
        (("total_steps = 130", 'total_steps = "many"'), ["total-steps"]),
        (('"pixel-her",', '"pixel-hor",'), ["did you mean pixel-her"]),
    ],
)
def test_plans_that_cannot_be_used(plan, tmp_path, change, says):
    plan.write_text(PLAN.replace(*change))
    refused(goalscope("study", plan, "--out", tmp_path / "study"), *says)
    assert not (tmp_path / "study" / "study.json").exists()


def test_a_plan_that_is_not_there(tmp_path):
    refused(goalscope("study", tmp_path / "no.toml", "--out", tmp_path / "s"), "cannot be read")


@pytest.mark.parametrize("name", ["assay", "demo", "ladder", "push"])
def test_presets_are_whole(name):
    plan = load_plan(find_plan(name))
    for arm in plan.arms:
        find_arm(arm)
    assert find_plan("pixel-her") is None


def test_an_unreadable_plan_is_an_error_of_its_own(tmp_path):
    (tmp_path / "plan.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PlanError, match="is not TOML"):
        load_plan(tmp_path / "plan.toml")
