"""`goalscope probe`: what cannot be probed, in one line; where a user's environment comes from."""

import shutil
import sys

import pytest
from helpers.command import goalscope, refused

from goalscope.diagnostics.record import RecordWriter, RunInfo
from goalscope.errors import UserError
from goalscope.training.envs.own import imported
from goalscope.training.runs.checkpoint.folder import list_checkpoints

pytestmark = pytest.mark.usefixtures("few_walks")


def test_probing_what_cannot_be_probed(tmp_path):
    RecordWriter(tmp_path / "mine", RunInfo())
    refused(goalscope("probe", tmp_path / "mine"), "no checkpoints to probe")
    refused(goalscope("probe", tmp_path / "nothing"), "neither a run nor a checkpoint")
    (tmp_path / "model.zip").write_bytes(b"PK")
    refused(goalscope("probe", tmp_path / "model.zip"), "pickled", "--trust")
    refused(goalscope("probe", tmp_path / "model.zip", "--ablate", "goal"), "leave it out")
    made = ["--env", "nowhere:make", "--trust"]
    refused(goalscope("probe", tmp_path / "model.zip", *made), "cannot be imported")


def test_playing_without_an_input(runs, tmp_path):
    folder = shutil.copytree(runs / "pixel-her-0", tmp_path / "run")
    done = goalscope("probe", folder, "--ablate", "pixels", "goal", "--episodes", "2")
    assert done.returncode == 0, done.stderr
    assert "With pixels withheld: shuffled" in done.stdout
    assert 'id="ablation"' in (folder / "probes.html").read_text()
    refused(goalscope("probe", folder, "--ablate", "depth"), "depth names no input")
    refused(goalscope("probe", tmp_path, "--ablate", "pixels"), "neither a run nor a checkpoint")


MODULE = "from {sibling} import ANSWER\n\n\ndef make():\n    return ANSWER\n"


def test_an_environment_comes_from_a_file_elsewhere_with_its_siblings(tmp_path, monkeypatch):
    folder = tmp_path / "my environments"
    folder.mkdir()
    (folder / "constants_elsewhere.py").write_text("ANSWER = 42\n")
    (folder / "elsewhere.py").write_text(MODULE.format(sibling="constants_elsewhere"))
    monkeypatch.setattr("sys.path", [*sys.path])
    assert imported(f"{folder}/elsewhere.py:make")() == 42


def test_an_environment_comes_from_a_module_here(tmp_path, monkeypatch):
    (tmp_path / "constants_here.py").write_text("ANSWER = 43\n")
    (tmp_path / "here.py").write_text(MODULE.format(sibling="constants_here"))
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    assert imported("here:make")() == 43


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("nowhere:make", "No module named 'nowhere'"),
        ("nowhere.py:make", "there is no file nowhere.py"),
        ("json:make", "no attribute 'make'"),
        ("json", "write module:function"),
        ("broken.py:make", "SyntaxError"),
    ],
)
def test_makers_that_cannot_be_imported(tmp_path, monkeypatch, where, says):
    (tmp_path / "broken.py").write_text("def make(:")
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"^--env {where} cannot be imported from ") as caught:
        imported(where)
    assert says in str(caught.value)


def test_figures_are_written_as_files_of_a_run_and_of_a_study(runs, tmp_path):
    for name in ("pixel-her-0", "pixel-her-1"):
        shutil.copytree(runs / name, tmp_path / name)
        shutil.rmtree(list_checkpoints(tmp_path / name)[0].folder)  # one is enough to draw
    done = goalscope("probe", tmp_path / "pixel-her-0", "--figures", "csv", "png")
    assert done.returncode == 0, done.stderr
    figures = tmp_path / "pixel-her-0" / "figures"
    assert {path.suffix for path in figures.iterdir()} == {".csv", ".png"}
    assert (figures / "probe_attribution.png").stat().st_size > 0
    done = goalscope("probe", tmp_path, "--figures", "csv", "--parallel", "1")
    assert done.returncode == 0, done.stderr
    assert {f.suffix for f in (tmp_path / "pixel-her-1" / "figures").iterdir()} == {".csv"}
