"""Runs sorted into arms, the baseline first; what cannot be compared is refused."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from goalscope.reports.errors import ReportError
from goalscope.reports.numbers.runs import Run, load_run

BASELINE = "pixel-her"


def load_arms(folders: Sequence[Path | str]) -> dict[str, list[Run]]:
    """Return arm -> its runs by seed, the baseline first.

    A run without an arm is an arm of its own, named after its folder. The baseline is the arm
    called pixel-her, else the arm of the first folder.

    Raises:
        RecordError: a folder is not a readable run.
        ReportError: fewer than two runs, a seed twice in an arm, or no metric in common.
    """
    if len(folders) < 2:
        raise ReportError(
            f"a comparison needs at least two runs, not {len(folders)}; give more run folders, or "
            "make a report of one run"
        )
    runs = _tell_apart([load_run(folder) for folder in folders])
    arms: dict[str, list[Run]] = {}
    for run in runs:
        arms.setdefault(run.arm, []).append(run)
    for arm, group in arms.items():
        _refuse_repeats(arm, group)
        group.sort(key=lambda run: (run.seed is None, run.seed or 0, run.name))
    shared = set.intersection(*(set(run.metrics) for run in runs))
    if not shared:
        raise ReportError(
            f"the runs {', '.join(run.title for run in runs)} share no metric, so there is nothing "
            "to compare; record them with the same callback"
        )
    first = BASELINE if BASELINE in arms else runs[0].arm
    return {first: arms[first], **arms}


def _tell_apart(runs: list[Run]) -> list[Run]:
    """Return the runs; where folder names clash, those without an arm carry their parent's, too."""
    nameless = [run.name for run in runs if not run.record.info.arm]
    return [
        replace(run, arm=f"{run.record.folder.resolve().parent.name}/{run.name}")
        if not run.record.info.arm and nameless.count(run.name) > 1
        else run
        for run in runs
    ]


def _refuse_repeats(arm: str, runs: Sequence[Run]) -> None:
    seen: dict[int | str, Run] = {}
    for run in runs:
        key: int | str = run.label if run.seed is None else run.seed
        if key in seen:
            what = f"seed {run.seed}" if run.seed is not None else f"a run called {run.name}"
            raise ReportError(
                f"arm {arm} has {what} twice ({seen[key].record.folder} and "
                f"{run.record.folder}): the same seed is not another sample; leave one out"
            )
        seen[key] = run
