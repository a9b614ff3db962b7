"""Runs sorted into arms, the baseline first; what cannot be compared is refused."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import numpy as np

from goalscope.diagnostics.record import RecordError, is_run, read_run
from goalscope.reports.errors import ReportError
from goalscope.reports.numbers.runs import Run, load_run

BASELINE = "pixel-her"

# Run folders, sorted into arms by their records; or arm -> the folders of its runs.
RunFolders: TypeAlias = Sequence[Path | str] | Mapping[str, Sequence[Path | str]]


def readable(folders: RunFolders) -> tuple[RunFolders, dict[str, str]]:
    """Return the run folders without those whose record cannot be read, and folder -> why.

    Raises:
        RecordError: a folder holds no run at all, or too few are left: of an arm that is given
            none, else fewer than two.
    """
    unreadable: dict[str, RecordError] = {}

    def kept(own: Sequence[Path | str], least: int) -> list[Path | str]:
        left = [folder for folder in own if _is_readable(folder, unreadable)]
        broken = [unreadable[str(folder)] for folder in own if str(folder) in unreadable]
        if broken and len(left) < least:
            raise broken[0]
        return left

    if isinstance(folders, Mapping):
        found: RunFolders = {arm: kept(own, 1) for arm, own in folders.items()}
    else:
        found = kept(folders, 2)
    causes = {folder: str(error).partition("; ")[0] for folder, error in unreadable.items()}
    return found, {folder: cause.removeprefix(f"{folder} ") for folder, cause in causes.items()}


def _is_readable(folder: Path | str, unreadable: dict[str, RecordError]) -> bool:
    try:
        read_run(folder)
    except RecordError as error:
        if not is_run(Path(folder)):
            raise
        unreadable[str(folder)] = error
        return False
    return True


def load_arms(
    folders: RunFolders, baseline: str | None = None, until_step: int | None = None
) -> dict[str, list[Run]]:
    """Return arm -> its runs by seed, the baseline first.

    Args:
        folders: of the runs. Where they are not sorted into arms, a run whose record names no arm
            is an arm of its own, named after its folder.
        baseline: which arm the others are compared with; None takes the one called pixel-her, else
            the arm of the first folder.
        until_step: leave out what came after this environment step; None takes all.

    Raises:
        RecordError: a folder is not a readable run, or measured nothing up to that step.
        ReportError: fewer than two runs, one arm alone where arms are given, a folder in two arms,
            a seed or a run twice in an arm, no arm of the baseline's name, or no metric in common.
    """
    if isinstance(folders, Mapping):
        runs = _sorted_by_hand(folders, until_step)
    else:
        runs = _as_recorded(folders, until_step)
    runs = _call_by_folder(runs)
    arms: dict[str, list[Run]] = {}
    for run in runs:
        arms.setdefault(run.arm, []).append(run)
    for arm, group in arms.items():
        _refuse_repeats(arm, group)
        _refuse_copies(arm, group)
        group.sort(key=lambda run: (run.seed is None, run.seed or 0, run.name))
    shared = set.intersection(*(set(run.metrics) for run in runs))
    if not shared:
        raise ReportError(
            f"the runs {', '.join(run.title for run in runs)} share no metric, so there is nothing "
            "to compare; record them with the same callback"
        )
    first = baseline or (BASELINE if BASELINE in arms else runs[0].arm)
    if first not in arms:
        raise ReportError(
            f"there is no arm {first} to be the baseline; the arms here are {', '.join(arms)}"
        )
    return {first: arms[first], **arms}


def _as_recorded(folders: Sequence[Path | str], until_step: int | None) -> list[Run]:
    runs = [load_run(folder, until_step=until_step) for folder in folders]
    if len(runs) < 2:
        raise ReportError(
            f"a comparison needs at least two runs, not {len(runs)}; give more run folders, or "
            "make a report of one run"
        )
    return _tell_apart(runs)


def _sorted_by_hand(
    folders: Mapping[str, Sequence[Path | str]], until_step: int | None
) -> list[Run]:
    if len(folders) < 2:
        raise ReportError(
            f"{' '.join(folders) or 'no arm'} alone is compared with nothing; name another arm"
        )
    arm_of: dict[Path, str] = {}
    for arm, own in folders.items():
        for folder in own:
            other = arm_of.setdefault(Path(folder).resolve(), arm)
            if other != arm:
                raise ReportError(f"{folder} is in two arms, {other} and {arm}; leave it in one")
    return [load_run(folder, arm, until_step) for arm, own in folders.items() for folder in own]


def _tell_apart(runs: list[Run]) -> list[Run]:
    """Return the runs; where folder names clash, those without an arm carry their parent's, too."""
    nameless = Counter(run.name for run in runs if not run.record.info.arm)
    return [
        replace(run, arm=f"{run.record.folder.resolve().parent.name}/{run.name}")
        if not run.record.info.arm and nameless[run.name] > 1
        else run
        for run in runs
    ]


def _call_by_folder(runs: Sequence[Run]) -> list[Run]:
    """Return the runs; those without a seed go by as much of their paths as tells them apart."""
    paths = {run.record.folder.resolve().parts for run in runs if run.seed is None}
    depth = 1
    while len({path[-depth:] for path in paths}) < len(paths):
        depth += 1
    return [
        replace(run, called="/".join(run.record.folder.resolve().parts[-depth:]))
        if run.seed is None and depth > 1
        else run
        for run in runs
    ]


def _refuse_repeats(arm: str, runs: Sequence[Run]) -> None:
    seen: dict[int | str, Run] = {}
    for run in runs:
        key: int | str = run.label if run.seed is None else run.seed
        if key in seen:
            what = f"seed {run.seed}" if run.seed is not None else f"a run called {run.label}"
            raise ReportError(
                f"arm {arm} has {what} twice ({seen[key].record.folder} and "
                f"{run.record.folder}): the same seed is not another sample; leave one out"
            )
        seen[key] = run


def _refuse_copies(arm: str, runs: Sequence[Run]) -> None:
    """Refuse runs without a seed that measured the same: only their numbers tell them apart."""
    seen: dict[str, Run] = {}
    for run in runs:
        if run.seed is None:
            other = seen.setdefault(_measured(run), run)
            if other is not run:
                raise ReportError(
                    f"{other.record.folder} and {run.record.folder} of arm {arm} measured exactly "
                    "the same: a run that is repeated is not another sample; leave one out"
                )


def _measured(run: Run) -> str:
    """Return a digest of all that a run measured, whatever the order of its metrics."""
    digest = sha256()
    for key in sorted(run.metrics):
        column = run.column(key)
        assert column is not None
        digest.update(key.encode())
        for part in (column.updates, column.steps, column.values):
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
