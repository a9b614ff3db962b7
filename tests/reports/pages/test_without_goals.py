"""The page of a run that observes no goals: no word of them, nothing empty, its own question."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from helpers.command import TINY, goalscope
from helpers.pages import check_self_contained
from helpers.synthetic_runs import BASELINE, write_run

from goalscope.diagnostics.record import read_run
from goalscope.reports import write_comparison, write_report
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.windows import four_times
from goalscope.reports.text.inputs import input_sentences

QUESTION = "Which of its inputs does this policy use, learn from and hear?"


@pytest.fixture(scope="module")
def pixels_alone(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "reach"
    done = goalscope(
        "train",
        "reach-pixel",
        *TINY,
        "--env",
        "FetchReach-v4",
        "--every.sensitivity",
        "10",
        "--out",
        out,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_all_that_needs_no_goal_is_measured(pixels_alone):
    record = read_run(pixels_alone)
    families = {key.partition("/")[0] for line in record.measurements for key in line.values}
    measured = {"features", "signal", "gradient", "training", "transitions"}
    assert families == measured | {"sensitivity", "sensitivity_replay", "observation"}
    assert not [line for line in record.lines if line.event == "failure"]
    keys = {key for line in record.measurements for key in line.values}
    assert {"sensitivity/critic.pixels.q_swap", "sensitivity/actor.pixels.action_swap"} <= keys


def test_the_page_asks_about_inputs_and_speaks_of_no_goal(pixels_alone):
    report = write_report(pixels_alone)
    text = check_self_contained(report.page)
    assert QUESTION in text
    assert "Does the policy see its goal?" not in text
    said = " ".join((*report.sentences, *report.warnings))
    assert not re.search(r"goal|drowned|measured nothing", said)
    assert "The critic's first layer hears pixels alone." in said
    assert "The actor's encoder of pixels moves by" in said
    figures = set(re.findall(r'<figure id="(\w+)"', text))
    assert {"gradient_sizes", "features", "training", "input_sensitivity"} <= figures
    assert re.search(r"in the place of its own moves Q by [\d.]+ \(pixels\) standard", said)
    # of one block alone every share is all, and of no goal there is no sensitivity
    assert not figures & {"forward_signal", "gradient_shares", "goal_sensitivity", "q_distance"}
    captions = " ".join(re.findall(r"<figcaption>(.*?)</figcaption>", text, re.S))
    assert "goal" not in captions


def test_several_inputs_have_their_shares_the_loudest_first(tmp_path):
    run = load_run(write_run(tmp_path / "run", kind=BASELINE))
    critic = input_sentences(run, four_times([run]))[-1]
    shares = re.search(r"The critic's first layer hears ([^.]*(?:\.\d[^.]*)*)\. ", critic)
    numbers = [float(n) for n in re.findall(r"([\d.]+) %", shares.group(1))]
    assert len(numbers) > 1
    assert numbers == sorted(numbers, reverse=True)
    assert "pixels" in shares.group(1)


def test_one_goal_vector_alone_is_not_counted_twice(tmp_path):
    """The block of both is measured as well, and holds what its one vector does."""
    run = load_run(write_run(tmp_path / "run", kind=BASELINE))
    both = {key for key in run.metrics if ".desired_goal." in key}
    said = input_sentences(run, four_times([run]))[-1]
    assert " desired goal" in said
    assert re.search(r"% goal\b", said)
    alone = replace(run, metrics={k: t for k, t in run.metrics.items() if k not in both})
    said = input_sentences(alone, four_times([alone]))[-1]
    assert "achieved goal" in said
    assert not re.search(r"% goal\b|\(goal\)", said)


def test_a_run_whose_inputs_are_unknown_is_taken_for_one_with_goals(tmp_path):
    run = load_run(write_run(tmp_path / "run", kind=BASELINE))
    assert run.observes_goal() is True
    unknown = replace(run.record.info, networks={})
    assert replace(run, record=replace(run.record, info=unknown)).observes_goal() is None


def test_a_comparison_of_arms_without_goals_asks_about_inputs(pixels_alone, tmp_path):
    other = shutil.copytree(pixels_alone, tmp_path / "other")
    page = write_comparison({"one": [pixels_alone], "other": [other]}, tmp_path / "page")
    text = check_self_contained(page.page)
    assert "Which of its inputs does the policy use, learn from and hear?" in text
    assert "see its goal" not in text
    assert "goal" not in page.overall.replace("No arm observes a goal.", "")
    assert page.overall.count("in the place of its own moves Q by") == 2
    assert {"inputs", "training"} <= set(re.findall(r'<figure id="(\w+)"', text))
    spoken = re.sub(
        r"<svg.*?</svg>|<[^>]+>", " ", text.partition("In what the arms differ")[0], flags=re.S
    )
    spoken = spoken.replace("No arm observes a goal.", "")
    assert not re.search(r"(?<!env\.)\bgoals?\b|hindsight", spoken, re.I)
    content = json.loads(page.verdict_file.read_text())
    assert content["claims"] == content["early_calls"] == content["rules"] == []
    assert content["tests"] == 0
    assert [*page.links] == []
    tables = {path.name for path in (tmp_path / "page" / "tables").iterdir()}
    assert "windows.csv" in tables
    assert "claims.csv" not in tables
    assert "claims.csv" not in text
    assert {judged["rival"] for judged in content["rivals"]} & {
        "C",
        "R6",
        "R9",
        "R10",
        "R12",
    } == set()
