"""The page of a run's probes: with and without pixels, NaN, one checkpoint, or none."""

import csv
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers.pages import check_self_contained
from helpers.synthetic_probes import REACH, SHORT, STEPS, arrays, probed, values
from helpers.synthetic_runs import write_run

from goalscope.diagnostics.record import Line, write_probes
from goalscope.diagnostics.record.keys import Family, parse
from goalscope.diagnostics.record.metrics import (
    AUGMENTATION_NOISE,
    CONTENT_ERROR,
    CONTENT_R2,
    FRONT,
    RAW_CONTENT_R2,
    SHAPLEY_SHARE,
)
from goalscope.reports import ReportError, write_probe_page, write_report
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.probes.figures import probe_sections
from goalscope.reports.figures.probes.goal_plane import goal_plane
from goalscope.reports.figures.probes.sections import evenly, side_by_side
from goalscope.reports.numbers.probes import load_probes
from goalscope.reports.pages import probes as probe_page
from goalscope.reports.text.probe_sentences import probe_sentences

FIGURES = {"goal_map", "front", "attribution", "content", "saliency", "augmentation"}
OWN = replace(SHORT, settings={"env.id": "Maze-v0"}, sensitivity=())


def said(run: Path) -> dict[str, str]:
    return {sentence.topic: sentence.text for sentence in probe_sentences(load_probes(run))}


def drawn_and_absent(run: Path) -> tuple[dict[str, Plot], dict[str, str]]:
    sections = probe_sections(load_probes(run))
    plotted = {s.name.removeprefix("probe_"): s for s in sections if isinstance(s, Plot)}
    absent = {
        s.name.removeprefix("probe_"): s.reason for s in sections if s not in plotted.values()
    }
    return plotted, absent


