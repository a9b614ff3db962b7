"""Success on the pages, and where resumed runs are named."""

import json
from dataclasses import replace

from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, write_arms, write_run

from goalscope.reports import Thresholds, write_comparison, write_report
from goalscope.reports.claims.success import learning_sentence
from goalscope.reports.numbers.differences import circumstance_differences
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.warnings import run_warnings

LEARNS = replace(BASELINE, updates=60, success=(0.0, 0.5, 1.0), settings=FLOORS)
FAILS = replace(LEARNS, success=(0.0, 0.0, 0.0))
NO_FLOOR = replace(LEARNS, settings={})


def arms_of(tmp_path, seeds, **kinds):
    return load_arms(write_arms(tmp_path, seeds, kinds))


def test_the_figure_of_success_comes_first(tmp_path):
    (folder,) = write_arms(tmp_path, 1, {"fix": LEARNS})
    text = write_report(folder).page.read_text()
    assert text.index('<figure id="success">') < text.index('<figure id="forward_signal">')


def test_pages_say_success_and_write_its_numbers(tmp_path, few_figures):
    folders = write_arms(tmp_path, 2, {"pixel-her": FAILS, "fix": LEARNS})
    report = write_report(folders[2])
    assert report.success in report.page.read_text().replace("\xa0", " ")
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


def test_resumed_runs_are_named(tmp_path, few_figures):
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


def test_what_learns_where_the_baseline_does_not_is_named_first(tmp_path, few_figures):
    folders = write_arms(tmp_path, 2, {"base": FAILS, "flat": FAILS, "best": LEARNS})
    said = learning_sentence(load_arms(folders), Thresholds())
    assert said == "Look first at what learns here where base does not: best (100 %)"
    comparison = write_comparison(folders, tmp_path / "page")
    assert comparison.steps[0] == said
    assert "Look first at what learns here" in comparison.page.read_text()
    assert learning_sentence(arms_of(tmp_path / "b", 2, base=LEARNS, x=LEARNS), Thresholds()) == ""
    assert learning_sentence(arms_of(tmp_path / "c", 1, base=FAILS, x=LEARNS), Thresholds()) == ""
    assert learning_sentence(arms_of(tmp_path / "d", 2, base=NO_FLOOR), Thresholds()) == ""
    # one seed is not held against the floor: that it does not learn is not known
    one, two = (arms_of(tmp_path / str(n), n, base=LEARNS, x=LEARNS) for n in (1, 2))
    assert learning_sentence({**one, "x": two["x"]}, Thresholds()) == ""
