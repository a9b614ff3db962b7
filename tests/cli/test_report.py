"""`goalscope report`: damaged folders in one line, and NaN shown on a page that is made."""

import json
import os
import subprocess
import sys

import pytest
from helpers.command import content, goalscope, refused
from helpers.synthetic_runs import write_run

from goalscope.diagnostics.record import Line, RecordWriter, RunInfo, read_run

pytestmark = pytest.mark.usefixtures("few_figures")


@pytest.mark.parametrize("kind", ["missing", "empty", "not a run", "schema", "truncated"])
def test_run_folders_that_cannot_be_read(tmp_path, kind):
    folder = tmp_path / "run"
    if kind != "missing":
        folder.mkdir()
    if kind == "not a run":
        (folder / "notes.txt").write_text("hello")
    if kind in ("schema", "truncated"):
        RecordWriter(tmp_path / "good", RunInfo()).write(
            Line(1, 1, {"signal/critic.goal.share": 0.5})
        )
        for path in (tmp_path / "good").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    if kind == "schema":
        (folder / "run.json").write_text(json.dumps({"schema": 99}))
    if kind == "truncated":
        (folder / "run.json").write_text('{"schema": 1, "ar')
    before = content(tmp_path)
    refused(goalscope("report", folder))
    refused(goalscope("compare", folder, folder))
    assert content(tmp_path) == before


def test_nan_in_the_record_is_said_and_shown(runs, tmp_path):
    run = read_run(runs / "pixel-her-0")
    writer = RecordWriter(tmp_path / "run", run.info)
    for line in run.lines:
        poisoned = {
            k: float("nan") if "critic.goal.share" in k else v for k, v in line.values.items()
        }
        writer.write(Line(line.step, line.update, poisoned, line.event, line.details))
    done = goalscope("report", tmp_path / "run")
    refused(done, "NaN", "signal/critic.goal.share")
    assert (tmp_path / "run" / "report.html").exists()  # the page is made, and marks it


def test_a_reader_that_has_read_enough_is_no_error(tmp_path):
    folder = write_run(tmp_path / "a")
    command = [sys.executable, "-m", "goalscope", "report", str(folder), "--json"]
    read, write = os.pipe()
    os.close(read)  # as `| head -0` leaves it
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
