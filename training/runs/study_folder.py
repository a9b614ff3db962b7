"""A study's folder: the state of its runs, and the plan that they were read from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from goalscope.diagnostics.record import (
    PlainName,
    Unusable,
    fit,
    read_document,
    write_json_atomically,
)
from goalscope.errors import UserError
from goalscope.training.runs.executor import State

STUDY_FILE = "study.json"
PLAN_FILE = "plan.toml"


class StudyError(UserError):
    """A study in which runs failed, or whose folder is not fit; one line that says why."""


@dataclass(frozen=True)
class StudyRun:
    """A run of a study as study.json has it.

    Attributes:
        name: of its folder.
        arm: its arm.
        seed: its seed.
        state: how it stands.
        cause: why it failed; None unless it did.
    """

    name: PlainName
    arm: str
    seed: int
    state: State
    cause: str | None


class _StudyFile(TypedDict):
    runs: list[StudyRun]


def write_study(
    folder: Path, runs: Sequence[StudyRun], adaptive: Mapping[str, Any] | None = None
) -> None:
    """Write how the runs of a study stand, and what its adaptive seeds have decided."""
    content: dict[str, Any] = {"schema": 1, "runs": [asdict(r) for r in runs]}
    if adaptive is not None:
        content["adaptive"] = adaptive
    write_json_atomically(folder / STUDY_FILE, content)


def read_study(folder: Path) -> list[StudyRun]:
    """Return the runs of a study as they stood when it was last at work; none where it is none.

    Raises:
        StudyError: its study.json is damaged, or a run in it leads out of the folder.
    """
    path = folder / STUDY_FILE
    if not path.is_file():
        return []
    try:
        return fit(read_document(path), _StudyFile, path)["runs"]
    except Unusable as error:
        raise StudyError(f"{error}; start the study again") from error


def keep_plan(path: Path, folder: Path) -> None:
    """Copy a plan into the study's folder, where the study's page finds its thresholds.

    Raises:
        StudyError: the folder holds another plan.
    """
    kept, content = folder / PLAN_FILE, path.read_bytes()
    if kept.exists() and kept.read_bytes() != content:
        raise StudyError(
            f"{folder} holds a study of another plan ({kept}); choose another folder, or go on "
            "with that plan"
        )
    kept.write_bytes(content)
