"""Success at the evaluations, and its sentence beside the floors."""

import re
from dataclasses import replace

import pytest
from helpers.memory_runs import holding_numbers, memory_run
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, write_arms, write_run

from goalscope.diagnostics.record import Line, Lines, RecordWriter
from goalscope.diagnostics.record.metrics import EVALUATION_EPISODES, FINAL_DISTANCE, SUCCESS_RATE
from goalscope.reports import Thresholds, write_comparison
from goalscope.reports.claims.floors import highest_floor, recorded_floors
from goalscope.reports.claims.success import (
    last_evaluations,
    mean_success,
    run_success_sentence,
    success_sentence,
)
from goalscope.reports.figures.plot import draw
from goalscope.reports.figures.style import arm_styles
from goalscope.reports.figures.success import success_plot
from goalscope.reports.findings.learning import Learning, learning
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run

LEARNS = replace(BASELINE, updates=60, success=(0.0, 0.5, 1.0), settings=FLOORS)
FAILS = replace(LEARNS, success=(0.0, 0.0, 0.0))
NO_FLOOR = replace(LEARNS, settings={})


def arms_of(tmp_path, seeds, **kinds):
    return load_arms(write_arms(tmp_path, seeds, kinds))


def test_evaluations_are_read_with_their_intervals(tmp_path):
    table = load_run(write_run(tmp_path / "a", kind=LEARNS)).evaluations
    assert table["step"].tolist() == [0, 130, 160]
    assert table["update"].tolist() == [0, 30, 60]
    assert table["value"].tolist()[0::2] == [0.0, 1.0]
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    assert (table["episodes"] == 20).all()
    assert load_run(write_run(tmp_path / "b")).evaluations.empty


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
    assert success_plot({"a": [never]}, arm_styles("a"), by_update=False) is None
    assert (
        "No floor is drawn" in success_plot({"a": [bare]}, arm_styles("a"), by_update=False).caption
    )
    silent = {"a": [never], "b": [never]}
    assert success_sentence(silent, Thresholds()) == "Success: no evaluation in these records."
    silent_too = load_run(write_run(tmp_path / "c", kind=replace(NO_FLOOR, success=())))
    half = {"a": [bare], "b": [silent_too]}
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
            "learns 100 % over 3 seeds, leaning above the floor (3 seeds);",
            "fails 0 % over 3 seeds, leaning below the floor (3 seeds) (",
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
    assert "lost 100 % [96.3 to 100 %] over 5 seeds, leaning above the floor (5 seeds; " in sentence
    assert "seed 5 without a measurement" in sentence


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


def test_an_evaluation_counts_for_the_steps_that_it_stands_for():
    bare = memory_run("rising", 0, holding_numbers(0))
    lines = [
        Line(step, step, {SUCCESS_RATE.key(): rate})
        for step, rate in ((0, 0.0), (3000, 0.3), (6000, 0.45), (9000, 0.55), (10_000, 0.8))
    ]
    run = replace(bare, record=replace(bare.record, lines=Lines.of(lines)))
    (area,) = mean_success({"rising": [run]}).values()
    assert area == pytest.approx((0.3 * 3 + 0.45 * 3 + 0.55 * 3 + 0.8) / 10)


NAMES = [f"floor.noop.{name}" for name in ("success_rate", "low", "high")]
FLOORLESS = dict(zip(NAMES, (0.0, 0.0, 0.0038), strict=True))  # 0 of 1,000 episodes
RANDOM = [f"floor.random.{name}" for name in ("success_rate", "low", "high")]
FULL = dict(zip(NAMES, (1.0, 0.9962, 1.0), strict=True))
HIGH = dict(zip(NAMES, (0.92, 0.90, 0.94), strict=True))


@pytest.mark.parametrize("floor", [FLOORLESS, FULL, HIGH], ids=["none", "always", "above 90 %"])
def test_a_floor_at_either_end_leaves_a_page(tmp_path, few_figures, floor):
    settings = FLOORS | floor | dict(zip(RANDOM, floor.values(), strict=True))
    arms = {
        "pixel-her": replace(FAILS, settings=settings),
        "pixel-her-norm": replace(LEARNS, settings=settings),
    }
    folders = write_arms(tmp_path, 5, arms)
    write_comparison(folders, tmp_path / "page", figures=())
    said = success_sentence(load_arms(folders), Thresholds())
    if floor is FLOORLESS:
        assert "above the floor" in said
        assert "pixel-her 0 %" in said
    if floor is FULL:
        assert "not tested against the floor (no success lies on either side of 100 %)" in said


def test_the_floor_is_the_higher_of_those_recorded(tmp_path):
    random = {"floor.random.success_rate": 0.5, "floor.random.low": 0.4, "floor.random.high": 0.6}
    kind = replace(LEARNS, settings=FLOORS | random, success=(0.0, 0.4), episodes=100)
    run = load_run(write_run(tmp_path / "a", kind=kind))
    assert highest_floor([run]).label == "acts at random"
    assert "not told apart from the floor: an agent that acts" in run_success_sentence(run)
    assert learning(run) is Learning.NO  # as the findings say of it


