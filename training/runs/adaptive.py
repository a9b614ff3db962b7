"""What a study asks of whatever says which of its seeds are still needed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Adaptive(Protocol):
    """Looks at a study after every group of seeds, and says which arms need no more."""

    @property
    def groups(self) -> Sequence[Sequence[int]]:
        """The study's seeds, group by group."""

    @property
    def settled(self) -> set[str]:
        """The arms that need no more seeds."""

    @property
    def content(self) -> dict[str, Any]:
        """What was decided, and by which rule, as study.json has it."""

    def look(self, finished: Mapping[tuple[str, int], Path]) -> list[str]:
        """Look at what is finished, arm and seed -> run, and return what was found in lines."""
