"""What a study asks of whatever trains its runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from goalscope.training.runs.settings import RunSettings

# A run is settled where its arm was, before its turn came: it is not trained.
State: TypeAlias = Literal["waiting", "running", "finished", "failed", "settled"]


@dataclass(frozen=True)
class Change:
    """How a run stands since just now.

    Attributes:
        name: of the run's folder.
        state: of the run.
        cause: why it failed; None unless it did.
    """

    name: str
    state: State
    cause: str | None = None


class Executor(Protocol):
    """Trains the runs of a study, each in its folder, which grows as the run goes on."""

    @property
    def threads(self) -> int:
        """Threads of torch for a run that names none."""

    def submit(self, run: RunSettings) -> None:
        """Have a run trained as soon as there is room for it."""

    def poll(self) -> list[Change]:
        """Return what has changed since it was last asked; waits a moment where nothing has."""

    def stop(self) -> list[Change]:
        """Let every run that is under way save itself and end; return what changed by that."""
