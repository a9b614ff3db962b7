"""What to try next: what led off the floor in this study first, what did not last."""

import json
from dataclasses import replace

import pytest
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, FIX, due, write_arms

from goalscope.diagnostics.record.metrics import ZERO_FRACTION
from goalscope.reports import Thresholds, write_comparison
from goalscope.reports.claims.assessment import assess
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.windows import TIMES, four_times
from goalscope.reports.rivals.judging import judge_rivals
from goalscope.reports.rivals.next_steps import rank_explanations
from goalscope.reports.statistics.outcomes import Outcome, Verdict

pytestmark = pytest.mark.usefixtures("few_figures")
FAILS = replace(BASELINE, updates=60, success=(0.0, 0.0, 0.0), settings=FLOORS)
LEARNS = replace(FAILS, success=(0.0, 0.5, 1.0))


@pytest.mark.parametrize(
    ("learns", "fails"),
    [
        ("pixel-her-layernorm", "pixel-her-goal-std"),
        ("pixel-her-goal-std", "pixel-her-layernorm"),
    ],
)
def test_a_change_that_did_not_help_is_advised_last_and_says_so(tmp_path, learns, fails):
    arms = {"pixel-her": FAILS, learns: LEARNS, fails: FAILS}
    write_comparison(write_arms(tmp_path, 2, arms), tmp_path / "page", figures=())
    verdict = json.loads((tmp_path / "page" / "verdict.json").read_text())
    came = [(step["in_this_study"], step["helped"]) for step in verdict["next_steps"]]
    assert came[0] == (learns, True)
    assert came[-1] == (fails, False)
    first, last = verdict["steps"][1], verdict["steps"][-1]
    assert first.endswith(
        f"Tested alone by {learns}, in this study: 100 % success, "
        "leaning above the floor (2 seeds)."
    )
    assert last.endswith(
        f"Tested alone by {fails}, in this study: 0 % success, leaning below the floor (2 seeds)."
    )


def test_without_a_floor_only_the_arm_is_named(tmp_path):
    arms = {name: replace(FAILS, settings={}) for name in ("pixel-her", "pixel-her-layernorm")}
    write_comparison(write_arms(tmp_path, 2, arms), tmp_path / "page", figures=())
    verdict = json.loads((tmp_path / "page" / "verdict.json").read_text())
    assert {step["helped"] for step in verdict["next_steps"]} == {None}
    words = "Tested alone by pixel-her-layernorm, in this study."
    assert any(step.endswith(words) for step in verdict["steps"])


def test_findings_of_single_runs_stand_before_what_tests_suggest(tmp_path):
    dead = {(ZERO_FRACTION.key("actor", "pixels"), u): 1.0 for u in due(700)}
    broken = replace(BASELINE, updates=700, overrides=dead)
    folders = write_arms(tmp_path, 2, {"pixel-her": broken, "pixel-her-norm": FIX})
    page = write_comparison(folders, tmp_path / "page", figures=()).page
    first, *others = json.loads((tmp_path / "page" / "verdict.json").read_text())["steps"]
    assert first.startswith("The actor's encoder is dead")
    assert "Found in 2 of 2 seeds of pixel-her, which is no test. Change: Lower" in first
    assert others  # of explanations
    box = page.read_text().partition("What to try next")[2].partition("The claim, link")[0]
    places = ["Found in single runs", "In 2 of 2 seeds of pixel-her", "What tests of explanations"]
    assert [box.index(words) for words in places] == sorted(box.index(words) for words in places)


def test_runs_of_ones_own_script_are_told_a_line_of_code_and_no_arm(study):
    arms, assessment, judged = study
    supported = Verdict(Outcome.SUPPORTED, "")
    judged = [replace(one, verdict=supported) if one.rival.name == "R8" else one for one in judged]

    def tested(settings):
        info = [replace(run.record.info, settings=settings) for run in arms["pixel-her"]]
        runs = [
            replace(run, record=replace(run.record, info=of))
            for run, of in zip(arms["pixel-her"], info, strict=True)
        ]
        found = rank_explanations(judged, assessment, {"pixel-her": runs}, Thresholds())
        return {e.tested for e in found.left if e.rival.name == "R8"}

    settings = dict(arms["pixel-her"][0].settings)
    assert tested(settings) == {"Test it alone: goal-only."}
    del settings["arm.changes"]
    assert tested(settings) == {"Test it alone: drop the image key from the observation."}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folders = write_arms(tmp_path_factory.mktemp("runs"), 2, {"pixel-her": FAILS})
    arms = load_arms(folders)
    times = four_times(arms["pixel-her"])
    return arms, assess(arms, times, Thresholds()), judge_rivals(arms, times, Thresholds())


@pytest.mark.parametrize(
    ("outcomes", "place"),
    [
        ("against undecided undecided undecided", "open"),  # what was so before says nothing
        ("undecided against undecided undecided", "open"),  # it may begin later
        ("undecided against against against", "ruled_out"),
        ("undecided against untested against", "ruled_out"),
        ("for against against against", "ruled_out"),  # and ends as training begins
        ("undecided against undecided for", "left"),
        ("for undecided undecided undecided", "left"),
        ("untested untested untested untested", "untested"),
    ],
)
def test_an_explanation_is_ruled_out_only_where_no_time_of_training_is_open(study, outcomes, place):
    arms, assessment, judged = study
    verdicts = {
        "for": Verdict(Outcome.SUPPORTED, ""),
        "against": Verdict(Outcome.CONTRADICTED, ""),
        "undecided": Verdict(Outcome.UNDECIDED, ""),
        "untested": Verdict(Outcome.NOT_TESTED, ""),
    }
    at = dict(zip(TIMES, outcomes.split(), strict=True))
    judged = [
        replace(one, verdict=verdicts[at[one.time]]) if one.rival.name == "R7" else one
        for one in judged
    ]
    found = rank_explanations(judged, assessment, arms, Thresholds())
    assert [e.rival.name for e in getattr(found, place) if e.rival.name == "R7"] == ["R7"]
