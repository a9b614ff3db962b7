"""What a logger of somebody else's is to us, and the names our numbers have there."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from goalscope.diagnostics.record import Line
from goalscope.errors import UserError

Images = Mapping[str, NDArray[np.uint8]]


class LogError(UserError):
    """A logger cannot be written to; the message is one line and names the remedy."""


class Log(Protocol):
    """A logger that takes each measurement as it is made.

    Attributes:
        name: as a user asks for it.
    """

    name: str

    def hear(self, line: Line) -> None:
        """Log the numbers of a line of the record."""

    def show(self, line: Line, images: Images) -> None:
        """Log figures, uint8 (height, width, 3) each, as they stand at a line."""


def by_update(values: Mapping[str, float]) -> dict[str, float]:
    """Return tag -> value of numbers over updates: "features_by_update/critic.pixels.spread".

    A group of its own beside "features/...", which lies over steps: one axis for each group.
    """
    split = {key: key.partition("/") for key in values}
    return {f"{split[k][0]}_by_update/{split[k][2]}": value for k, value in values.items()}


def figure_tag(name: str) -> str:
    """Return the tag of a figure."""
    return f"figures/{name}"