def test_many_arms_are_told_in_sentences_of_two(tmp_path):
    kinds = {f"arm-{n}": LEARNS if n % 2 else FAILS for n in range(4)}
    said = success_sentence(arms_of(tmp_path, 5, **kinds), Thresholds())
    first, second = said.split(" (floor: ")[0], said.rpartition("). ")[2]
    assert (first.count("arm-"), second.count("arm-")) == (2, 2)
    assert all(said.count(f"{arm} ") == 1 for arm in kinds)


def test_an_arm_that_was_cut_short_was_evaluated_all_the_same(tmp_path):
    arms = arms_of(tmp_path, 1, whole=replace(LEARNS, updates=600), cut=replace(LEARNS, updates=60))
    said = success_sentence(arms, Thresholds())
    assert said.startswith("Success at the last evaluation of the arms that reached it (step 700)")
    assert "cut ended at step 160 and is left out" in said
    killed = replace(LEARNS, updates=600, ends=False)
    arms = arms_of(tmp_path / "killed", 1, whole=replace(LEARNS, updates=600), killed=killed)
    assert "killed was cut off at step 700 and is left out" in success_sentence(arms, Thresholds())
    folders = [run.record.folder for group in arms.values() for run in group]
    writer = RecordWriter(folders[-1], None)  # which goes on with it
    said = success_sentence(load_arms(folders), Thresholds())
    writer.close()
    assert "killed is still at step 700 and is left out" in said


def test_runs_of_unequal_length_are_compared_over_the_same_steps(tmp_path):
    kinds = {"whole": replace(LEARNS, updates=600), "cut": replace(LEARNS, updates=60)}
    folders = write_arms(tmp_path, 2, kinds)
    page = write_comparison(folders, tmp_path / "page")
    assert "give --until-step 160" in " ".join(page.warnings)
    text = page.page.read_text()
    assert ">left out<" in text
    assert "not reached" in text
    page = write_comparison(folders, tmp_path / "page", until_step=400)
    assert "what came after step 400 is left out" in page.warnings
    assert "cut ended at step 160 and is left out" in page.success
    assert "of the arms that reached it (step 400): whole 50 %" in page.success
    assert "; the first 400 steps" in page.page.read_text()


def test_arms_that_were_left_out_and_single_seeds_are_told_together(tmp_path):
    long = {name: replace(LEARNS, updates=600) for name in ("whole", "one", "two")}
    short = {name: replace(LEARNS, updates=60) for name in ("short", "brief")}
    said = success_sentence(arms_of(tmp_path, 1, **long, **short), Thresholds())
    assert "; of one seed each, which is no test: one 100 %, two 100 % (floor: " in said
    assert said.endswith(". short, brief ended at step 160 and are left out.")


def test_an_arm_of_as_many_steps_and_fewer_updates_counts(tmp_path):
    slow = replace(LEARNS, updates=120, steps_per_update=5)
    arms = arms_of(tmp_path, 1, whole=replace(LEARNS, updates=600), slow=slow)
    assert "slow 100 % over 1 seed" in success_sentence(arms, Thresholds())


@pytest.mark.parametrize(
    "key", [SUCCESS_RATE.key(), EVALUATION_EPISODES.key(), FINAL_DISTANCE.key(unit="cm")]
)
@pytest.mark.parametrize("broken", ['"NaN"', '"Infinity"', None])
def test_evaluations_without_usable_numbers_break_nothing(tmp_path, key, broken):
    folder = write_run(tmp_path / "a", kind=LEARNS)
    path = folder / "measurements.jsonl"
    entry = f'"{key}": '
    other = f"{entry}{broken}" if broken else '"mine/of.another": 1'
    path.write_text(re.sub(entry + r"[\d.]+", other, path.read_text()))
    run = load_run(folder)
    kept = key == FINAL_DISTANCE.key(unit="cm") or run.evaluations.empty
    unknown = "is not known" if key == EVALUATION_EPISODES.key() else "no usable number"
    assert (unknown in run_success_sentence(run)) != kept
    assert success_sentence({"a": [run, run], "b": [run]}, Thresholds()).startswith("Success")
    if not run.evaluations.empty:
        draw([success_plot({"a": [run]}, arm_styles("a"), by_update=False)], tmp_path / "figures")


def test_of_many_arms_those_at_the_floor_are_named_together(tmp_path):
    flat = replace(FAILS, episodes=4)
    kinds = {"base": flat, "one": flat, "two": flat, "three": flat, "best": LEARNS}
    sentence = success_sentence(arms_of(tmp_path, 5, **kinds), Thresholds())
    assert (
        "base 0 % [0 to 16 %] over 5 seeds, not told apart from the floor; best 100 %" in sentence
    )
    assert sentence.endswith(" Not told apart from the floor either: one, two, three.")
