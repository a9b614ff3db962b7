"""What is sent of a run's folder makes the same folder elsewhere, which can be gone on with."""

import shutil
from pathlib import Path

import pytest

from goalscope.training.executors import mirror
from goalscope.training.executors.mirror import Sender, take


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def checkpoint(run: Path, step: int) -> Path:
    folder = run / "checkpoints" / f"step-{step:09d}"
    write(folder, **{"checkpoint.json": "{}", "policy": f"weights at {step}", "resume__state": "s"})
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(mirror, "_PIECE_BYTES", 16)  # so that files come in several
    folder = tmp_path / "run"
    write(folder, **{"run.json": "{}", "measurements.jsonl": '{"update": 0}\n'})
    checkpoint(folder, 0)
    return folder


def test_the_other_folder_follows_what_is_written_thinned_and_removed(run, tmp_path):
    sender, there = Sender(run), tmp_path / "there"
    take(there, [*sender.pieces()])
    assert content(there) == content(run)
    assert [*sender.pieces()] == []
    with (run / "measurements.jsonl").open("a") as file:
        file.write('{"update": 1}\n{"update": 2}\n{"upd')  # the last is being written
    write(run, **{"routing.json": "of more than sixteen bytes", "empty": ""})
    checkpoint(run, 50)
    shutil.rmtree(run / "checkpoints" / "step-000000000" / "resume")
    write(run, **{".lock": "123", "checkpoints__.draft-000000100__policy": "half"})
    take(there, [*sender.pieces()])
    lines = (run / "measurements.jsonl").read_text().rpartition("\n")[0] + "\n"
    expected = content(run) | {"measurements.jsonl": lines.encode()}
    expected.pop("checkpoints/.draft-000000100/policy")
    assert content(there) == expected
    assert not (there / "checkpoints" / "step-000000000" / "resume").exists()


def test_a_checkpoint_appears_when_all_of_it_and_its_record_have_arrived(run, tmp_path):
    there = tmp_path / "there"
    for piece in Sender(run).pieces():
        take(there, [piece])
        if [*there.glob("checkpoints/step-*")]:
            assert content(there) == content(run)
    assert [*there.glob("checkpoints/step-*")]


def test_one_that_disappears_while_it_is_sent_leaves_nothing_behind(run, tmp_path):
    sender, there = Sender(run), tmp_path / "there"
    for piece in sender.pieces():
        take(there, [piece])
        if piece.path.endswith("policy"):
            newer = checkpoint(run, 50)
            shutil.rmtree(run / "checkpoints" / "step-000000000" / "resume")
    take(there, [*sender.pieces()])
    assert content(there) == content(run)
    assert [path for path in there.glob("checkpoints/*/resume")] == [
        there / newer.relative_to(run) / "resume"
    ]


def test_a_torn_line_on_the_other_side_is_written_over(run, tmp_path):
    sender, there = Sender(run), tmp_path / "there"
    sender.skip()
    shutil.copytree(run, there)
    with (there / "measurements.jsonl").open("a") as file:
        file.write('{"update": 1, "and a tail that is longer than what follows')
    with (run / "measurements.jsonl").open("a") as file:
        file.write('{"update": 1}\n')
    take(there, [*sender.pieces()])
    assert content(there) == content(run)
