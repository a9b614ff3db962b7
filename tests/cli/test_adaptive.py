"""`goalscope study --adaptive`: what it trains, what it says, and what it refuses beforehand."""

import json

import pytest
from helpers.command import TINY, goalscope, refused
from helpers.synthetic_runs import SHORT, write_arms

from goalscope.cli.plan import expand_plan, load_plan
from goalscope.diagnostics.record import read_run
from goalscope.diagnostics.record.metrics import SUCCESS_RATE

pytestmark = pytest.mark.usefixtures("few_figures")

EVALUATED = [*TINY[:-1], "60", "--evaluation.episodes", "2"]


def final_success(run):
    key = SUCCESS_RATE.key()
    return read_run(run).lines.with_metric(key)[-1].values[key]


@pytest.mark.slow
def test_a_study_is_looked_at_and_again_when_it_is_gone_on_with(tmp_path):
    study = tmp_path / "study"
    command = ["study", "pixel-her", "pixel-her-norm", "--seeds", *range(5), "--adaptive", 4]
    command += ["--out", study, *EVALUATED]
    done = goalscope(*command)
    assert done.returncode == 0, done.stderr
    decided = json.loads((study / "study.json").read_text())["adaptive"]
    assert decided["rule"]["arms"] == ["pixel-her", "pixel-her-norm"]
    first, *_ = decided["looks"]
    means = [
        sum(final_success(study / f"{arm}-seed{seed}") for seed in range(4)) / 4
        for arm in decided["rule"]["arms"]
    ]
    assert first["difference"] == pytest.approx(means[1] - means[0])
    assert "pixel-her-norm after 4 seeds: final success " in done.stdout
    assert (study / "pixel-her-seed4").exists() == (not first["settled"])
    again = goalscope(*command)
    assert again.returncode == 0, again.stderr
    assert json.loads((study / "study.json").read_text())["adaptive"] == decided


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([*EVALUATED, "--seeds", 0, 1, 2, "--adaptive", 2], "no permutation test can settle"),
        ([*TINY, "--adaptive", 4], "no step is evaluated"),
        ([*TINY[:-1], "500", "--adaptive", 4], "no step is evaluated"),
    ],
)
def test_what_can_settle_nothing_is_refused_before_anything_is_trained(tmp_path, flags, says):
    study = tmp_path / "study"
    refused(goalscope("study", "pixel-her", "pixel-her-norm", "--out", study, *flags), says)
    assert not study.exists()


def test_a_plan_may_say_so(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('arms = ["pixel-her", "pixel-her-norm"]\nadaptive = 4\n')
    assert load_plan(plan).adaptive == 4
    arguments = expand_plan([str(plan)])
    assert arguments[arguments.index("--adaptive") + 1] == "4"
    plan.write_text('arms = ["pixel-her", "pixel-her-norm"]\nadaptive = 0\n')
    refused(goalscope("study", plan, "--out", tmp_path / "study"), "adaptive: expected `int` >= 1")


def test_the_page_says_how_seeds_were_chosen(tmp_path):
    folders = write_arms(tmp_path, 2, SHORT)
    rows = [
        {"name": folder.name, "arm": arm, "seed": 0, "state": "finished", "cause": None}
        for folder in folders
        for arm in [folder.name[:-2]]
    ]
    rows.append({**rows[0], "name": "pixel-her-2", "state": "settled"})
    rule = {"arms": [*SHORT], "seeds": [0, 1, 2], "group": 2, "error_rate": 0.05}
    look = {"seeds": 2, "difference": 0.9, "p_value": 0.01, "level": 0.03, "settled": True}
    adaptive = {"rule": rule, "looks": [{**look, "arm": "pixel-her-norm"}]}
    content = {"schema": 1, "runs": rows, "adaptive": adaptive}
    (tmp_path / "study.json").write_text(json.dumps(content))
    done = goalscope("compare", tmp_path, "--out", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page" / "comparison.html").read_text()
    assert "as it was of pixel-her-norm (2 seeds)" in page
    assert "pixel-her-2" not in page
