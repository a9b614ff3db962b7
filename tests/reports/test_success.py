"""Success curves, their sentence beside the floors, and where resumed runs are named."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from helpers.synthetic_runs import BASELINE, FIX, FLOORS, write_arms, write_run

from goalscope.reports import Thresholds, write_comparison, write_report
from goalscope.reports.claims.success import (
    evaluations,
    last_evaluations,
    learning_sentence,
    mean_success,
    recorded_floors,
    run_success_sentence,
    success_sentence,
)
from goalscope.reports.figures.plot import save
from goalscope.reports.figures.success import success_plot
from goalscope.reports.numbers.differences import circumstance_differences, setting_differences
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.warnings import run_warnings
from goalscope.reports.pages import comparison as comparison_page
from goalscope.reports.pages import run as report_page

LEARNS = replace(BASELINE, updates=60, success=(0.0, 0.5, 1.0), settings=FLOORS)
FAILS = replace(LEARNS, success=(0.0, 0.0, 0.0))
NO_FLOOR = replace(LEARNS, settings={})


@pytest.fixture
def one_figure(monkeypatch):
    """Draws the first two figures of a page only, for tests of its words."""
    for page in (report_page, comparison_page):
        monkeypatch.setattr(page, "save", lambda plots, folder: save(plots[:2], folder))


def arms_of(tmp_path, seeds, **kinds):
    return load_arms(write_arms(tmp_path, seeds, kinds))


def test_evaluations_are_read_with_their_intervals(tmp_path):
    table = evaluations(load_run(write_run(tmp_path / "a", kind=LEARNS)))
    assert table["step"].tolist() == [0, 130, 160]
    assert table["update"].tolist() == [0, 30, 60]
    assert table["value"].tolist()[0::2] == [0.0, 1.0]
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    assert (table["episodes"] == 20).all()
    assert evaluations(load_run(write_run(tmp_path / "b"))).empty


def test_floors_are_those_that_all_runs_recorded_alike(tmp_path):
    one = load_run(write_run(tmp_path / "a", kind=LEARNS))
    idle, random = recorded_floors([one, one])
    assert (idle.rate, idle.low, idle.high, idle.episodes) == (0.086, 0.0702, 0.105, 1000)
    assert random.rate == 0.079
    bare = load_run(write_run(tmp_path / "b", kind=NO_FLOOR))
    other = replace(LEARNS, settings={**FLOORS, "floor.noop.success_rate": 0.5})
    assert recorded_floors([bare]) == recorded_floors([one, bare]) == ()
    assert recorded_floors([one, load_run(write_run(tmp_path / "c", kind=other))]) == ()


@pytest.mark.parametrize(
    ("rates", "episodes", "words"),
    [
        ((0.0, 1.0), 20, "100 % [84 to 100 %] of 20 episodes, above the floor: an agent that does"),
        ((0.0, 0.0), 20, "0 % [0 to 16 %] of 20 episodes, not told apart from the floor: an agent"),
        (
            (0.0, 0.0),
            100,
            "below the floor, which is a finding of its own: an agent that does noth",
        ),
    ],
)
def test_a_runs_last_evaluation_is_set_against_the_floor(tmp_path, rates, episodes, words):
    kind = replace(LEARNS, success=rates, episodes=episodes)
    sentence = run_success_sentence(load_run(write_run(tmp_path / "a", kind=kind)))
    assert sentence.startswith("Success: at its last evaluation (step 160, update 60) pixel-her")
    assert words in sentence
    assert sentence.endswith("8.6 % [7.0 to 10 %] of 1,000 episodes.")


def test_what_was_not_recorded_is_said(tmp_path):
    bare = load_run(write_run(tmp_path / "a", kind=NO_FLOOR))
    assert run_success_sentence(bare).endswith("its record holds no floor to compare with.")
    never = load_run(write_run(tmp_path / "b"))
    assert run_success_sentence(never) == "Success: no evaluation in this record."
    assert success_plot({"a": [never]}, by_update=False) is None
    assert "No floor is drawn" in success_plot({"a": [bare]}, by_update=False).caption
    silent = {"a": [never], "b": [never]}
    assert success_sentence(silent, Thresholds()) == "Success: no evaluation in these records."
    half = {"a": [bare], "b": [never]}
    assert "b was not evaluated (not all records hold one floor)" in success_sentence(
        half, Thresholds()
    )


@pytest.mark.parametrize(
    ("seeds", "episodes", "learns", "fails"),
    [
        (
            5,
            20,
            "learns 100 % [96.3 to 100 %] over 5 seeds, above the floor;",
            "fails 0 % [0 to 3.7 %] over 5 seeds, below the floor, which is a finding of its own (",
        ),
        (
            5,
            4,  # that all seeds agree on nothing is little: 0 of 20 episodes
            "learns 100 % [84 to 100 %] over 5 seeds, above the floor;",
            "fails 0 % [0 to 16 %] over 5 seeds, not told apart from the floor (",
        ),
        (
            3,
            20,
            "learns 100 % over 3 seeds, leaning above the floor (a test needs 5);",
            "fails 0 % over 3 seeds, leaning below the floor (a test needs 5) (",
        ),
        (
            1,
            20,
            "learns 100 % over 1 seed, not tested against the floor (1 seed is no test);",
            "fails 0 % over 1 seed, not tested against the floor (1 seed is no test) (",
        ),
    ],
)
def test_arms_are_judged_by_the_rules_of_every_claim(tmp_path, seeds, episodes, learns, fails):
    arms = arms_of(
        tmp_path,
        seeds,
        learns=replace(LEARNS, episodes=episodes),
        fails=replace(FAILS, episodes=episodes),
    )
    sentence = success_sentence(arms, Thresholds())
    assert sentence.startswith("Success at the last evaluation of all runs (step 160): ")
    assert learns in sentence
    assert fails in sentence


def test_seeds_on_both_sides_and_a_missing_one_decide_nothing(tmp_path):
    folders = write_arms(tmp_path, 3, {"mixed": LEARNS})
    folders += [write_run(tmp_path / f"m{i}", "mixed", i, FAILS) for i in (3, 4, 5)]
    assert "mixed 50 % [1.4 to 98.6 %] over 6 seeds" in success_sentence(
        load_arms(folders), Thresholds()
    )
    assert "not told apart" in success_sentence(load_arms(folders), Thresholds())
    folders = write_arms(tmp_path / "x", 5, {"lost": LEARNS})
    folders.append(write_run(tmp_path / "l5", "lost", 5, replace(LEARNS, success=())))
    sentence = success_sentence(load_arms(folders), Thresholds())
    assert "lost 100 % [96.3 to 100 %] over 5 seeds, leaning above the floor (" in sentence
    assert "without a measurement: seed 5" in sentence


def test_arms_are_read_at_the_last_step_that_all_have_reached(tmp_path):
    longer = replace(LEARNS, updates=120, success=(0.0, 0.0, 1.0, 1.0, 1.0))
    arms = arms_of(tmp_path, 2, short=FAILS, longer=longer)
    rows = last_evaluations(arms)
    assert [(row["arm"], row["step"], row["value"]) for row in rows] == [
        ("short", 160, 0.0),
        ("short", 160, 0.0),
        ("longer", 160, 1.0),
        ("longer", 160, 1.0),
    ]
    # the area under the curve: from steps 130 and 160 of longer, not from 190 and 220
    assert mean_success(arms) == {
        ("short", "seed 0"): 0.0,
        ("short", "seed 1"): 0.0,
        ("longer", "seed 0"): 0.5,
        ("longer", "seed 1"): 0.5,
    }
    assert mean_success(arms_of(tmp_path / "start", 2, only=replace(LEARNS, success=(0.0,)))) == {}


@pytest.mark.parametrize("seeds", [1, 2, 3])
@pytest.mark.parametrize("by_update", [False, True])
def test_curves_are_drawn(tmp_path, seeds, by_update):
    arms = arms_of(tmp_path, seeds, **{"pixel-her": FAILS, "fix": LEARNS})
    plot = success_plot(arms, by_update=by_update)
    (saved,) = save([plot], tmp_path / "figures")
    ET.fromstring(saved.svg)
    assert "does nothing (8.6 %) and of one that acts at random (7.9 %)" in plot.caption
    assert "1,000 episodes" in plot.caption
    assert f"{seeds} seed" in plot.caption
    assert "20 episodes" in plot.caption
    assert ("Wilson interval of each evaluation" in plot.caption) == (seeds == 1)
    assert ("t-interval" in plot.caption) == (seeds == 3)
    figure = plot.make()
    success, distance = figure.axes[:2]
    assert len(figure.axes) == (4 if by_update else 2)
    assert success.get_ylim()[1] >= 1.0
    assert success.get_xlabel() == distance.get_xlabel() == "environment step"
    # Of two arms: Wilson bars, nothing, or bands.
    assert len(success.collections) == {1: 2, 2: 0, 3: 2}[seeds]


@pytest.mark.parametrize("name", ["success_rate", "episodes", "final_distance_cm"])
@pytest.mark.parametrize("broken", ['"NaN"', '"Infinity"', None])
def test_evaluations_without_usable_numbers_break_nothing(tmp_path, name, broken):
    folder = write_run(tmp_path / "a", kind=LEARNS)
    path = folder / "measurements.jsonl"
    entry = f'"evaluation/policy.{name}": '
    other = f"{entry}{broken}" if broken else '"evaluation/policy.gone": 1'
    path.write_text(re.sub(entry + r"[\d.]+", other, path.read_text()))
    run = load_run(folder)
    kept = name == "final_distance_cm" or evaluations(run).empty
    assert ("usable" in run_success_sentence(run)) != kept
    assert success_sentence({"a": [run, run], "b": [run]}, Thresholds()).startswith("Success")
    if not evaluations(run).empty:
        save([success_plot({"a": [run]}, by_update=False)], tmp_path / "figures")


def test_pages_show_success_first_and_write_its_numbers(tmp_path, one_figure):
    folders = write_arms(tmp_path, 2, {"pixel-her": FAILS, "fix": LEARNS})
    report = write_report(folders[2])
    text = report.page.read_text().replace("\xa0", " ")
    assert report.success in text
    assert text.index('<figure id="success">') < text.index('<figure id="forward_signal">')
    header = (folders[2] / "tables" / "evaluation.csv").read_text().splitlines()[0]
    assert header.startswith("step,update,policy.success_rate")
    out = tmp_path / "page"
    comparison = write_comparison(folders, out)
    assert comparison.success in (out / "comparison.html").read_text().replace("\xa0", " ")
    assert json.loads((out / "verdict.json").read_text())["success"] == comparison.success
    rows = (out / "tables" / "success.csv").read_text().splitlines()
    assert rows[0] == (
        "arm,run,step,update,success_rate,success_low,success_high,episodes,final_distance_cm"
    )
    assert rows[3].startswith("fix,fix-0,160,60,1,0.838")
    assert (out / "figures" / "success.png").exists()


def test_floors_and_evaluations_are_no_settings_of_an_arm(tmp_path):
    fix = replace(FIX, updates=60, settings={**FIX.settings, **FLOORS, "evaluation.every": 100})
    arms = arms_of(tmp_path, 1, **{"pixel-her": NO_FLOOR, "fix": fix})
    assert not [d for d in setting_differences(arms) if "floor" in d.name or "evalua" in d.name]
    found = {d.name: d.values for d in circumstance_differences(arms)}
    assert found["floor.noop.success_rate"] == {"pixel-her": "not set", "fix": "0.086"}
    assert found["evaluation.every"]["fix"] == "100"


def test_resumed_runs_are_named(tmp_path, one_figure):
    whole = write_run(tmp_path / "a", "pixel-her", 0, LEARNS)
    words = [
        "resumed at step 150 (update 50), replay buffer kept",
        "resumed at step 200 (update 100), replay buffer lost",
    ]
    resumed = replace(LEARNS, resumes={50: False, 100: True}, updates=100)
    folder = write_run(tmp_path / "c", "fix", 0, resumed)
    assert run_warnings(load_run(folder)) == [f"fix seed 0 was {line}" for line in words]
    page = write_report(folder).page.read_text()
    assert page.index("The health of this record") < page.index(words[1])
    arms = load_arms([whole, folder])
    found = {d.name: d.values for d in circumstance_differences(arms)}
    assert found["resumed"] == {"pixel-her": "never", "fix": "; ".join(words)}
    assert any(
        words[0] in line for line in write_comparison([whole, folder], tmp_path / "p").warnings
    )


def test_of_many_arms_those_at_the_floor_are_named_together(tmp_path):
    flat = replace(FAILS, episodes=4)
    kinds = {"base": flat, "one": flat, "two": flat, "three": flat, "best": LEARNS}
    sentence = success_sentence(arms_of(tmp_path, 5, **kinds), Thresholds())
    assert (
        "base 0 % [0 to 16 %] over 5 seeds, not told apart from the floor; best 100 %" in sentence
    )
    assert "; not told apart from the floor either: one, two, three (floor: " in sentence


def test_what_learns_where_the_baseline_does_not_is_named_first(tmp_path, one_figure):
    folders = write_arms(tmp_path, 2, {"base": FAILS, "flat": FAILS, "best": LEARNS})
    said = learning_sentence(load_arms(folders), Thresholds())
    assert said == "look first at what learns here where base does not: best (100 %)"
    comparison = write_comparison(folders, tmp_path / "page")
    assert comparison.steps[0] == said
    assert "Look first at what learns here" in comparison.page.read_text()
    assert learning_sentence(arms_of(tmp_path / "b", 2, base=LEARNS, x=LEARNS), Thresholds()) == ""
    assert learning_sentence(arms_of(tmp_path / "c", 1, base=FAILS, x=LEARNS), Thresholds()) == ""
    assert learning_sentence(arms_of(tmp_path / "d", 2, base=NO_FLOOR), Thresholds()) == ""
