"""A diagnosis in words: short sentences, numbers with what is usual, and the same as JSON."""

import json
import re
from dataclasses import replace

import pytest
from helpers.planted import with_metrics
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, write_run

from goalscope.diagnostics.record.keys import OFFLINE_FAMILIES, parse
from goalscope.diagnostics.record.metrics import ENTROPY_COEFFICIENT
from goalscope.reports.checks.series import Spell
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.findings.diagnosis import UNPROBED, Finding, diagnose
from goalscope.reports.findings.words import (
    arm_that_tests,
    as_json,
    details,
    headline,
    lines,
    number,
    question,
    summary,
    when,
)
from goalscope.reports.numbers.runs import load_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load_run(write_run(tmp_path_factory.mktemp("run") / "a", kind=BASELINE))


@pytest.fixture(scope="module")
def dying(run):
    values = [(0, 0.5), (50, 0.5), (200, 0.96), (300, 0.97), (500, 1.0), (600, 1.0)]
    return with_metrics(run, {"features/actor.pixels.zero_fraction": values})


def sentences(text):
    return [part for part in re.split(r"(?<=[.?!:;])\s", text) if part]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_text_is_whole_and_short(run, check):
    for network in check.networks:
        finding = Finding(check, network, Spell(700, None, check.threshold, check.threshold))
        texts = [headline(finding, run), number(finding, run), question(check, run)]
        texts += details(finding, run).values()
        for text in texts:
            assert text
            assert not re.search(r"[{}]|  ", text), text
            for sentence in sentences(text):
                assert len(sentence.split()) < 40, sentence
        assert headline(finding, run).endswith(".")
    if {"critic", "actor"} == set(check.networks):
        assert "{network}" in check.says


def test_the_terminal_tells_the_findings_first(dying):
    found = lines(diagnose(dying))
    assert found[0].startswith("Findings: 1 thing is wrong.")
    assert found[1].startswith("1. The actor's encoder is dead: all of its features are zero, or")
    assert found[2].startswith(
        "   Since update 200. Exact zeros among its features of pixels: 100 %,"
    )
    assert "96.0 % when it began; usual: 40 to 70 %" in found[2]
    assert any("The arm pixel-her-critic-encoder changes this alone." in line for line in found)


def test_nothing_wrong_is_said_with_what_was_asked(run):
    found = diagnose(run)
    made, impossible = len(found.quiet), sum(map(len, found.impossible.values()))
    words = f"{made} checks made, none fired. {impossible} could not be made: "
    assert summary(found).startswith(words)
    told = summary(found).removeprefix(words).partition(".")[0].split("; ")
    assert [*found.impossible][:2] == [reason.rpartition(" (")[0] for reason in told[:2]]
    others = sum(map(len, [*found.impossible.values()][2:]))
    assert told[2:] == [f"{others} for other reasons"]


def test_a_short_run_at_the_floor_is_told_when_it_will_be_judged(tmp_path):
    kind = replace(BASELINE, success=(0.05, 0.05), episodes=100)
    for name, settings, words in (
        ("known", FLOORS, "Success stays at the floor"),
        ("unknown", {}, "Success is below half, and not clearly above where it began"),
    ):
        run = load_run(write_run(tmp_path / name, kind=replace(kind, settings=settings)))
        said = summary(diagnose(run))
        assert f"{words}; what limits it is judged from 2,000 updates on" in said


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (0, None, "from the start"),
        (1, None, "from the start"),
        (4_000, None, "since update 4,000"),
        (200, 1_500, "from update 200 to 1,500"),
    ],
)
def test_when_it_holds(since, until, words):
    check = next(check for check in CHECKS if check.name == "dead_units")
    assert when(Finding(check, "actor", Spell(since, until, 1, 1))) == words


def test_what_held_when_it_was_first_measured_is_not_said_to_have_begun_there():
    check = next(check for check in CHECKS if check.name == "goals_in_another_frame")
    spell = Spell(160, None, 1, 1, from_first=True)
    assert when(Finding(check, "", spell)) == "from its first measurement on, update 160"


def test_what_is_usual_of_a_distance_of_the_task_is_told_in_numbers(run):
    check = next(check for check in CHECKS if check.name == "camera_too_coarse").of(run.task)
    found = number(Finding(check, "", Spell(0, None, 8.6, 8.6)), run)
    spans = "what two pixels span in the scene: 8.6 cm"
    assert found == f"{spans}; usual: below the tolerance; the tolerance is 5.0 cm"


