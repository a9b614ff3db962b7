"""A run in Python and in a notebook."""

import html
import math

from helpers.synthetic_runs import DEAD, write_run

import goalscope
from goalscope.reports import Thresholds
from goalscope.reports.pages.loaded import FINDING_COLUMNS, FRAME_COLUMNS


def test_the_frame_holds_every_number_of_the_record(tmp_path):
    loaded = goalscope.load_run(write_run(tmp_path / "a", kind=DEAD))
    assert tuple(loaded.frame.columns) == FRAME_COLUMNS
    measured = {
        (line.update, key): value
        for line in loaded.run.record.measurements
        for key, value in line.values.items()
    }
    rows = loaded.frame.set_index(["update", "key"])["value"].to_dict()
    assert rows.keys() == measured.keys()
    assert all(math.isclose(rows[place], value) for place, value in measured.items())
    row = loaded.frame[loaded.frame.key == "signal/critic.goal.share"].iloc[0]
    assert (row.family, row.owner, row.block, row["name"]) == ("signal", "critic", "goal", "share")
    assert row.unit == "share"


def test_findings_figures_and_the_notebooks_view_are_those_of_the_page(tmp_path):
    loaded = goalscope.load_run(write_run(tmp_path / "a", kind=DEAD))
    page = goalscope.write_report(tmp_path / "a")
    assert tuple(loaded.findings.columns) == FINDING_COLUMNS
    assert list(loaded.findings.name) == [f.check.name for f in page.diagnosis.findings]
    assert len(loaded.findings)
    text = html.unescape(page.page.read_text())
    assert all(figure.title in text for figure in loaded.figures.values())
    figure = next(iter(loaded.figures.values()))
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert figure.pixels().shape[2] == 3
    shown = html.unescape(loaded._repr_html_())
    assert all(says in shown for says in loaded.findings.says)
    assert "<html" not in shown


def test_figures_are_drawn_with_the_thresholds_of_whoever_loads(tmp_path):
    folder = write_run(tmp_path / "a", kind=DEAD)
    fixed = goalscope.load_run(folder).figures
    own = goalscope.load_run(folder, Thresholds(goal_share=0.7)).figures
    assert list(fixed) == list(own)
    for name, differ in (("forward_signal", True), ("gradient_shares", True), ("training", False)):
        assert (fixed[name].pixels() != own[name].pixels()).any() == differ
