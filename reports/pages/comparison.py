"""The page of a comparison: the verdict on the claim and its rivals, and what to try next."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from goalscope.diagnostics.record import is_run
from goalscope.reports.claims.assessment import Assessment, assess
from goalscope.reports.claims.deciding import NETWORKS
from goalscope.reports.claims.early_call import early_calls
from goalscope.reports.claims.extremes import least_shares
from goalscope.reports.claims.links import Link
from goalscope.reports.claims.success import (
    learning_sentence,
    success_rows,
    success_sentence,
)
from goalscope.reports.errors import ReportError
from goalscope.reports.figures.comparison.figures import comparison_plots
from goalscope.reports.figures.plot import FigureFile, draw
from goalscope.reports.files import folder_for
from goalscope.reports.findings.diagnosis import diagnose
from goalscope.reports.findings.over_arms import (
    arms_without_findings,
    first_findings,
    found_in_arms,
)
from goalscope.reports.numbers.differences import circumstance_differences, setting_differences
from goalscope.reports.numbers.grouping import RunFolders, load_arms, readable
from goalscope.reports.numbers.runs import Arms, observe_goals
from goalscope.reports.numbers.tables import write_rows
from goalscope.reports.numbers.warnings import comparison_warnings, run_warnings, uneven_pace
from goalscope.reports.numbers.windows import (
    TIMES,
    Times,
    four_times,
    four_times_by_step,
    steps_of,
)
from goalscope.reports.pages.claims_files import write_claims_table, write_windows_table
from goalscope.reports.pages.short_form import Format, short_words, write_short
from goalscope.reports.pages.templating import render, write_json, write_whole
from goalscope.reports.pages.verdict_file import verdict_file_content
from goalscope.reports.pages.verdict_rows import link_rows, placed, rival_rows
from goalscope.reports.rivals.judging import judge_rivals, learns_in_words
from goalscope.reports.rivals.next_steps import rank_explanations
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.text.answer import (
    answer_sentence,
    claim_sentence,
    fix_sentences,
    share_sentences,
)
from goalscope.reports.text.arm_rows import arm_rows
from goalscope.reports.text.inputs import input_sentences
from goalscope.reports.text.rules import SHARE, rule_sentences
from goalscope.reports.text.sentences import (
    early_call_sentence,
    next_step_sentence,
    time_sentences,
    told_in_time,
)

PAGE = "comparison.html"
SEES = "Does the policy see its goal?"
USES = "Which of its inputs does the policy use, learn from and hear?"
VERDICT = "verdict.json"


@dataclass(frozen=True)
class ComparisonPage:
    """The page of a comparison.

    Attributes:
        page: its path.
        sentences: four paragraphs: at initialisation, early, in the middle, late.
        overall: the answer to the page's question, and what it stands on.
        success: what the arms' last common evaluation came to, beside the floor.
        steps: what to try next: what was found in single runs, then what tests of explanations
            suggest, the strongest evidence first.
        warnings: what limits the comparison, one line each.
        links: the links C1 to C7 at each time.
        verdict_file: path of verdict.json, the same for programs.
        short: the short form, where one was asked for.
    """

    page: Path
    sentences: tuple[str, ...]
    overall: str
    success: str
    steps: tuple[str, ...]
    warnings: tuple[str, ...]
    links: tuple[Link, ...]
    verdict_file: Path
    short: Path | None = None


def write_comparison(
    run_folders: RunFolders,
    out: Path | str,
    thresholds: Thresholds | None = None,
    *,
    baseline: str | None = None,
    until_step: int | None = None,
    missing: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    form: Format | None = None,
    figures: Collection[FigureFile] = (),
) -> ComparisonPage:
    """Write `comparison.html`, `verdict.json` and `tables/`, and return what they say.

    Args:
        run_folders: at least two runs, sorted into arms by their records: one that names no arm is
            an arm of its own. Or arm -> the folders of its runs, whatever their records say.
        out: folder for the page, made if missing; not a run folder.
        thresholds: that decide; None takes the fixed ones.
        baseline: the arm that the others are compared with; None takes the one called pixel-her,
            else the arm of the first folder.
        until_step: leave out what came after this environment step of each run, and count it as
            finished there; None takes all of each.
        missing: run -> why it is not among them: it failed, or has not ended.
        notes: what else limits the comparison, said before what the page finds by itself.
        form: also write a short form: "pdf", "png" or "md".
        figures: also write the figures as files into `figures/`: "png", "csv", "pdf".

    Raises:
        RecordError: a folder is no run, one measured nothing up to that step, or so few records can
            be read that nothing is left to compare; else those that cannot are listed.
        ReportError: the runs cannot be compared, or nothing can be written to `out`.
    """
    out = Path(out)
    if is_run(out):
        raise ReportError(
            f"{out} holds a run, whose own figures the comparison would overwrite; choose another "
            "folder for the page"
        )
    folders, unreadable = readable(run_folders)
    missing = {**(missing or {}), **unreadable}
    arms = load_arms(folders, baseline, until_step)
    runs = [run for group in arms.values() for run in group]
    thresholds = thresholds or Thresholds()
    spans = thresholds.early_updates, thresholds.late_part
    times = four_times(runs, *spans)
    assessment = assess(arms, times, thresholds)
    by_step = None
    if uneven_pace(arms):
        by_step = assess(arms, four_times_by_step(runs, *spans), thresholds)
    judged = judge_rivals(arms, times, thresholds)
    explanations = rank_explanations(judged, assessment, arms, thresholds)
    calls = early_calls(arms, assessment)
    rows = arm_rows(arms, assessment)
    diagnoses = {arm: [diagnose(run) for run in group] for arm, group in arms.items()}
    firsts = first_findings(diagnoses)
    differences = setting_differences(arms)
    circumstances = circumstance_differences(arms)
    causes = {why: [n for n, w in missing.items() if w == why] for why in missing.values()}
    gone = [f"{', '.join(names)} not compared: {why}" for why, names in causes.items()]
    broken = [*gone, *(warning for run in runs for warning in run_warnings(run))]
    found = comparison_warnings(arms, times, assessment.study.family, differences)
    cut = [] if until_step is None else [f"what came after step {until_step:,} is left out"]
    limits = [*notes, *cut, *found]
    learning = learning_sentence(arms, thresholds)
    seeds = len(arms[assessment.baseline])
    alternatives = sum(one.test.p_value is not None for one in judged)
    tested = any(str(one.verdict) != "not tested" for one in judged)
    untested = [] if tested else [*dict.fromkeys(one.verdict.reason for one in judged)]
    shares = share_sentences(assessment, least_shares(arms[assessment.baseline], assessment))
    words: dict[str, Any] = {
        "answer": " ".join(
            filter(None, [answer_sentence(assessment, calls, seeds), claim_sentence(assessment)])
        ),
        "summary": [*shares, *fix_sentences(assessment)],
        "sentences": time_sentences(assessment),
        "rules": rule_sentences(assessment, seeds, alternatives),
        "success": success_sentence(arms, thresholds),
        "steps": [
            *filter(None, [learning]),
            *(first.sentence for first in firsts),
            *map(next_step_sentence, explanations.left),
        ],
        "early_calls_in_words": [early_call_sentence(call) for call in calls],
        "warnings": [*broken, *limits],
        "runs": {arm: [run.name for run in group] for arm, group in arms.items()},
    }
    goals = observe_goals(arms)
    if not goals:
        words |= _without_goals(arms, times)
    links = link_rows(arms, assessment, calls) if goals else []
    rivals = rival_rows(judged, assessment.baseline)
    plots = comparison_plots(arms, assessment, by_step=by_step is not None)
    if not goals:
        assessment, by_step, calls = assessment.unasked(), by_step and by_step.unasked(), []
    tables = folder_for(out, "tables")
    written = _write_tables(tables, arms, assessment, by_step)
    rows_of_differences = [{"name": d.name, **d.values} for d in (*differences, *circumstances)]
    write_rows(tables / "differences.csv", rows_of_differences, ["name", *arms])
    drawn = draw(plots, out / "figures", figures)
    content = verdict_file_content(
        assessment, by_step, words, calls, judged, explanations, diagnoses, rows
    )
    content["until_step"] = until_step
    page = render(
        "comparison.html",
        {
            **words,
            "goals": goals,
            "until_step": until_step,
            "question": SEES if goals else USES,
            "networks": NETWORKS,
            "share_is": SHARE,
            "broken": broken,
            "limits": limits,
            "arms": arms,
            "arm_rows": rows,
            "assessment": assessment,
            "by_step": by_step,
            "times": TIMES,
            "links": links,
            "thresholds": asdict(thresholds),
            "rivals": rivals,
            "untested": untested,
            "explanations": explanations,
            "learning": learning,
            "no_failure": bool(learns_in_words(arms, thresholds)),
            "firsts": firsts,
            "found": found_in_arms(diagnoses),
            "nothing_found": arms_without_findings(diagnoses),
            "differences": differences,
            "circumstances": circumstances,
            "window_steps": _steps(arms, times),
            "quantity_tables": _quantity_tables(assessment, by_step) if goals else [],
            "figures": drawn,
            "shown": placed(links, drawn),
            "tables": [*written, "differences.csv"],
        },
    )
    verdict_file = write_json(out / VERDICT, content)
    path = write_whole(out / PAGE, page)
    short = None
    if form is not None:
        short = write_short(
            short_words(assessment, words, links, rivals, SEES if goals else USES),
            plots,
            out,
            form,
        )
    return ComparisonPage(
        path,
        tuple(told_in_time(words["sentences"])),
        " ".join([words["answer"], *words["summary"]]),
        words["success"],
        tuple(words["steps"]),
        (*broken, *limits),
        assessment.links,
        verdict_file,
        short,
    )


def _write_tables(
    tables: Path,
    arms: Arms,
    assessment: Assessment,
    by_step: Assessment | None,
) -> list[str]:
    """Write the CSV files of numbers and outcomes, and return their names."""
    written = ["windows.csv"]
    write_windows_table(arms, assessment.times, tables / "windows.csv")
    for name, judged in (("claims.csv", assessment), ("claims_by_step.csv", by_step)):
        if judged is not None and judged.links:
            written.append(name)
            write_claims_table(judged, tables / name)
    if evaluated := success_rows(arms):
        written.append("success.csv")
        write_rows(tables / "success.csv", evaluated, tuple(evaluated[0]))
    return written


def _without_goals(arms: Arms, times: Times) -> dict[str, Any]:
    """Return what a page says in place of the goal where no arm observes one: of their inputs."""
    said: dict[str, list[str]] = {time: [] for time in TIMES}
    for group in arms.values():
        for run in group:
            for time, text in zip(TIMES, input_sentences(run, times), strict=True):
                said[time].append(f"{run.title}, {text[:1].lower()}{text[1:]}")
    last = next((time for time in reversed(TIMES) if times.windows[time] is not None), TIMES[0])
    return {
        "answer": "No arm observes a goal. What each uses, learns from and hears:",
        "summary": said[last],
        "sentences": said,
        "rules": [],
        "early_calls_in_words": [],
    }


def _steps(arms: Arms, times: Times) -> dict[str, dict[str, str]]:
    """Return arm -> time -> the environment steps its window spans, in words."""
    return {
        arm: {time: steps_of(runs, times.windows[time]) for time in TIMES}
        for arm, runs in arms.items()
    }


def _quantity_tables(assessment: Assessment, by_step: Assessment | None) -> list[dict[str, Any]]:
    tables: list[dict[str, Any]] = [{"title": "by update", "assessment": assessment}]
    if by_step is not None:
        tables.append({"title": "by environment step", "assessment": by_step})
    return tables
