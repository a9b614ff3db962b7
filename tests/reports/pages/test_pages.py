"""Pages from whole, cut-off and damaged records, the same twice and anywhere."""

import csv
import json
import math
import re
from dataclasses import replace
from html import unescape

import pytest
from helpers.pages import check_self_contained
from helpers.synthetic_info import PROBE_SHA
from helpers.synthetic_runs import BASELINE, FIX, due, write_arms, write_run

import goalscope.reports as reports
from goalscope.diagnostics.record import Line, RecordWriter, RunInfo
from goalscope.diagnostics.record.keys import Family
from goalscope.diagnostics.record.metrics import FEATURE_NORM, Q_SWAP, SIGNAL_SHARE, ZERO_FRACTION
from goalscope.reports import write_comparison, write_report
from goalscope.reports.figures.run.figures import run_plots
from goalscope.reports.findings.words import as_json
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.windows import four_times
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.text.rules import SHARE

SHORT = replace(BASELINE, updates=60)
SHORT_FIX = replace(FIX, updates=60)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    root = tmp_path_factory.mktemp("pair")
    folders = write_arms(root, 2, {"pixel-her": SHORT, "pixel-her-norm": SHORT_FIX})
    return folders, write_comparison(folders, root / "page")


def test_a_report_is_one_page_with_figures_and_tables(tmp_path):
    folder = write_run(tmp_path / "a", kind=SHORT)
    report = write_report(folder)
    assert report.page == folder / "report.html"
    text = check_self_contained(report.page)
    assert text.count("<svg") == 9
    assert not (folder / "figures").exists()
    assert report.page.stat().st_size < 600_000
    for sentence in report.sentences[:3]:
        said = sentence.partition(": ")[2].replace("'", "&#39;")
        assert said[0].upper() + said[1:] in text.replace("\xa0", " ")
    assert "follows the critic&#39;s qf0, tau 0.005" in text
    assert PROBE_SHA in text
    assert text.index("Routing") < text.index("<svg")
    with open(folder / "tables" / "signal.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["critic.goal.share"]) == pytest.approx(0.35, abs=0.1)
    assert rows[0]["update"] == "0"


def test_a_report_opens_with_what_is_wrong(tmp_path, few_figures):
    dead = {(ZERO_FRACTION.key("actor", "pixels"), u): 1.0 for u in due(600) if u >= 150}
    folder = write_run(tmp_path / "a", kind=replace(BASELINE, updates=600, overrides=dead))
    report = write_report(folder)
    text = check_self_contained(report.page)
    says, since = "actor&#39;s encoder is dead", "Since update 150."
    places = [text.index(words) for words in (says, since, "see its goal?", "Routing")]
    assert places == sorted(places)
    content = json.loads((folder / "findings.json").read_text())
    assert content == as_json(report.diagnosis)
    assert [(f["name"], f["network"], f["since"]) for f in content["findings"]] == [
        ("dead_units", "actor", 150)
    ]
    quiet = len(content["quiet"])
    assert f"<summary>{quiet} checks did not fire</summary>" in text


def test_a_comparison_tells_what_is_wrong_in_its_runs(tmp_path, few_figures):
    key = ZERO_FRACTION.key("actor", "pixels")
    dead = replace(BASELINE, overrides={(key, u): 1.0 for u in due(700)}, updates=700)
    folders = write_arms(tmp_path, 2, {"pixel-her": dead, "pixel-her-norm": FIX})
    page = write_comparison(folders, tmp_path / "page").page
    text = page.read_text()
    assert "pixel-her 2 of 2 (from the start)." in text
    assert "Nothing was found in pixel-her-norm." in text
    verdict = json.loads((page.parent / "verdict.json").read_text())
    assert [f["name"] for f in verdict["findings"]["pixel-her"]["seed 0"]] == ["dead_units"]
    assert verdict["findings"]["pixel-her-norm"]["seed 0"] == []


def test_a_share_is_defined_once_where_it_is_first_used(pair):
    folders, comparison = pair
    for page in (write_report(folders[0]).page, comparison.page):
        said = unescape(page.read_text()).replace("\xa0", " ")
        assert said.count("pre-activation variance") == said.count(SHARE) == 1
        assert said.index(SHARE) < said.index("goal makes up")


def test_a_comparison_is_one_page_with_figures_tables_and_claims(pair):
    folders, comparison = pair
    text = check_self_contained(comparison.page)
    out = comparison.page.parent
    assert text.count("<svg") == 8 + 1  # the picture of the answer once more, for phones
    assert not (out / "figures").exists()
    assert len(comparison.sentences) == 4
    assert "cannot tell which of them mattered" in text
    assert text.index(links_of(out)["answer"]) < text.index("<table")
    for anchor in ("C1-critic", "C1-actor", "C6", "C7-success", "R1", "R8-critic", "R8-actor"):
        assert f'<div id="{anchor}"></div>' in text
    assert "<summary>C6: " in text
    assert re.search(r"<p>Not tested \([^)]*both seeds without a measurement\):</p>", text)
    links = links_of(out)
    assert links["baseline"] == "pixel-her"
    assert list(links["sentences"]) == ["initialisation", "early", "middle", "late"]
    assert links["warnings"] == list(comparison.warnings)
    assert links["thresholds"]["goal_share"] == 0.5
    assert links["by_step"] is None
    each_time = 2 * 2 * 4 + 2 + 2  # C1 to C4 of both arms and networks, C5, the halves of C7
    assert len(links["claims"]) == len(comparison.links) == 4 * each_time + 2  # C6 late
    outcomes = {c["outcome"] for c in links["claims"]}
    assert outcomes <= {"leaning", "undecided", "not tested"}
    rivals = {(r["rival"], r["time"]) for r in links["rivals"]}
    assert {rival for rival, _ in rivals} == {"B", *(f"R{i}" for i in range(1, 13))}
    assert links["steps"] == list(comparison.steps)
    assert set(links["confounds"]) == {"pixel-her", "pixel-her-norm"}
    with open(out / "tables" / "claims.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["link"] for row in rows} == {f"C{i}" for i in range(1, 8)}
    c5 = next(row for row in rows if row["link"] == "C5")
    assert float(c5["difference_smallest_p"]) == 0.5
    with open(out / "tables" / "windows.csv", newline="") as file:
        assert {row["run"] for row in csv.DictReader(file)} == {folder.name for folder in folders}


def links_of(out):
    return json.loads((out / "verdict.json").read_text())


def test_what_lies_beside_a_page_is_linked_in_one_line(pair, tmp_path):
    _, comparison = pair
    own, _, files = comparison.page.read_text().partition('id="files"')
    assert not re.findall(r'href="(?!#|data:)', own)
    assert files.startswith(">Files beside this page, which a copy of it alone lacks: numbers as")
    for name in ("windows.csv", "claims.csv", "differences.csv"):
        assert f'href="tables/{name}"' in files
    assert 'outcomes for programs in <a href="verdict.json">' in files
    assert "figures as files" not in files
    report = write_report(write_run(tmp_path / "a", kind=SHORT), figures=["csv"])
    assert "figures as files in <code>figures/</code>" in check_self_contained(report.page)


def test_pages_are_the_same_twice(pair, tmp_path):
    folders, comparison = pair
    again = write_comparison(folders, tmp_path / "again")
    assert again.page.read_bytes() == comparison.page.read_bytes()


def test_nothing_on_a_page_names_this_machine(pair):
    folders, comparison = pair
    text = comparison.page.read_text() + (comparison.page.parent / "verdict.json").read_text()
    assert str(folders[0].parent) not in text


def test_a_record_cut_off_anywhere_makes_a_page_that_says_so(tmp_path, few_figures):
    whole = write_run(tmp_path / "whole", kind=replace(SHORT, ends=False))
    data = (whole / "measurements.jsonl").read_bytes()
    (whole / "routing.json").unlink()
    info = (whole / "run.json").read_bytes()
    first = data.index(b"\n") + 1
    for i, place in enumerate((first, first + 40, len(data) // 2, len(data) - 5)):
        folder = tmp_path / f"cut{i}"
        folder.mkdir()
        (folder / "run.json").write_bytes(info)
        (folder / "measurements.jsonl").write_bytes(data[:place])
        report = write_report(folder)
        assert any("cut off" in warning for warning in report.warnings)
        text = check_self_contained(report.page)
        assert "was cut off" in text
        assert "routing is not known" in text


def test_a_cut_off_run_in_a_comparison_is_named_on_top(tmp_path, few_figures):
    folders = write_arms(tmp_path, 2, {"pixel-her": SHORT, "pixel-her-norm": SHORT_FIX})
    folders.append(write_run(tmp_path / "x", "pixel-her", 2, replace(SHORT, ends=False)))
    comparison = write_comparison(folders, tmp_path / "page")
    assert any("pixel-her seed 2 was cut off" in w for w in comparison.warnings)
    text = comparison.page.read_text()
    assert text.index("pixel-her seed 2 was cut off") < text.index(
        "<h2>In words, of pixel-her</h2>"
    )


def test_nan_everywhere_still_makes_pages(tmp_path):
    key = SIGNAL_SHARE.key("critic", "goal")
    keys = list(load_run(write_run(tmp_path / "k", kind=SHORT)).metrics)
    broken = replace(SHORT, overrides={(k, u): math.nan for k in keys for u in range(61)})
    folders = [
        write_run(tmp_path / "a", "pixel-her", 0, broken),
        write_run(tmp_path / "b", "pixel-her-norm", 0, SHORT_FIX),
    ]
    report = write_report(folders[0])
    assert any("NaN or infinity in" in warning for warning in report.warnings)
    assert key in report.page.read_text().replace("\u200b", "")
    comparison = write_comparison(folders, tmp_path / "page")
    outcomes = {link.verdict.outcome.value for link in comparison.links}
    assert outcomes == {"not tested"}
    json.loads((tmp_path / "page" / "verdict.json").read_text())


def test_a_run_of_events_alone_makes_a_page(tmp_path):
    writer = RecordWriter(tmp_path / "a", RunInfo(name="a"))
    details = {"instrument": "tap", "cause": "ValueError: no", "count": 1}
    writer.write(Line(3, 1, event="failure", details=details))
    writer.close()
    report = write_report(tmp_path / "a")
    assert any("tap failed 1 time" in warning for warning in report.warnings)
    assert any("no measurement" in warning for warning in report.warnings)


def test_arms_with_another_pace_are_compared_by_step_as_well(tmp_path, few_figures):
    slow = replace(SHORT, steps_per_update=8)
    folders = write_arms(tmp_path, 2, {"pixel-her": SHORT, "slow": slow})
    comparison = write_comparison(folders, tmp_path / "page")
    links = json.loads((tmp_path / "page" / "verdict.json").read_text())
    assert links["by_step"]["windows"]["late"]["axis"] == "step"
    assert (tmp_path / "page" / "tables" / "claims_by_step.csv").exists()
    text = comparison.page.read_text()
    assert "by environment step" in text
    assert "108 to 508" in text  # the steps of the slow arm's early updates


def test_runs_without_an_arm_are_arms_named_after_their_folders(tmp_path, few_figures):
    folders = [write_run(tmp_path / name, None, 0, SHORT) for name in ("one", "two")]
    comparison = write_comparison(folders, tmp_path / "page")
    assert {link.arm for link in comparison.links} == {"one", "two"}
    same = [write_run(tmp_path / parent / "run", None, 0, SHORT) for parent in ("x", "y")]
    comparison = write_comparison(same, tmp_path / "page2")
    assert {link.arm for link in comparison.links} == {"x/run", "y/run"}


def test_names_of_all_kinds_are_escaped(tmp_path, few_figures):
    folders = [
        write_run(tmp_path / "a", "<b>&\"$x$_'", 0, SHORT),
        write_run(tmp_path / "b", "ärm → 2", 0, SHORT),
    ]
    for page in (write_comparison(folders, tmp_path / "page").page, write_report(folders[0]).page):
        text = check_self_contained(page).replace("\u200b", "")
        assert "<b>&" not in text
        assert "&lt;b&gt;&amp;" in text


def test_a_record_from_another_callback_makes_a_page(tmp_path):
    """A user's own run: other image key, no arm, no probe set, one family of metrics."""
    writer = RecordWriter(
        tmp_path / "mine",
        RunInfo(
            name="mine",
            networks={"critic": {"blocks": [{"name": "camera", "width": 64, "keys": []}]}},
        ),
    )
    for update in range(5):
        values = {
            FEATURE_NORM.key("critic", "camera"): 1.0,
            FEATURE_NORM.key("critic", "goal"): 2.0,
        }
        writer.write(Line(update, update, values))
    writer.close()
    report = write_report(tmp_path / "mine")
    text = check_self_contained(report.page)
    assert "camera" in text
    assert "nothing of this was measured" in report.sentences[0]


def test_thresholds_of_a_study_are_printed(tmp_path, few_figures):
    folders = write_arms(tmp_path, 1, {"pixel-her": SHORT, "fix": SHORT_FIX})
    thresholds = reports.Thresholds(goal_share=0.25)
    comparison = write_comparison(folders, tmp_path / "page", thresholds)
    assert "below 25 %" in comparison.page.read_text()


def test_runs_of_one_name_keep_their_findings_apart(tmp_path):
    key = ZERO_FRACTION.key("actor", "pixels")
    dead = replace(BASELINE, overrides={(key, u): 1.0 for u in due(700)}, updates=700)
    arms = {
        "base": [write_run(tmp_path / f"a{n}" / "run", seed=n, kind=dead) for n in (0, 1)],
        "fix": [write_run(tmp_path / f"b{n}" / "run", seed=n) for n in (0, 1)],
    }
    page = write_comparison(arms, tmp_path / "page").page
    found = json.loads((page.parent / "verdict.json").read_text())["findings"]
    assert {arm: {run: len(own) for run, own in runs.items()} for arm, runs in found.items()} == {
        "base": {"seed 0": 1, "seed 1": 1}, "fix": {"seed 0": 0, "seed 1": 0}
    }  # fmt: skip


def test_the_figure_of_sensitivity_has_each_input_whatever_its_name(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=replace(SHORT, success=(0.0, 1.0))))
    swap = Q_SWAP.within(Family.SENSITIVITY)
    metrics = {**run.metrics, swap.key(block="wrist"): run.metrics[swap.key(block="pixels")]}
    times = four_times([run], 1000, 0.1)
    plots = run_plots(replace(run, metrics=metrics), times, Thresholds(), Family.SENSITIVITY)
    (rows,) = [plot.rows() for plot in plots if plot.name == "goal_sensitivity"]
    lines = {row["line"] for row in rows if row["panel"] == "Q, one block exchanged"}
    assert lines == {"desired_goal", "achieved_goal", "pixels", "wrist", "action"}
    others = [plot for plot in plots if plot.name in ("success", "q_distance")]
    assert len(others) == 2
    assert all(plot.rows() for plot in others)
