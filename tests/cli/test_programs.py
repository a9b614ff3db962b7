"""For programs: JSON, exit codes, and a page that follows its run."""

import json
import shutil
import subprocess
import sys

import pytest
from helpers.command import goalscope, refused
from helpers.synthetic_runs import DEAD, write_run

from goalscope.cli.follow import follow
from goalscope.diagnostics.record import Line, RecordWriter, RunInfo, RunReader, read_run

pytestmark = pytest.mark.usefixtures("few_figures")


def test_a_finding_ends_with_one_where_asked(tmp_path):
    folder = write_run(tmp_path / "a", kind=DEAD)
    assert json.loads(goalscope("report", folder, "--json").stdout)["findings"]
    assert goalscope("report", folder).returncode == 0
    assert goalscope("report", folder, "--fail-on", "finding").returncode == 1
    RecordWriter(tmp_path / "b", RunInfo()).write(Line(1, 1, {"training/critic.loss": 0.5}))
    assert goalscope("report", tmp_path / "b", "--fail-on", "finding").returncode == 0


def test_compare_as_json_is_the_verdicts_file(runs, tmp_path):
    folders = sorted(folder for folder in runs.iterdir() if (folder / "run.json").exists())
    done = goalscope("compare", *folders, "--json", "--out", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "page" / "verdict.json").read_text())
    assert json.loads(done.stdout) == written


def test_doctor_as_json(monkeypatch):
    from goalscope.cli import machine

    found = machine.Finding("disk", "1 GiB", "free some", fatal=True)
    monkeypatch.setattr(machine, "CHECKS", (lambda: [found],))
    done = goalscope("doctor", "--json")
    assert done.returncode == 2
    expected = {"what": "disk", "value": "1 GiB", "remedy": "free some", "fatal": True}
    assert json.loads(done.stdout) == [expected]


def test_a_page_follows_its_run_to_its_end(tmp_path):
    whole = read_run(write_run(tmp_path / "whole"))
    folder, drawn = tmp_path / "run", []
    writer = RecordWriter(folder, whole.info)
    left = list(whole.lines)

    def grow(count: int) -> None:
        for line in left[:count]:
            writer.write(line)
        del left[:count]

    def draw(run):
        drawn.append(len(run.record.lines))
        grow(3 if len(drawn) < 3 else len(left))

    grow(2)
    run, why = follow(folder, draw, every=0)
    assert run.record.end is not None
    assert why == "The run has ended: finished."
    assert drawn == [2, 5, 8, len(whole.lines)]


def test_a_page_follows_no_run_that_was_killed(tmp_path):
    folder = write_run(tmp_path / "run")
    path = folder / "measurements.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))  # without its end
    writes = "import sys; from goalscope.diagnostics.record import RecordWriter; " + (
        "writer = RecordWriter(sys.argv[1], None); print('writes', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writes, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"writes\n"
        drawn = []

        def draw(run):
            drawn.append(len(run.record.lines))
            process.kill()  # whoever trains is lost, and says nothing

        run, why = follow(folder, draw, every=0.2)
    assert run.record.end is None
    assert "killed" in why
    assert len(drawn) == 1


def test_ctrl_c_leaves_the_page_that_was_drawn(tmp_path, monkeypatch):
    whole = read_run(write_run(tmp_path / "whole"))
    writer = RecordWriter(tmp_path / "run", whole.info)
    for line in whole.lines[:-1]:
        writer.write(line)

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("goalscope.cli.follow.time.sleep", interrupt)
    done = goalscope("report", tmp_path / "run", "--follow")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("the page is no longer drawn.\n")
    # It does not load itself again for ever: whoever reads it would lose the place.
    assert 'http-equiv="refresh"' not in (tmp_path / "run" / "report.html").read_text()
    writer.write(whole.lines[-1])
    done = goalscope("report", tmp_path / "run", "--follow")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "The run has ended: finished.")
    assert 'http-equiv="refresh"' not in (tmp_path / "run" / "report.html").read_text()


def test_following_refuses_what_is_no_run_and_what_is_for_programs(tmp_path):
    refused(goalscope("report", tmp_path / "nothing", "--follow"), "does not exist")
    folder = write_run(tmp_path / "a")
    refused(goalscope("report", folder, "--follow", "--json"), "leave out")


@pytest.mark.parametrize("cut", [0, 7])
def test_reading_on_gives_what_reading_anew_gives(tmp_path, cut):
    whole = read_run(write_run(tmp_path / "whole"))
    shutil.copytree(tmp_path / "whole", tmp_path / "run")
    path = tmp_path / "run" / "measurements.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 - cut])
    reader = RunReader(tmp_path / "run")
    assert reader.read() == read_run(tmp_path / "run")
    path.write_bytes(data)
    assert reader.read().lines == whole.lines
    with open(path, "ab") as file:
        file.write(b'{"step": 9, "update": 9, "event": "resumed", "kept_lines": 3}\n')
    assert [line.event for line in reader.read().lines] == [
        *(line.event for line in whole.lines[:3]),
        "resumed",
    ]
