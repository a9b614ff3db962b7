"""The runs that a folder stands for: its own, or those of a study."""

from pathlib import Path

from goalscope.diagnostics.record import is_run
from goalscope.training.runs.study_folder import STUDY_FILE, StudyError, read_study


def runs_in(folder: Path) -> list[Path]:
    """Return the runs of a folder; a run, or what is neither, stands for itself.

    Of a study those that are finished: one that failed, or is still going, would set the end of the
    late window for all the others.

    Raises:
        StudyError: a study without a finished run, or its study.json is damaged; or a run in it is
            a link that leads elsewhere.
    """
    if is_run(folder) or not folder.is_dir():
        return [folder]
    runs = read_study(folder)
    found = sorted(path for path in folder.iterdir() if is_run(path))
    if runs:  # in the plan's order of arms
        found = [folder / run.name for run in runs if run.state == "finished"]
    for run in found:
        if run.resolve().parent != folder.resolve():
            raise StudyError(f"{run} is a link that leads out of the study; give that run itself")
    if not found and (folder / STUDY_FILE).is_file():
        failed = [f"{run.name} failed ({run.cause})" for run in runs if run.state == "failed"]
        why = f": {failed[0]}" if failed else ""
        raise StudyError(f"the study {folder} holds no finished run{why}; start it again")
    return found or [folder]


def study_of(folder: Path) -> Path:
    """Return the study that a run belongs to; any other folder is taken for one itself."""
    return folder.resolve().parent if is_run(folder) else folder


def holds_runs(folder: Path) -> bool:
    """Whether a folder is a run, or one of runs."""
    return folder.is_dir() and (is_run(folder) or any(map(is_run, folder.iterdir())))