def test_a_page_with_every_figure_and_number(tmp_path):
    run = probed(tmp_path / "run")
    write_report(run)
    page = write_probe_page(run)
    assert page == run / "probes.html"
    text = check_self_contained(page)
    for name in FIGURES:
        assert f'id="probe_{name}"' in text
    assert not (run / "figures").exists()
    assert text.count("<svg") == len(FIGURES)
    assert 'href="report.html"' in text
    with open(run / "tables" / "probes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]] == ["step", "update", "metric", "value"]
    assert len(rows) == len(STEPS) * len(values())
    found = {(int(r["step"]), r["metric"]): float(r["value"]) for r in rows}
    assert found[400, FRONT.key()] == pytest.approx(0.13)
    for metric in values():
        last = metric.partition("/")[2]
        assert f"<code>{last}</code>" in text.replace("\u200b", "")


def test_what_it_says_comes_from_the_numbers(tmp_path):
    words = said(probed(tmp_path / "run"))
    assert words["Q"] == (
        "Q owes 35 % to the pixels, 30 % to the desired goal, 20 % to the achieved goal and 15 % "
        "to the action (Shapley values); to the two goal vectors as one block 50 %, from 10 % at "
        "update 0."
    )
    assert words["Action"].startswith("The action owes 75 % to the desired goal, 25 % to the")
    assert "0.50, from 0 at update 0" in words["Direction"]
    assert "pushed from behind" in words["Direction"]
    assert words["Position"] == (
        "The object can be read from the critic's image features to 4.0 cm: worse than from raw "
        "pixels (3.0 cm), better than from a freshly initialised encoder (9.5 cm) and within the "
        "task's tolerance of 5 cm; from the actor's to 4.0 cm."
    )
    assert "60 % of the variance" in words["Goal marker"]
    assert "the goal's marker" in words["Goal marker"]
    assert (
        "up to 10 cm of the scene; this run trains without it) would move"
        in (words["Augmentation"])
    )


def test_other_numbers_are_said_otherwise(tmp_path):
    changed = {
        CONTENT_ERROR.key("critic", "pixels", target="gripper", unit="cm"): 9.5,
        CONTENT_R2.key("critic", "pixels", target="desired_goal"): -0.1,
        RAW_CONTENT_R2.key("critic", "pixels", target="desired_goal"): 0.0,
        AUGMENTATION_NOISE.key("critic", "pixels"): 0.3,
    }
    words = said(probed(tmp_path / "run", kind=REACH, changed=changed, pushed=False))
    assert "pushed" not in words["Direction"]
    assert "The gripper can be read" in words["Position"]
    assert "as well as from a freshly initialised encoder (9.5 cm)" in words["Position"]
    assert "outside the task's tolerance" in words["Position"]
    assert words["Goal marker"].endswith("nothing (R² -0.10); from raw pixels nothing (R² 0).")
    assert (
        "this run trains with it) moves the image features, the critic's 0.30 times, as"
        in (words["Augmentation"])
    )


def test_without_pixels_the_page_says_so(tmp_path):
    run = probed(tmp_path / "run", pixels=False)
    plotted, absent = drawn_and_absent(run)
    assert absent["saliency"] == "this agent reads no image"
    assert "images alone" in absent["content"]
    assert set(plotted) == FIGURES - {"saliency", "content"}
    text = check_self_contained(write_probe_page(run))
    assert "Not drawn: this agent reads no image." in text
    assert "report.html" not in text
    words = said(run)
    assert "pixels" not in words["Q"]
    assert "cannot be read from image features" in words["Position"]
    assert not {"Goal marker", "Augmentation"} & set(words)


def test_a_mixed_extractor_has_no_map(tmp_path):
    run = probed(tmp_path / "run", without=("map.",))
    lines = [
        Line(
            c.step,
            c.update,
            {k: v for k, v in c.values.items() if parse(k).family != Family.GOAL_MAP},
        )
        for c in load_probes(run).checkpoints
    ]
    write_probes(run, lines, {})
    plotted, absent = drawn_and_absent(run)
    assert set(absent) == {"goal_map", "front"}
    assert all("mixes the desired goal" in reason for reason in absent.values())
    assert "saliency" in plotted
    assert "was not measured" in said(run)["Direction"]


def test_arrays_that_were_deleted_are_missed(tmp_path):
    run = probed(tmp_path / "run")
    for path in (run / "probes").iterdir():
        path.unlink()
    _, absent = drawn_and_absent(run)
    assert set(absent) == {"goal_map", "front", "saliency"}
    assert all("probe the run again" in reason for reason in absent.values())


def test_nan_is_said_drawn_and_counted(tmp_path):
    broken = {k: math.nan for k in values()}
    run = probed(tmp_path / "run", changed=broken)
    with np.errstate(all="raise"):
        text = check_self_contained(write_probe_page(run)).replace("\u200b", "")
    assert f"{len(broken)} metrics are NaN or infinite" in text
    for topic, sentence in said(run).items():
        assert "NaN" in sentence, topic
    with open(run / "tables" / "probes.csv", newline="") as file:
        assert {row["value"] for row in csv.DictReader(file)} == {"NaN"}


def test_arrays_that_are_nan_or_without_gradient_are_drawn(tmp_path):
    run = probed(tmp_path / "run", STEPS[:2])
    dead = arrays()
    dead["map.q"][:] = np.nan
    dead["map.actions"][:] = 0
    dead["saliency.critic.pixels"][:] = np.nan
    dead["saliency.actor.pixels"][:] = 0
    write_probes(run, load_probes(run).run.record.probes, {0: dead})
    check_self_contained(write_probe_page(run))


def test_one_checkpoint_alone(tmp_path):
    run = probed(tmp_path / "run", (0,))
    text = check_self_contained(write_probe_page(run))
    assert "One checkpoint was probed" in text
    assert " at update 0." not in said(run)["Q"]
    assert "from" not in said(run)["Direction"].split("(")[0].removeprefix(
        "The mean cosine between the action and the way from"
    )
    rows = drawn_and_absent(run)[0]["goal_map"].rows()
    assert {row["state"] for row in rows} == {0, 5, 7}


def test_names_are_escaped(tmp_path):
    run = write_run(tmp_path / "run", arm="<script>alert(1)</script>", kind=SHORT)
    name = "a<b>&.c"
    found = {
        SHAPLEY_SHARE.key("critic", name): 1.0,
        CONTENT_R2.key("critic", "x<i>", target="y"): 0.1,
    }
    write_probes(run, [Line(0, 0, found)], {})
    text = check_self_contained(write_probe_page(run))
    assert "<script>" not in text
    text = text.replace("\u200b", "")
    assert "a<b>" not in text
    assert "a&lt;b&gt;" in text
    assert "x<i>" not in text
    assert "x&lt;i&gt;" in text


def test_a_run_that_was_not_probed(tmp_path):
    run = write_run(tmp_path / "run", kind=SHORT)
    with pytest.raises(ReportError, match=r"probe it first: goalscope probe \S+$") as error:
        write_probe_page(run)
    assert "\n" not in str(error.value)
    assert not (run / "probes.html").exists()


def test_goals_at_several_heights_are_drawn_at_the_nearest(tmp_path):
    run = probed(tmp_path / "run", kind=REACH, pushed=False, heights=3)
    plot = drawn_and_absent(run)[0]["goal_map"]
    assert "Of goals at 3 heights" in plot.caption
    rows = plot.rows()
    assert len(rows) == 2 * 3 * 20
    found = arrays(heights=3)
    for row in rows[:20]:
        heights = np.unique(found["map.goals"][:, 2])
        achieved = found["map.achieved"][row["state"]]
        assert row["goal_z"] == pytest.approx(min(heights, key=lambda h: abs(h - achieved[2])))
        at = [row["goal_x"], row["goal_y"], row["goal_z"]]
        goal = int(np.abs(found["map.goals"] - at).sum(axis=1).argmin())
        assert row["q"] == pytest.approx(found["map.q"][row["state"], goal])
        assert row["action_y"] == pytest.approx(found["map.actions"][row["state"], goal, 1])


@pytest.mark.parametrize(
    "goals",
    [
        np.zeros((4, 1)),
        np.zeros((4, 7)),
        np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]),
        np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),
    ],
)
def test_goals_that_are_no_grid_on_a_plane(goals):
    assert goal_plane(goals, np.zeros(goals.shape[1])) is None


