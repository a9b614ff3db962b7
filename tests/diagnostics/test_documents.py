"""Files that anybody may have written: within limits, of a schema, and never a way out."""

import json
import os

import pytest

from goalscope.diagnostics.record import (
    MEASUREMENTS_FILE,
    RUN_FILE,
    Line,
    RecordError,
    RecordWriter,
    RunInfo,
    Unusable,
    read_document,
    read_run,
)
from goalscope.diagnostics.record.lines import decode_line
from goalscope.errors import printable
from goalscope.training.runs.study_folder import StudyError, read_study

KEY = "signal/critic.goal.share"


def test_an_acronym_keeps_its_capitals():
    with pytest.raises(ValueError, match=r"^JSON is malformed"):
        decode_line(b'{"step" 1}')
    with pytest.raises(ValueError, match=r"^input data was truncated"):
        decode_line(b'{"step"')


@pytest.fixture
def folder(tmp_path):
    writer = RecordWriter(tmp_path / "run", RunInfo(arm="pixel-her", seed=0))
    writer.write(Line(0, 0, {KEY: 0.25}))
    writer.close()
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[" * 100_000, "too deep"),
        ('{"a": ' * 30 + "1" + "}" * 30, "a.a.a.* lies deeper than 20 levels"),
        (f'{{"a": {"9" * 5_000}}}', "not JSON"),
        (f'{{"a": {{"b": {"9" * 60}}}}}', "a.b is too large a number"),
        (f'{{"a": ["{"x" * 20_000}"]}}', r"a\[0\] is longer than 10,000 characters"),
        (f'{{"{"x" * 20_000}": 1}}', "a name is longer"),
        ("[" + "1," * 200_000 + "1]", "expected a mapping"),
        (f'{{"a": [{"1," * 200_000}1]}}', "more than 100,000 values"),
        ("[]", "expected a mapping, got list"),
        ("\ufeff{}", "not JSON"),
    ],
)
def test_what_is_too_much_is_refused_at_its_place(tmp_path, content, says):
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(Unusable, match=says) as caught:
        read_document(path)
    assert len(str(caught.value)) < 500
    assert str(path) in str(caught.value)


def test_text_of_a_file_is_printable(tmp_path):
    (tmp_path / "file.json").write_text('{"a\\u001b[2J": ["\\ud800x\\u202e\\n", "é😀"]}')
    assert read_document(tmp_path / "file.json") == {"a [2J": [" x  ", "é😀"]}
    assert printable("a b") == "a b"


@pytest.mark.parametrize("name", [RUN_FILE, MEASUREMENTS_FILE, "routing.json", "probes.jsonl"])
@pytest.mark.parametrize("kind", ["a link out", "a pipe", "a folder"])
def test_only_the_runs_own_files_are_read(folder, tmp_path, name, kind):
    path = folder / name
    (tmp_path / "secret").write_text('{"schema": 1, "rows": [], "step": 0, "update": 0}\n')
    path.unlink(missing_ok=True)
    if kind == "a link out":
        path.symlink_to(tmp_path / "secret")
    elif kind == "a pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(RecordError, match=r"leads out of its folder|no plain file"):
        read_run(folder)


@pytest.mark.parametrize("kind", ["a pipe", "a link", "no such thing"])
def test_lines_kept_as_columns_are_the_runs_own_or_left_alone(folder, tmp_path, kind):
    beside = folder / f".{MEASUREMENTS_FILE}.columns"
    if kind == "a pipe":
        os.mkfifo(beside)
    elif kind == "a link":
        beside.symlink_to(tmp_path / "elsewhere")
    else:
        beside.write_bytes(b"x" * 100)
    assert len(read_run(folder).lines) == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({KEY: True}, f"{KEY}: 'True' is no number"),
        ({KEY: None}, "is no number"),
        ({KEY: "much"}, "'much' is no number"),
        ({KEY: [1]}, "expected"),
        ({KEY: 10**400}, "is no number"),
        ({"step": -1}, "step: expected `int` >= 0"),
        ({"step": 1.5}, "step: expected `int`"),
        ({"update": 10**15}, "update: expected `int` <= "),
        ({"a" * 10**5 + "/b": 1.0}, "a key is longer than 2,000 characters"),
        ({"cause": "x" * 20_000}, "cause is longer than 10,000 characters"),
        ({"count": "3"}, "count: expected `int`"),
        ({"event": "resumed"}, "kept_lines is missing"),
        ({"event": 3}, "event: expected `str"),
    ],
)
def test_a_line_that_is_none_says_what_of_it(folder, line, says):
    with open(folder / MEASUREMENTS_FILE, "a") as file:
        file.write(json.dumps({"step": 1, "update": 1, **line}) + "\n")
    with pytest.raises(RecordError, match=says) as caught:
        read_run(folder)
    assert f"{MEASUREMENTS_FILE} line 2 is damaged" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_whole_number_is_a_number_and_names_are_kept_once(folder):
    with open(folder / MEASUREMENTS_FILE, "a") as file:
        file.write(json.dumps({"step": 1, "update": 1, KEY: 3}) + "\n")
    first, second = read_run(folder).lines
    assert second.values == {KEY: 3.0}
    assert next(iter(first.values)) is next(iter(second.values))


def test_what_a_file_system_calls_a_file_can_be_written(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    try:
        writer = RecordWriter(tmp_path / name, RunInfo(name=name))
    except OSError:
        pytest.skip("this file system takes names in UTF-8 alone")
    writer.write(Line(1, 1, {KEY: 1.0}, "failure", {"cause": f"no file {name}"}))
    writer.close()
    run = read_run(tmp_path / name)
    assert run.name.isprintable()
    assert run.failures[0].details["cause"] == "no file caf?"


@pytest.mark.parametrize("name", ["../other", "/etc", "..", "", "a" * 300, "a/b"])
def test_a_run_of_a_study_lies_in_its_folder(tmp_path, name):
    row = {"name": name, "arm": "a", "seed": 0, "state": "finished", "cause": None}
    (tmp_path / "study.json").write_text(json.dumps({"schema": 1, "runs": [row]}))
    with pytest.raises(StudyError, match=r"study.json.*runs\[0\].name") as caught:
        read_study(tmp_path)
    assert str(caught.value).isprintable()
