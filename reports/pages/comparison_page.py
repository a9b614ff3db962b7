"""The page that lays arms over each other and judges the claim."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goalscope.diagnostics.record import is_run
from goalscope.reports.errors import ReportError
from goalscope.reports.figures.comparison_figures import comparison_drawings
from goalscope.reports.figures.drawing import save
from goalscope.reports.pages.rendering import make_folders, render, write_whole
from goalscope.reports.records.differences import circumstance_differences, setting_differences
from goalscope.reports.records.grouping import load_arms
from goalscope.reports.records.health import comparison_warnings, run_warnings
from goalscope.reports.records.tables import Run, write_rows
from goalscope.reports.records.windows import (
    TIMES,
    Times,
    steps_of,
    three_times,
)
from goalscope.reports.verdict.claims import Claim, Evaluation, evaluate
from goalscope.reports.verdict.claims_files import (
    claims_content,
    write_claims_table,
    write_windows_table,
)
from goalscope.reports.verdict.outcomes import Thresholds
from goalscope.reports.verdict.sentences import overall_sentence, time_sentences
from goalscope.reports.verdict.success import SUCCESS_COLUMNS, success_rows, success_sentence
from goalscope.reports.verdict.untested import UNTESTED

PAGE = "comparison.html"
CLAIMS = "claims.json"


@dataclass(frozen=True)
class Comparison:
    """The page of a comparison.

    Attributes:
        page: its path.
        sentences: three: at initialisation, early, late.
        overall: one sentence for the whole page.
        success: what the arms' last common evaluation came to, beside the floor.
        warnings: what limits the comparison, one line each.
        claims: C1, C2, C4 of each arm and C5 of each arm but the baseline, at each time.
    """

    page: Path
    sentences: tuple[str, str, str]
    overall: str
    success: str
    warnings: tuple[str, ...]
    claims: tuple[Claim, ...]


def write_comparison(
    run_folders: Sequence[Path | str], out: Path | str, thresholds: Thresholds | None = None
) -> Comparison:
    """Write `comparison.html`, `claims.json`, `figures/` and `tables/`, and return what they say.

    The baseline is the arm called pixel-her, else the arm of the first folder.

    Args:
        run_folders: at least two runs; a run without an arm is an arm of its own.
        out: folder for the page, made if missing; not a run folder.
        thresholds: that decide; None takes the fixed ones.

    Raises:
        RecordError: a folder is not a readable run.
        ReportError: the runs cannot be compared, or nothing can be written to `out`.
    """
    out = Path(out)
    if is_run(out):
        raise ReportError(
            f"{out} holds a run, whose own figures the comparison would overwrite; choose another "
            "folder for the page"
        )
    arms = load_arms(run_folders)
    runs = [run for group in arms.values() for run in group]
    rules = thresholds or Thresholds()
    spans = rules.early_updates, rules.late_part
    times = three_times(runs, *spans)
    evaluation = evaluate(arms, times, rules)
    by_step = None
    differences = setting_differences(arms)
    sentences = time_sentences(evaluation, arms)
    overall = overall_sentence(evaluation)
    success = success_sentence(arms, rules)
    broken = [warning for run in runs for warning in run_warnings(run)]
    limits = comparison_warnings(arms, times, evaluation.family, differences)
    circumstances = circumstance_differences(arms)
    drawings = comparison_drawings(arms, evaluation, by_step=by_step is not None)

    figures, tables = make_folders(out)
    written = ["claims.csv", "windows.csv", "differences.csv"]
    write_claims_table(evaluation, tables / "claims.csv")
    if by_step is not None:
        written.append("claims_by_step.csv")
        write_claims_table(by_step, tables / "claims_by_step.csv")
    write_windows_table(arms, times, tables / "windows.csv")
    if evaluated := success_rows(arms):
        written.append("success.csv")
        write_rows(tables / "success.csv", evaluated, SUCCESS_COLUMNS)
    rows = [{"name": d.name, **d.values} for d in (*differences, *circumstances)]
    write_rows(tables / "differences.csv", rows, ["name", *arms])
    words = {
        "sentences": sentences,
        "overall": overall,
        "success": success,
        "warnings": [*broken, *limits],
        "runs": {arm: [run.name for run in group] for arm, group in arms.items()},
    }
    claims = json.dumps(claims_content(evaluation, by_step, words), indent=1, allow_nan=False)
    page = render(
        "comparison.html",
        {
            **words,
            "broken": broken,
            "limits": limits,
            "arms": arms,
            "evaluation": evaluation,
            "by_step": by_step,
            "times": TIMES,
            "differences": differences,
            "circumstances": circumstances,
            "untested": UNTESTED,
            "steps": _steps(arms, times),
            "quantity_tables": _quantity_tables(evaluation, by_step),
            "figures": save(drawings, figures),
            "tables": written,
        },
    )
    write_whole(out / CLAIMS, claims + "\n")
    path = write_whole(out / PAGE, page)
    initialisation, early, late = sentences
    return Comparison(
        path,
        (initialisation, early, late),
        overall,
        success,
        (*broken, *limits),
        evaluation.claims,
    )


def _steps(arms: Mapping[str, Sequence[Run]], times: Times) -> dict[str, dict[str, str]]:
    """Return arm -> time -> the environment steps its window spans, in words."""
    return {
        arm: {time: steps_of(runs, times.windows[time]) for time in TIMES}
        for arm, runs in arms.items()
    }


def _quantity_tables(evaluation: Evaluation, by_step: Evaluation | None) -> list[dict[str, Any]]:
    tables: list[dict[str, Any]] = [{"title": "by update", "evaluation": evaluation}]
    if by_step is not None:
        tables.append({"title": "by environment step", "evaluation": by_step})
    return tables