def test_a_task_of_ones_own_has_no_tolerance_and_no_metres(tmp_path):
    run = probed(tmp_path / "run", kind=OWN)
    assert "tolerance" not in said(run)["Position"]
    plotted, _ = drawn_and_absent(run)
    assert "tolerance" not in plotted["content"].caption
    fronts = [row for row in plotted["front"].rows() if row["panel"] == "front"]
    assert fronts[-1]["unit"] == "goal units"
    assert fronts[-1]["value"] == pytest.approx(0.13)
    check_self_contained(write_probe_page(run))


def test_fronts_of_the_fetch_tasks_are_in_centimetres(tmp_path):
    run = probed(tmp_path / "run")
    fronts = [r for r in drawn_and_absent(run)[0]["front"].rows() if r["panel"] == "front"]
    assert (fronts[-1]["unit"], fronts[-1]["value"]) == ("cm", pytest.approx(13))


def test_which_checkpoints_stand_side_by_side(tmp_path):
    checkpoints = load_probes(probed(tmp_path / "run", range(0, 2100, 100))).checkpoints
    assert [c.step for c in side_by_side(checkpoints)] == [0, 500, 2000]
    assert [c.step for c in side_by_side(checkpoints[:2])] == [0, 100]
    assert [c.step for c in evenly(checkpoints, 6)] == [0, 400, 800, 1200, 1600, 2000]
    groups = probe_page._in_groups(checkpoints)
    assert [len(group) for group in groups] == [7, 7, 7]
    assert all(a[-1].step < b[0].step for a, b in pairwise(groups))