def test_things_that_are_wrong_and_limits_are_each_in_their_order(failing):
    zeros = [(u, 1.0) for u in range(0, 3_000, 100)]
    dead = {f"features/{network}.pixels.zero_fraction": zeros for network in ("critic", "actor")}
    gone = {ENTROPY_COEFFICIENT.key(): [(u, 1e-5) for u in range(0, 3_000, 100)]}
    found = summary(diagnose(with_metrics(failing, dead | gone)))
    assert found.startswith("2 things are wrong and 1 limit ")
    assert "may explain why it does not learn, of each the likeliest first cause first." in found


def test_a_run_at_the_floor_whose_checkpoints_nobody_probed_is_sent_to_the_probes(failing):
    planned = {**failing.record.info.settings, "run.total_steps": 3_000, "agent.buffer_size": 9_000}
    info = replace(failing.record.info, settings=planned)
    live = {k: t for k, t in failing.metrics.items() if parse(k).family not in OFFLINE_FAMILIES}
    found = diagnose(replace(failing, metrics=live, record=replace(failing.record, info=info)))
    count = len(found.impossible[UNPROBED])
    assert not found.findings
    assert f"next (goalscope probe), for up to {count} more checks." in summary(found)


def test_before_training_is_said_so():
    check = next(check for check in CHECKS if check.name == "goal_path_quiet")
    assert when(Finding(check, "", Spell(0, None, 0, 0))) == "before training"


def test_a_run_of_an_arm_of_its_own_is_sent_to_none(tmp_path, dying):
    info = dying.record.info
    info = replace(info, arm="mine", settings={**info.settings, "arm.changes": []})
    own = replace(dying, record=replace(dying.record, info=info))
    assert not any("The arm" in line for line in lines(diagnose(own)))


def test_json_holds_what_the_page_says(dying):
    content = json.loads(json.dumps(as_json(diagnose(dying))))
    (found,) = content["findings"]
    assert content["version"] == 1
    assert (found["name"], found["network"], found["since"]) == ("dead_units", "actor", 200)
    assert found["until"] is None
    assert found["value"] == 1
    assert set(found) >= {"usual", "says", "causes", "change", "test", "kind", "follows"}
    asked = content["quiet"] + [c for part in content["impossible"] for c in part["checks"]]
    assert set(asked) | {"dead_units"} == {check.name for check in CHECKS}


def test_a_change_that_the_run_makes_is_not_advised_again(tmp_path):
    check = next(check for check in CHECKS if check.name == "actor_ignores_goal")
    finding = Finding(check, "actor", Spell(0, None, 0.0, 0.0))
    base, standardised = (
        load_run(write_run(tmp_path / arm, arm)) for arm in ("pixel-her", "pixel-her-goal-std")
    )
    assert "The arm pixel-her-goal-std changes this alone." in details(finding, base)["Test"]
    found = details(finding, standardised)
    assert "not enough" in found["Change"]
    assert "Test" not in found


def test_of_several_changes_the_first_that_is_not_made_is_advised(tmp_path):
    check = next(check for check in CHECKS if check.name == "object_unmoved")
    finding = Finding(check, "", Spell(0, None, 0.9, 0.9))
    for arm, advised in (
        ("pixel-her", "pixel-her-explore"),
        ("pixel-her-explore", "pixel-her-explore+moved-half"),
        ("pixel-her-explore+moved-half", ""),
    ):
        assert arm_that_tests(finding, load_run(write_run(tmp_path / arm, arm))) == advised


def test_of_a_change_that_stands_in_for_the_advised_one_its_own_name_is_said(tmp_path):
    check = next(check for check in CHECKS if check.name == "trained_reads_worse")
    finding = Finding(check, "actor", Spell(0, None, -0.2, -0.2))
    alone = load_run(write_run(tmp_path / "alone", "pixel-her-decoupled-encoder"))
    assert arm_that_tests(finding, alone) == "pixel-her-decoupled-encoder+inverse-dynamics"
    run = load_run(write_run(tmp_path / "run", "pixel-her-decoupled-encoder+inverse-dynamics"))
    assert "(decoupled-encoder and inverse-dynamics)" in details(finding, run)["Change"]
