"""The code in the documentation, at a size that tests can run."""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs"
SMALLER = {  # than the pages' own runs
    "learn(600,": "learn(240,",
    "learn(1_000,": "learn(110,",
    "learn(5_000,": "learn(112,",
    "n_steps=256, n_epochs=4": "n_steps=64, n_epochs=1",
    "learn(10_000,": "learn(128,",
    "learn(20_000,": "learn(112,",
    "eval_freq=2_000": "eval_freq=110",
    "n_eval_episodes=20": "n_eval_episodes=2",
}
_BLOCK = re.compile(r"```(python|console)\n(.*?)```", re.DOTALL)


def code_blocks(page: Path) -> list[tuple[str, str]]:
    """Return the kind, python or console, and the text of each block of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for long, short in SMALLER.items():
        text = text.replace(long, short)
    return _BLOCK.findall(text)


def file_of(block: str) -> str | None:
    """Return the file that a block is the content of, where its first line says so."""
    named = re.match(r"# (\w+\.py)\n", block)
    return named and named[1]
