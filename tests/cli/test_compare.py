"""`goalscope compare`: of runs and of studies, and of what is left of them."""

import json
from dataclasses import replace

import pytest
from helpers.command import goalscope, refused
from helpers.synthetic_runs import BASELINE, SHORT, write_arms

from goalscope.diagnostics.record import Line, RecordWriter, RunInfo, read_run

pytestmark = pytest.mark.usefixtures("few_figures")


def test_train_report_compare(runs):
    one = runs / "pixel-her-0"
    info = read_run(one).info
    assert info.arm == "pixel-her"
    assert info.settings["env.id"] == "PixelPoint-v0"
    assert info.settings["agent.learning_rate"] == pytest.approx(3e-4)
    report = goalscope("report", one)
    assert report.returncode == 0, report.stderr
    assert (one / "report.html").exists()
    assert report.stdout.startswith("Findings: ")
    as_json = goalscope("report", one, "--json")
    assert json.loads(as_json.stdout) == json.loads((one / "findings.json").read_text())
    folders = sorted(path for path in runs.iterdir() if path.name.startswith("pixel"))
    compared = goalscope("compare", *folders, "--out", runs / "comparison")
    assert compared.returncode == 0, compared.stderr
    assert (runs / "comparison" / "comparison.html").exists()
    lines = compared.stdout.splitlines()
    verdict = json.loads((runs / "comparison" / "verdict.json").read_text())
    assert lines[0] == " ".join([verdict["answer"], *verdict["summary"]])
    assert lines[6].startswith("The page: ")  # after four times and success
    assert all(line.startswith("Try next") for line in lines[7:])
    whole = goalscope("compare", runs, "--out", runs / "again")
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.splitlines()[:3] == compared.stdout.splitlines()[:3]


def test_every_seed_of_a_study_shares_the_probe_set(runs):
    digests = {read_run(p).info.probe_set["sha256"] for p in runs.glob("pixel-*")}
    assert len(digests) == 1


def test_comparing_what_cannot_be_compared(runs, tmp_path):
    writer = RecordWriter(tmp_path / "other", RunInfo(arm="other", seed=0))
    writer.write(Line(1, 1, {"something/else.entirely": 1.0}))
    out = ("--out", tmp_path / "page")
    refused(goalscope("compare", runs / "pixel-her-0", tmp_path / "other", *out))
    refused(goalscope("compare", runs / "pixel-her-0", *out))
    refused(goalscope("compare", runs, "--until-step", "0", *out), "--until-step must be at least")
    assert not (tmp_path / "page").exists()


def test_a_cut_before_anything_of_the_networks_was_measured(tmp_path):
    late = replace(BASELINE, updates=60, start=101)
    folders = write_arms(tmp_path, 2, {"pixel-her": late, "fix": late})
    for folder in folders:  # what training says of itself begins with the run
        file = folder / "measurements.jsonl"
        first = '{"step": 0, "update": 0, "training/entropy.coefficient": 1.0}\n'
        file.write_text(first + file.read_text())
    done = goalscope("compare", *folders, "--until-step", "5", "--out", tmp_path / "page")
    refused(done, "step 5 lies before the first measurement, at step 101")
    assert not (tmp_path / "page").exists()


def in_short(tmp_path, form):
    """Return the folder of the short form."""
    folders = write_arms(tmp_path / "runs", 2, SHORT)
    done = goalscope("compare", *folders, "--out", tmp_path / "page", "--format", form)
    assert done.returncode == 0, done.stderr
    return tmp_path / "page" / "short"


def test_the_short_form_as_a_paper(tmp_path):
    assert (in_short(tmp_path, "pdf") / "verdict.pdf").read_bytes().startswith(b"%PDF")


def test_the_short_form_as_pictures(tmp_path, few_in_short):
    short = in_short(tmp_path, "png")
    assert "What to try next" in (short / "verdict.md").read_text()
    assert (short / "forward_signal.png").exists()


def test_an_empty_study(tmp_path):
    (tmp_path / "study.json").write_text('{"schema": 1, "runs": []}')
    refused(goalscope("compare", tmp_path), "holds no finished run")


def test_a_study_in_which_every_seed_of_an_arm_failed(tmp_path):
    folders = write_arms(tmp_path, 2, SHORT)
    rows = [
        {"name": folder.name, "arm": "pixel-her", "seed": 0, "state": "finished", "cause": None}
        for folder in folders
    ]
    rows += [
        {"name": f"gone-{seed}", "arm": "gone", "seed": seed, "state": "failed", "cause": "no disk"}
        for seed in (0, 1)
    ]
    (tmp_path / "study.json").write_text(json.dumps({"schema": 1, "runs": rows}))
    done = goalscope("compare", tmp_path, "--out", tmp_path / "page")
    refused(done, "every seed of gone failed")
    assert (
        "gone-0, gone-1 not compared: no disk"
        in (tmp_path / "page" / "comparison.html").read_text()
    )


def test_studies_as_arms_keep_what_their_plans_fixed_and_what_failed(tmp_path):
    for name, share in (("one", 0.3), ("two", 0.4)):
        folders = write_arms(tmp_path / name, 2, {"pixel-her": SHORT["pixel-her"]})
        rows = [
            {"name": folder.name, "arm": "pixel-her", "seed": seed, "state": "finished"}
            for seed, folder in enumerate(folders)
        ]
        rows += [{"name": "gone", "arm": "pixel-her", "seed": 2, "state": "failed", "cause": "x"}]
        rows = [{"cause": None, **row} for row in rows]
        (tmp_path / name / "study.json").write_text(json.dumps({"schema": 1, "runs": rows}))
        plan = f'arms = ["pixel-her"]\nseeds = [0, 1, 2]\n[thresholds]\ngoal_share = {share}\n'
        (tmp_path / name / "plan.toml").write_text(plan)
    arms = ["--arm", f"a={tmp_path / 'one'}", "--arm", f"b={tmp_path / 'two'}"]
    done = goalscope("compare", *arms, "--out", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    assert f"those of the plan of {tmp_path / 'one'}; of {tmp_path / 'two'}" in done.stderr
    page = (tmp_path / "page" / "comparison.html").read_text()
    assert "one/gone" in page
    assert "two/gone" in page
    verdict = json.loads((tmp_path / "page" / "verdict.json").read_text())
    assert verdict["thresholds"]["goal_share"] == 0.3
    runs = [tmp_path / "two" / f"pixel-her-{seed}" for seed in (0, 1)]
    done = goalscope("compare", *runs, "--out", tmp_path / "runs")  # as the whole study
    assert done.returncode == 0, done.stderr
    verdict = json.loads((tmp_path / "runs" / "verdict.json").read_text())
    assert verdict["thresholds"]["goal_share"] == 0.4


def test_every_run_of_a_study_failed(tmp_path):
    row = {"name": "a", "arm": "pixel-her", "seed": 0, "state": "failed", "cause": "no disk"}
    (tmp_path / "study.json").write_text(json.dumps({"schema": 1, "runs": [row]}))
    refused(goalscope("compare", tmp_path), "holds no finished run", "a failed (no disk)")
