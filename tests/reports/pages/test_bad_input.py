"""Bad input to the pages: one clear line, nothing written."""

import json
from dataclasses import replace

import pytest
from helpers.synthetic_runs import BASELINE, FIX, write_arms, write_run

from goalscope.diagnostics.record import Line, RecordError, RecordWriter, RunInfo
from goalscope.reports import ReportError, write_comparison, write_report

SHORT = replace(BASELINE, updates=60)
SHORT_FIX = replace(FIX, updates=60)


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path):
    one = write_run(tmp_path / "a", "pixel-her", 0, SHORT)
    twin = write_run(tmp_path / "b", "pixel-her", 0, SHORT)
    writer = RecordWriter(tmp_path / "c", RunInfo(name="c", arm="other", seed=0))
    writer.write(Line(1, 1, {"mine/other.thing": 1.0}))
    writer.close()
    for folders, words in (
        ([one], "at least two runs"),
        ([], "at least two runs"),
        ([one, twin], "seed 0 twice"),
        ([one, one], "seed 0 twice"),
        ([one, tmp_path / "c"], "share no metric"),
    ):
        with pytest.raises(ReportError, match=words) as caught:
            write_comparison(folders, tmp_path / "page")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "page").exists()


def test_a_page_never_goes_into_a_run_or_over_a_file(tmp_path):
    folders = write_arms(tmp_path, 1, {"pixel-her": SHORT, "fix": SHORT_FIX})
    with pytest.raises(ReportError, match="holds a run"):
        write_comparison(folders, folders[0])
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ReportError, match="choose another folder"):
        write_comparison(folders, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


DAMAGES = [
    lambda folder: (folder / "run.json").write_text("{"),
    lambda folder: (folder / "run.json").write_text('{"schema": 99}'),
    lambda folder: (folder / "run.json").unlink(),
    lambda folder: (folder / "measurements.jsonl").write_text(""),
    lambda folder: (folder / "measurements.jsonl").write_text("no json\n{}\n"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_one_clear_line(tmp_path, damage):
    folder = write_run(tmp_path / "a", kind=SHORT)
    other = write_run(tmp_path / "b", "b", 0, SHORT)
    damage(folder)
    for attempt in (
        lambda: write_report(folder),
        lambda: write_comparison([folder, other], tmp_path / "page"),
    ):
        with pytest.raises(RecordError) as caught:
            attempt()
        assert "\n" not in str(caught.value)
    assert not (folder / "report.html").exists()
    assert not (tmp_path / "page").exists()


def test_records_that_cannot_be_read_blank_no_comparison(tmp_path):
    folders = write_arms(tmp_path, 2, {"pixel-her": SHORT, "fix": SHORT_FIX})
    broken = [write_run(tmp_path / f"broken-{n}", "fix", 7 + n, SHORT) for n in range(len(DAMAGES))]
    for folder, damage in zip(broken, DAMAGES, strict=True):
        damage(folder)
    page = write_comparison([*folders, *broken], tmp_path / "page")
    html = page.page.read_text(encoding="utf-8")
    assert all(f"{folder}" in html for folder in broken)
    assert "not compared: holds a run without a single measurement" in html
    assert json.loads(page.verdict_file.read_text())["arms"] == ["pixel-her", "fix"]
    sorted_by_hand = {"pixel-her": folders[:2], "fix": broken}
    with pytest.raises(
        RecordError, match="damaged"
    ):  # nothing is left of an arm that was asked for
        write_comparison(sorted_by_hand, tmp_path / "other")
    with pytest.raises(RecordError, match="does not exist"):  # no run, but a slip
        write_comparison([*folders, tmp_path / "typo"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_settings_that_are_no_mapping_are_refused(tmp_path):
    folder = write_run(tmp_path / "a", kind=SHORT)
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "settings": [1, 2]}))
    with pytest.raises(RecordError, match="settings: expected `mapping`"):
        write_report(folder)
    assert not (folder / "tables").exists()
