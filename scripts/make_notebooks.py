"""Make the notebooks of docs/notebooks from their sources, and execute them.

    python scripts/make_notebooks.py

A source is a Python file in cells: `# %% [markdown]` begins text, `# %%` code.
"""

import re
import tempfile
from pathlib import Path
from typing import Literal

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
_BEGINS = re.compile(r"^# %%(.*)\n", re.M)
Kind = Literal["markdown", "code"]


def cells_of(source: str) -> list[tuple[Kind, str]]:
    """Return each cell of a source: its kind, and its text."""
    _, *parts = _BEGINS.split(source)
    cells: list[tuple[Kind, str]] = []
    for mark, text in zip(parts[::2], parts[1::2], strict=True):
        if "markdown" in mark:
            cells.append(("markdown", re.sub(r"^# ?", "", text.strip(), flags=re.M)))
        else:
            cells.append(("code", text.strip()))
    return cells


def notebook_of(source: str) -> nbformat.NotebookNode:
    """Return the notebook that a source describes, not executed."""
    made = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    cells = [
        made[kind](text, id=f"cell-{number}")
        for number, (kind, text) in enumerate(cells_of(source))
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def executed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook with what its cells show; their files go to a folder that is deleted."""
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=None, record_timing=False, resources=resources)
        result: nbformat.NotebookNode = client.execute()
    result.metadata.pop("language_info", None)
    return result


def main() -> None:
    """Write a notebook beside each source."""
    for source in sorted(FOLDER.glob("*.py")):
        nbformat.write(executed(notebook_of(source.read_text())), source.with_suffix(".ipynb"))
        print(source.with_suffix(".ipynb"))


if __name__ == "__main__":
    main()
