"""The notebooks of the docs run, are small, and hold the cells of their sources."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "docs" / "notebooks").glob("*.py"))
LARGEST = 300_000  # bytes
SMALLER = {  # than the notebooks' own runs
    "    400, callback": "    130, callback",
    "learn(768,": "learn(128,",
}


def test_there_are_notebooks():
    assert [source.stem for source in SOURCES] == ["my_own_agent", "reading_a_run"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_is_its_source_executed(source):
    content = json.loads(source.with_suffix(".ipynb").read_text())
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    wanted = re.split(r"^# %%.*\n", source.read_text(), flags=re.M)[1:]
    shown = ["".join(cell["source"]).strip() for cell in code]
    assert shown == [part.strip() for part in wanted if not part.startswith("#")]
    assert all(cell["execution_count"] for cell in code)
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert any("text/html" in output.get("data", {}) for output in outputs)
    assert source.with_suffix(".ipynb").stat().st_size < LARGEST
    assert "/tmp" not in source.with_suffix(".ipynb").read_text()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_its_cells_run(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = source.read_text()
    for long, short in SMALLER.items():
        cells = cells.replace(long, short)
    exec(compile(cells, str(source), "exec"), {"__name__": "__main__"})


def test_what_is_made_smaller_stands_somewhere():
    sources = "".join(source.read_text() for source in SOURCES)
    assert [long for long in SMALLER if long not in sources] == []
