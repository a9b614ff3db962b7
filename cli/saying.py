"""What a command that makes a page says of it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from goalscope.errors import printable


def say(sentences: Sequence[str], warnings: Sequence[str], page: Path) -> None:
    """Print what the page says; warnings go where errors go."""
    for warning in warnings:
        print(printable(f"Note: {warning}"), file=sys.stderr)
    for sentence in sentences:
        print(printable(sentence))
    print(f"The page: {page}")
