"""The record: whole lines survive anything, and damage is named in one line."""

import json
import math
import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goalscope.diagnostics.record import (
    MEASUREMENTS_FILE,
    RUN_FILE,
    Line,
    RecordError,
    RecordWriter,
    RunInfo,
    last_update,
    read_run,
)

LINE = Line(10, 5, {"signal/critic.goal.share": 0.25, "features/actor.pixels.norm": 3.0})


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "run"
    writer = RecordWriter(path, RunInfo(arm="pixel-her", seed=0))
    for update in range(3):
        writer.write(Line(update * 2, update, LINE.values))
    writer.close()
    return path


def test_what_is_written_comes_back(folder):
    run = read_run(folder)
    assert run.info.arm == "pixel-her"
    assert [line.update for line in run.measurements] == [0, 1, 2]
    assert run.lines[2].values == LINE.values
    assert not run.torn
    assert run.end is None
    assert last_update(folder) == 2


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["a/b.c", "d/e.f"]), st.floats()))
def test_every_float_comes_back_nan_and_infinity_included(values):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as parent:
        writer = RecordWriter(Path(parent) / "run", RunInfo())
        writer.write(Line(1, 1, values))
        writer.close()
        run = read_run(Path(parent) / "run")
        for key, value in values.items():
            got = run.lines[0].values[key]
            assert got == value or (math.isnan(got) and math.isnan(value))
        assert set(run.nonfinite()) == {k for k, v in values.items() if not math.isfinite(v)}
        text = (Path(parent) / "run" / MEASUREMENTS_FILE).read_text()
        json.loads(text, parse_constant=pytest.fail)  # strict JSON: no bare NaN


def test_a_torn_last_line_costs_only_itself(folder):
    path = folder / MEASUREMENTS_FILE
    path.write_bytes(path.read_bytes()[:-20])
    run = read_run(folder)
    assert run.torn
    assert [line.update for line in run.lines] == [0, 1]
    assert last_update(folder) == 1


def damage(folder, how):  # noqa: C901  (one case per kind of damage)
    path = folder / MEASUREMENTS_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    if how == "middle":
        path.write_bytes(lines[0] + b"{broken\n" + lines[2])
    elif how == "not a number":
        path.write_bytes(lines[0] + b'{"step": 1, "update": 1, "a/b": "x"}\n')
    elif how == "a number alone":
        path.write_bytes(lines[0] + b"5\n")
    elif how == "no measurement":
        path.write_bytes(b"")
    elif how == "no run.json":
        (folder / RUN_FILE).unlink()
    elif how == "other schema":
        (folder / RUN_FILE).write_text('{"schema": 99}')
    elif how == "truncated run.json":
        (folder / RUN_FILE).write_text('{"schema": 1, "arm')
    elif how == "not an object":
        (folder / RUN_FILE).write_text("[]")
    elif how == "empty":
        shutil.rmtree(folder)
        folder.mkdir()
    elif how == "missing":
        shutil.rmtree(folder)
    elif how == "a file":
        shutil.rmtree(folder)
        folder.write_text("hello")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("middle", "line 2 is damaged"),
        ("not a number", "line 2 is damaged"),
        ("a number alone", "line 2 is damaged"),
        ("no measurement", "without a single measurement"),
        ("no run.json", "is not a run"),
        ("other schema", "schema 99"),
        ("truncated run.json", "run.json is not JSON"),
        ("not an object", "run.json: expected a mapping"),
        ("empty", "is empty"),
        ("missing", "does not exist"),
        ("a file", "is a file"),
    ],
)
def test_damage_is_named_in_one_line(folder, how, says):
    damage(folder, how)
    with pytest.raises(RecordError, match=says) as caught:
        read_run(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_a_run_is_never_written_to(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RecordError, match="already holds a run"):
        RecordWriter(folder, RunInfo())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot write"):
        RecordWriter(tmp_path / "file" / "run", RunInfo())


def test_a_record_until_a_step_is_that_of_a_run_that_ended_there(tmp_path):
    writer = RecordWriter(tmp_path / "run", RunInfo())
    for update in range(6):
        writer.write(Line(update * 10, update, {f"training/critic.loss{update % 2}": 1.0 * update}))
    writer.write(Line(31, 3, event="note", details={"note": "hears nothing"}))
    writer.write(Line(20, 2, LINE.values))  # an evaluation that was written down afterwards
    writer.close()
    run = read_run(tmp_path / "run")
    cut = run.until(32)
    assert list(cut.lines[:-1]) == [line for line in run.lines if line.step <= 32]
    assert cut.lines[-1] == cut.end == Line(31, 3, event="end", details={"reason": "finished"})
    assert cut.notes == ("hears nothing",)
    assert {key: len(column.values) for key, column in cut.lines.by_metric().items()} == {
        "training/critic.loss0": 2,
        "training/critic.loss1": 2,
        **dict.fromkeys(LINE.values, 1),
    }
    assert run.until(50) is run, "it ended there by itself, and was cut off for all that is known"
    assert run.end is None
    late = tmp_path / "late"
    writer = RecordWriter(late, RunInfo())
    writer.write(Line(40, 1, LINE.values))
    writer.close()
    with pytest.raises(RecordError, match="step 39 lies before the first measurement, at step 40"):
        read_run(late).until(39)


def test_what_is_said_of_a_run_comes_back(tmp_path):
    info = RunInfo(
        name="a",
        arm="pixel-her",
        seed=3,
        settings={"agent.learning_rate": 1e-4},
        networks={"critic": {"features_dim": 6, "blocks": [{"name": "goal"}]}},
        instruments={"feature_statistics": {"every": 50}},
        notes=("a sentence",),
    )
    RecordWriter(tmp_path / "a", info).write(LINE)
    assert read_run(tmp_path / "a").info == info
    assert json.loads((tmp_path / "a" / RUN_FILE).read_text())["schema"] == 1


def test_what_a_later_version_says_of_a_run_is_left_out(folder):
    content = json.loads((folder / RUN_FILE).read_text())
    (folder / RUN_FILE).write_text(json.dumps({**content, "mood": "good", "versions": None}))
    assert read_run(folder).info == RunInfo(arm="pixel-her", seed=0)


@pytest.mark.parametrize("section", ["settings", "networks", "probe_set"])
def test_a_section_that_is_no_mapping_is_damage(folder, section):
    content = json.loads((folder / RUN_FILE).read_text())
    (folder / RUN_FILE).write_text(json.dumps({**content, section: [1, 2]}))
    with pytest.raises(RecordError, match=f"run.json: {section}: expected `mapping"):
        read_run(folder)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_leaves_the_lines_before_whole(folder, tmp_path):
    writer = RecordWriter(tmp_path / "other", RunInfo())
    writer.write(LINE)
    whole, writer._file = writer._file, open("/dev/full", "wb", buffering=0)
    with pytest.raises(OSError, match="No space left"):
        writer.write(LINE)
    whole.close()
    assert len(read_run(tmp_path / "other").lines) == 1
