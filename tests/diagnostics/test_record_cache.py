"""What is kept of a long record reads as the record does, and never in place of another one."""

import os
import random
import shutil
import time

import pytest

from goalscope.diagnostics.record import Line, RecordWriter, RunInfo, cache, line_file, read_run

HIDDEN = ".measurements.jsonl.columns"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_LEAST_BYTES", 1)
    monkeypatch.setattr(line_file, "_BLOCK_BYTES", 150)  # so that a record is read in many blocks
    writer = RecordWriter(tmp_path / "run", RunInfo())
    for update in range(20):
        values = {
            "signal/critic.goal.share": update / 7,
            "features/actor.pixels.norm": float("nan"),
        }
        writer.write(Line(2 * update, update, values if update % 3 else {"loss/critic.value": 1.0}))
    writer.write(Line(20, 10, event="resumed", details={"kept_lines": 11, "lost_buffer": False}))
    writer.write(Line(22, 11, {"other/key": float("-inf")}))
    writer.close()
    return tmp_path / "run"


def shown(folder) -> list[str]:
    return list(map(str, read_run(folder).lines))


def parsed(folder, monkeypatch, read=shown) -> int:
    """How many lines are decoded by a reading, beside what is kept in words."""
    count = []
    decode = line_file.decode_line
    with monkeypatch.context() as patched:
        patched.setattr(line_file, "decode_line", lambda raw: count.append(raw) or decode(raw))
        read(folder)
    return len(count)


def test_a_record_is_parsed_once_and_reads_the_same(folder, monkeypatch):
    first = shown(folder)
    assert len(first) == 13
    assert (folder / HIDDEN).stat().st_mode & 0o777 == 0o644
    assert shown(folder) == first
    assert parsed(folder, monkeypatch) == 0


def test_what_is_added_is_read_on(folder, monkeypatch):
    shown(folder)
    reader = line_file.LineFile(folder / "measurements.jsonl")
    assert len(reader.read()[0]) == 13
    with (folder / "measurements.jsonl").open("a") as file:
        file.write('{"step": 30, "update": 15, "a/b": 1.0}\n{"step": 3')
    assert parsed(folder, monkeypatch, lambda _: reader.read()) == 1
    lines, torn = reader.read()
    assert (len(lines), torn, lines[-1].values) == (14, True, {"a/b": 1.0})
    with (folder / "measurements.jsonl").open("a") as file:
        file.write(
            '1, "update": 16}\n{"step": 1, "update": 1, "event": "resumed", "kept_lines": 2}\n'
        )
    assert len(reader.read()[0]) == 3
    assert shown(folder) == list(map(str, reader.read()[0]))


@pytest.mark.parametrize("how", ["other content", "damaged", "cut", "of another", "a folder"])
def test_anything_else_is_parsed_anew(folder, monkeypatch, how):
    before = shown(folder)
    path, kept = folder / "measurements.jsonl", folder / HIDDEN
    if how == "other content":
        path.write_bytes(path.read_bytes().replace(b"1.0", b"2.0"))
        assert shown(folder) != before
        return
    if how == "damaged":
        kept.write_bytes(b"\x00" * 100)
    elif how == "cut":
        kept.write_bytes(kept.read_bytes()[:-8])
    elif how == "of another":
        shutil.copytree(folder, folder.with_name("other"))
        os.utime(folder.with_name("other") / "measurements.jsonl")
        folder = folder.with_name("other")
    else:
        kept.unlink()
        kept.mkdir()
    assert shown(folder) == before
    assert parsed(folder, monkeypatch) == (22 if how == "a folder" else 0)


def test_a_folder_that_cannot_be_written_is_read_all_the_same(folder, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(cache.tempfile, "mkstemp", refuse)
    assert len(shown(folder)) == 13
    assert not (folder / HIDDEN).exists()


def test_what_claims_to_be_lines_and_is_none_is_not_taken(folder):
    before = shown(folder)
    lines = read_run(folder).lines
    path = folder / "measurements.jsonl"
    wrong = {
        "starts": lines.starts[::-1].copy(),
        "keys": lines.keys + 100,
        "values": lines.values[:-1],
        "steps": lines.steps.astype("float64"),
    }
    for name, array in wrong.items():
        made = cache.Lines(**{**vars(lines), name: array})
        (folder / HIDDEN).unlink(missing_ok=True)
        cache.keep_lines(path, path.stat(), made, path.stat().st_size)
        assert (folder / HIDDEN).exists()
        assert shown(folder) == before


@pytest.mark.parametrize("seed", range(20))
def test_whatever_holds_after_many_resumes_is_what_counting_says(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(line_file, "_BLOCK_BYTES", 400)
    chance = random.Random(seed)
    held: list[tuple[int, Line]] = []
    writer = RecordWriter(tmp_path / "run", RunInfo())
    for number in range(60):
        line = Line(number, number, {"a/b": 1.0})
        if chance.random() < 0.2:
            kept = chance.randint(max(0, number - 15), number + 1)
            line = Line(number, number, event="resumed", details={"kept_lines": kept})
            held = [(place, one) for place, one in held if place < kept]
        writer.write(line)
        held.append((number, line))
    writer.close()
    lines = read_run(tmp_path / "run").lines
    assert [(line.update, line.event) for line in lines] == [(n, k.event) for n, k in held]
    assert lines.numbers.tolist() == [number for number, _ in held]


def test_a_record_that_was_resumed_at_every_line_is_read_in_a_moment(tmp_path, monkeypatch):
    monkeypatch.setattr(line_file, "_BLOCK_BYTES", 2**20)
    line = '{{"step": 1, "update": 1, "event": "resumed", "kept_lines": {}}}\n'
    many = 50_000
    numbers = [*range(many), *range(many, 0, -1)]
    path = tmp_path / "measurements.jsonl"
    path.write_text("".join(map(line.format, numbers)))
    began = time.process_time()
    lines, _ = line_file.LineFile(path).read()
    assert time.process_time() - began < 5
    assert lines.numbers.tolist() == [0, 2 * many - 1]
