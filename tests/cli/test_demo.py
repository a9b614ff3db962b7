"""The demo: its first page stands before the second part trains, and says what was shortened."""

from pathlib import Path

import pytest
from helpers.synthetic_runs import SHORT, write_run

from goalscope import reports
from goalscope.cli.demo import Demo
from goalscope.training.runs import study

pytestmark = pytest.mark.usefixtures("few_figures")


@pytest.fixture
def trained(monkeypatch) -> list[list]:
    """Lets runs appear without training; what was asked for, study by study."""
    asked = []

    def run_study(runs, folder, executor, plan=None) -> list[Path]:
        asked.append(runs)
        return [write_run(run.out, run.arm, run.seed, SHORT[run.arm]) for run in runs]

    monkeypatch.setattr(study, "run_study", run_study)
    return asked


def test_baseline_and_fix_on_push_from_pixels_are_compared_first(trained, tmp_path, capsys):
    assert Demo(out=tmp_path / "demo", reach_steps=0).run() == 0
    (runs,) = trained
    assert {(run.arm, run.seed) for run in runs} == {(arm, s) for arm in SHORT for s in (0, 1)}
    assert {(run.env, run.image_size, run.updates) for run in runs} == {("FetchPush-v4", 84, 160)}
    assert {run.every.features for run in runs} == {8}  # measured at 152, within the last tenth
    said = capsys.readouterr().out
    page = tmp_path / "demo" / "comparison" / "comparison.html"
    assert f"minutes: {page}" in said
    text = " ".join(page.read_text().split())
    for part in (
        "shortened for a demo: 360 steps",
        "8,000,000",
        "batches of 128",
        "2 seeds an arm",
    ):
        assert part in said
        assert part in text
    assert all((run.out / "report.html").exists() for run in runs)


def test_the_first_page_is_said_before_the_second_part_begins(
    trained, tmp_path, monkeypatch, capsys
):
    before = []

    def reach(demo, study, console):
        before.append(capsys.readouterr().out)
        assert study.out == tmp_path / "demo" / "reach"
        first = [tmp_path / "demo" / f"{arm}-seed0" for arm in SHORT]
        return reports.write_comparison(first, study.out / "comparison")

    monkeypatch.setattr(Demo, "_reach", reach)
    assert Demo(out=tmp_path / "demo", seeds=1).run() == 0
    page = tmp_path / "demo" / "comparison" / "comparison.html"
    assert f"{page} Open it now: the rest trains meanwhile." in before[0]
    assert f"{tmp_path / 'demo' / 'reach' / 'comparison'}" in capsys.readouterr().out


def test_a_demo_beside_another_gets_a_folder_of_its_own(trained, tmp_path):
    for number in range(2):
        Demo(out=tmp_path / "demo", seeds=1, reach_steps=0).run()
        assert (tmp_path / ("demo" if number == 0 else "demo-2") / "comparison").is_dir()
