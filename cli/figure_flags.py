"""The flag of every command that makes a page."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class FigureFlags:
    """The figures of a page as files of their own."""

    figures: tuple[Literal["png", "csv", "pdf"], ...] = ()
    """Also write each figure as files: png; csv, the numbers it draws; pdf, 84 and 174 mm
    wide for LaTeX."""
